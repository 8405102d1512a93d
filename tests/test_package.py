"""The real AWS CLI packages the generated tree, against moto's S3 on this machine (statement 4)."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from moto.server import ThreadedMotoServer

from cfngen import stage_files, write

PROJECT = Path(__file__).parents[1]
BUCKET = "packages"


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML's loader, with the short tags as the functions that they stand for."""


def _function(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if tag == "GetAtt" else text}


Loader.add_multi_constructor("!", _function)


@dataclass(frozen=True)
class Registry:
    """A bucket, and the CLI that uploads to it."""

    environment: Mapping[str, str]
    s3: Any

    def package(self, folder: Path, output: Path) -> dict[str, Any]:
        """Run the command of the README; return the root template that it wrote."""
        command = ["cloudformation", "package", "--template-file", "coffee.yaml", "--s3-bucket", BUCKET]
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), *command, "--output-template-file", output],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return read(output.read_text(encoding="utf-8"))

    def objects(self) -> dict[str, str]:
        """The bucket's objects, by key."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode() for each in listed
        }


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    yield f"http://localhost:{made.get_host_and_port()[1]}"
    made.stop()


@pytest.fixture
def registry(server: str, tmp_path: Path) -> Iterator[Registry]:
    told = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "NO_PROXY": "localhost",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in told.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield Registry({"PATH": os.defpath, **told}, client)
        for key in [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]:
            client.delete_object(Bucket=BUCKET, Key=key)
        client.delete_bucket(Bucket=BUCKET)
        client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of coffee's first stage."""
    app = runpy.run_path(str(PROJECT / "services/coffee.py"))["stages"][0]
    write({tmp_path / "dev": stage_files(app, source="services/coffee.py")})
    return tmp_path / "dev"


def read(text: str) -> dict[str, Any]:
    return yaml.load(text, Loader)  # type: ignore[no-any-return]  # noqa: S506  (a safe one)


def addresses(template: Mapping[str, Any]) -> dict[str, str]:
    """The templates that are nested, by logical id."""
    return {
        name: resource["Properties"]["TemplateURL"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }


def keys(template: Mapping[str, Any]) -> dict[str, str]:
    return {name: url.rpartition("/")[2] for name, url in addresses(template).items()}


def test_the_tree_is_packaged_by_content(registry: Registry, folder: Path, tmp_path: Path) -> None:
    before = read((folder / "coffee.yaml").read_text(encoding="utf-8"))
    children = addresses(before)
    first = registry.package(folder, tmp_path / "first.yaml")

    # Every nested template is uploaded, as it is but for the CLI's own spelling, and named by its address.
    assert len(children) >= 9
    assert set(children.values()) == {path.name for path in folder.glob("*.yaml")} - {"coffee.yaml"}
    assert addresses(first).keys() == children.keys()
    uploaded = registry.objects()
    assert set(keys(first).values()) == set(uploaded)
    for name, url in addresses(first).items():
        assert re.fullmatch(rf"https?://[\w.:-]+/{BUCKET}/[0-9a-f]{{32}}\.template", url), url
        assert read(uploaded[keys(first)[name]]) == read((folder / children[name]).read_text(encoding="utf-8")), name
    for template, urls in ((before, children), (first, addresses(first))):
        for name in urls:
            template["Resources"][name]["Properties"]["TemplateURL"] = "its own"
    assert first == before

    # Again, under the same keys.
    again = registry.package(folder, tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_text(encoding="utf-8") == (tmp_path / "first.yaml").read_text(
        encoding="utf-8"
    )
    assert registry.objects() == uploaded

    # A child that changes gets another key, and it alone.
    network = folder / "network.yaml"
    network.write_text(network.read_text(encoding="utf-8").replace("10.16.0.0/16", "10.18.0.0/16"), encoding="utf-8")
    changed = registry.package(folder, tmp_path / "changed.yaml")
    old, new = keys(again), keys(changed)
    assert [name for name in old if old[name] != new[name]] == ["Network"]
    assert registry.objects().keys() - uploaded.keys() == {new["Network"]}


def test_a_nested_template_that_is_missing_is_no_package(registry: Registry, folder: Path, tmp_path: Path) -> None:
    (folder / "watch.yaml").unlink()
    with pytest.raises(AssertionError, match=r"watch\.yaml"):
        registry.package(folder, tmp_path / "first.yaml")
