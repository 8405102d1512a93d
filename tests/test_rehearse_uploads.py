"""A rehearsal's uploads to S3: the deployed rules start just the pipelines of the objects, which take their newest versions."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rehearsed import deploy

from cfngen import S3, App, Network, Pipeline, Promotion, Service
from cfngen.disk import write
from cfngen.rehearse import parameters, pushes, uploads
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.pipeline import Execution
from cfngen.rehearse.room import Room, room
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Story
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
DESK = Service(name="desk", paths=("/desk", "/desk/*"), health_path="/desk/health")
APP = App(name="shop", stage="dev", services=(Service(name="web"), DESK), pipeline=Pipeline(source=S3()), network=Network(nat="one"))  # fmt: skip


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Account, Source]]:
    project = tmp_path_factory.mktemp("project")
    folder = project / "templates" / "shop" / "dev"
    write({folder: stage_files(APP)})
    for name in ("web", "desk"):
        (project / "services" / name).mkdir(parents=True)
        (project / "services" / name / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    (project / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (project / "run.sh").chmod(0o755)
    (project / "link").symlink_to("run.sh")
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(folder, "shop.yaml", {}, account, authority, testers="127.0.1.0/24")
        assert given["SourceBucketName"] == "rehearsal-source"
        deploy(account, folder, "shop.yaml", "shop-dev", given)
        account.play("codepipeline", "TakeExecutions")  # somebody plays
        yield here, account, Source(here, project)


def push(uploaded: tuple[Room, Account, Source], before: str) -> list[str]:
    here, account, source = uploaded
    started = pushes.starts(account, pushes.pushed(here, source.folder, before, source.commit))
    return sorted(f"{each.pipeline} {each.by.partition('-Upload')[0][:8]}" for each in started)


def test_an_upload_starts_the_pipelines_whose_files_a_commit_changed(uploaded: tuple[Room, Account, Source]) -> None:
    _, account, source = uploaded
    pushes.check_sources(account)
    assert [each.split()[0] for each in push(uploaded, "")] == ["shop-dev-desk", "shop-dev-web"]
    first = source.commit
    source.change({"services/desk/Dockerfile": "FROM scratch\nLABEL a=b\n"}, "another desk")
    assert [each.split()[0] for each in push(uploaded, first)] == ["shop-dev-desk"]
    second = source.commit
    source.change({"templates/shop/dev/web/appspec.yaml": "other"}, "another web")
    assert [each.split()[0] for each in push(uploaded, second)] == ["shop-dev-web"]
    third = source.commit
    source.change({"README.md": "nobody's"}, "a page")
    assert push(uploaded, third) == []
    listed = account.client("s3").list_object_versions(Bucket="rehearsal-source")["Versions"]
    assert sorted(each["Key"] for each in listed) == ["shop/dev/desk.zip"] * 2 + ["shop/dev/web.zip"] * 2


def test_a_pipeline_takes_the_newest_version_of_its_object(
    uploaded: tuple[Room, Account, Source], tmp_path: Path
) -> None:
    here, account, source = uploaded
    push(uploaded, "")
    pipeline = account.client("codepipeline").get_pipeline(name="shop-dev-web")["pipeline"]
    identity = account.client("codepipeline").start_pipeline_execution(name="shop-dev-web")["pipelineExecutionId"]
    runner: Any = SimpleNamespace(account=account, story=Story(lambda _: None), room=here)
    execution = Execution(runner, "shop-dev-web", identity, tmp_path)
    execution.act("Source", pipeline["stages"][0]["actions"][0])
    version = account.client("s3").head_object(Bucket="rehearsal-source", Key="shop/dev/web.zip")["VersionId"]
    assert execution.commit == execution.variables["Source"]["VersionId"] == version
    place = execution.artifacts["Source"]
    assert (place / "services/desk/Dockerfile").read_text(encoding="utf-8") == (
        source.folder / "services/desk/Dockerfile"
    ).read_text(encoding="utf-8")
    assert os.access(place / "run.sh", os.X_OK)
    assert str((place / "link").readlink()) == "run.sh"


def test_a_bucket_that_keeps_no_versions_is_told(uploaded: tuple[Room, Account, Source]) -> None:
    s3 = uploaded[1].client("s3")
    for status in ("Suspended", "Enabled"):
        told = {"Status": status}
        s3.put_bucket_versioning(Bucket="rehearsal-source", VersioningConfiguration=told)
        if status == "Suspended":
            with pytest.raises(RehearsalError, match="the bucket rehearsal-source keeps no versions"):
                push(uploaded, "")


def test_what_another_stage_built_is_refused_by_name(uploaded: tuple[Room, Account, Source]) -> None:
    account = uploaded[1]
    text = stage_files(
        App(name="shop", stage="prod", services=(DESK,), pipeline=Pipeline(source=Promotion(stage="dev")))
    )
    assert any("PrivilegedMode: false" in str(each) for each in text.values())
    builds = account.client("codebuild")
    told = builds.batch_get_projects(names=["shop-dev-web"])["projects"][0]["environment"]
    builds.update_project(name="shop-dev-web", environment={**told, "privilegedMode": False})
    try:
        with pytest.raises(RehearsalError, match="shop-dev-web: it takes what another stage built"):
            pushes.check_sources(account)
    finally:
        builds.update_project(name="shop-dev-web", environment=told)
    assert not uploads.is_promoted(
        account, account.client("codepipeline").get_pipeline(name="shop-dev-web")["pipeline"]
    )
