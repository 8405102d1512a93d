"""One build, promoted by its digest: what a stage hands to the next, and what that one makes of it."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from breaking import found
from buildspec_runner import Build, run
from conftest import Run
from resolve import differing, rendered
from shells import as_in_a_shell, by_hand, fresh

from cfngen import (
    App,
    CodeCommit,
    Container,
    DescriptionError,
    Pipeline,
    Promotion,
    PromotionTarget,
    ScheduledTask,
    Service,
    Worker,
    load,
    stage_files,
)
from cfngen.local.server import listening
from cfngen.rehearse.certificates import Authority
from cfngen.simulate.files import Files
from cfngen.simulate.pipelines import run as play
from cfngen.simulate.pipelines import upload
from cfngen.simulate.scenario import parameters, requests
from cfngen.simulate.simulation import Simulation
from cfngen.stack import FOR_STAGES

DEV = App(
    name="shop",
    services=(Service(name="orders", containers=(Container(name="cache", source="services/cache"),)),),
    workers=(Worker(name="mailer"),),
    scheduled_tasks=(ScheduledTask(name="nightly", image_of="orders", command=("a",), schedule="rate(1 day)"),),
    pipeline=Pipeline(source=CodeCommit(create=True), promotes_to=PromotionTarget(stage="prod")),
)
PROD = replace(DEV, stage="prod", pipeline=Pipeline(source=Promotion(stage="dev"), approval=True))
TASKS = ("orders", "mailer")
OTHER = (
    replace(DEV, pipeline=Pipeline(source=CodeCommit(), promotes_to=PromotionTarget(stage="prod", other_account=True))),
    replace(PROD, pipeline=Pipeline(source=Promotion(stage="dev", other_account=True))),
)
"""The same in two accounts."""


@cache
def files(stage: str) -> dict[str, str]:
    return stage_files({"dev": DEV, "prod": PROD}[stage])


def resources(stage: str, file: str) -> dict[str, Any]:
    return _template(files(stage)[file])["Resources"]


def _template(text: str) -> Any:
    return yaml.load(text, _Tags)  # noqa: S506  (a safe loader)


class _Tags(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
    """Short tags, as mappings of one entry."""


def _tag(loader: Any, suffix: str, node: Any) -> Any:
    told = (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.MappingNode)
        else loader.construct_scalar(node)
    )
    return {suffix: told}


_Tags.add_multi_constructor("!", _tag)


# What both stages say


def test_outputs_of_one_stage_are_the_parameters_of_the_other() -> None:
    told = _template(files("prod")["shop.yaml"])["Outputs"]
    asked = _template(files("dev")["shop.yaml"])["Parameters"]
    names = {"PromotionBucketName", "PromotionKeyArn"}
    assert {name for name, each in told.items() if each["Description"] == FOR_STAGES} == names
    assert {name for name in asked if name.startswith("Promotion")} == names
    assert not any("Default" in asked[name] for name in names)
    assert names.isdisjoint(_template(files("prod")["shop.yaml"])["Parameters"])


@pytest.mark.parametrize("task", TASKS)
def test_a_pipeline_may_put_its_own_object_and_the_other_may_read_images_of_that_stage(task: str) -> None:
    made = resources("dev", f"pipeline-{task}.yaml")
    stages = made["Pipeline"]["Properties"]["Stages"]
    assert [each["Name"] for each in stages][-2:] in (["Deploy", "Promote"], ["Schedule", "Promote"])
    told = stages[-1]["Actions"][0]["Configuration"]
    assert (told["ObjectKey"], told["Extract"]) == (f"shop/prod/{task}.zip", "false")
    source = resources("prod", f"pipeline-{task}.yaml")["Pipeline"]["Properties"]["Stages"][0]["Actions"][0]
    assert source["Configuration"]["S3ObjectKey"] == told["ObjectKey"]
    [puts] = _allowing(made["PipelineRole"], "s3:PutObject", "/shop/")
    assert puts["Resource"][0]["Sub"][0].endswith(f":s3:::${{Bucket}}/shop/prod/{task}.zip")
    [reads] = [
        each
        for each in _allowing(resources("prod", f"pipeline-{task}.yaml")["BuildRole"], "ecr:BatchGetImage")
        if "Condition" in each
    ]
    assert set(reads["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    assert reads["Condition"] == {
        "StringEquals": {"aws:ResourceTag/Application": "shop", "aws:ResourceTag/Stage": "dev"}
    }
    # the tags by which they are found
    kind = "service" if task == "orders" else "worker"
    repository = resources("dev", f"{kind}-{task}.yaml")["Repository"]["Properties"]
    assert {"Key": "Stage", "Value": "dev"} in repository["Tags"]
    assert {"Key": "Application", "Value": "shop"} in repository["Tags"]


def test_what_builds_no_image_has_no_docker_daemon() -> None:
    for stage, is_built in (("dev", True), ("prod", False)):
        project = resources(stage, "pipeline-orders.yaml")["BuildProject"]["Properties"]
        assert project["Environment"]["PrivilegedMode"] is is_built
        assert ("- docker build" in files(stage)["orders/buildspec.yml"]) is is_built


def _allowing(role: Any, action: str, within: str = "") -> list[Any]:
    found = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [each for each in found if action in each["Action"] and within in json.dumps(each["Resource"])]


@pytest.mark.parametrize("app", OTHER, ids=lambda app: app.stage)
def test_what_is_let_in_from_another_account(app: App) -> None:
    """D5.3: policies of bucket, key and repositories name the other account, and roles of the other stage in it alone."""
    told = stage_files(app)
    made = {
        name: _template(text)["Resources"] for name, text in told.items() if "/" not in name and name.endswith("yaml")
    }
    statements = {
        f"{file}/{name}/{action}": each
        for file, bodies in made.items()
        for name, body in bodies.items()
        for policy in ("KeyPolicy", "PolicyDocument", "RepositoryPolicyText")
        for each in body["Properties"].get(policy, {}).get("Statement", ())
        if each.get("Sid", "").startswith("Promotion")
        for action in each["Action"]
    }
    repositories = {f"{file}.yaml/Repository" for file in ("service-orders", "worker-mailer")}
    reads = {f"{place}/ecr:{what}" for place in repositories for what in ("BatchGetImage", "GetDownloadUrlForLayer")}
    look = {f"pipeline.yaml/PromotionBucketPolicy/s3:GetBucket{what}" for what in ("Acl", "Location", "Versioning")}
    puts = {"pipeline.yaml/PromotionBucketPolicy/s3:PutObject"}
    key = {f"foundation.yaml/Key/kms:{what}" for what in ("Decrypt", "GenerateDataKey")}
    assert set(statements) == (reads if app.stage == "dev" else look | puts | key)
    for each in statements.values():
        account = {"Account": {"Ref": "PromotionAccountId"}}
        assert each["Principal"] == {"AWS": {"Sub": ["arn:${AWS::Partition}:iam::${Account}:root", account]}}
        other = "prod" if app.stage == "dev" else "dev"
        tags = {"aws:PrincipalTag/Application": "shop", "aws:PrincipalTag/Stage": other}
        assert each["Condition"]["StringEquals"] == tags
    role = made["pipeline-orders.yaml"]["PipelineRole" if app.stage == "dev" else "BuildRole"]
    # the tags by which they know each other
    assert {"Key": "Application", "Value": "shop"} in role["Properties"]["Tags"]
    assert {"Key": "Stage", "Value": app.stage} in role["Properties"]["Tags"]
    action, place = (
        ("s3:PutObject", "/shop/prod/orders.zip") if app.stage == "dev" else ("ecr:BatchGetImage", "Account")
    )
    assert "PromotionAccountId" in json.dumps(_allowing(role, action, place))
    parameter = _template(told["shop.yaml"])["Parameters"]["PromotionAccountId"]
    assert re.fullmatch(parameter["AllowedPattern"], "123456789012")


@pytest.mark.parametrize("app", [DEV, PROD, *OTHER], ids=lambda app: app.stage)
def test_the_files_of_each_stage_agree_with_each_other(app: App, tmp_path: Path) -> None:
    assert {each.level for each in found(tmp_path, stage_files(app))} <= {"info"}


def test_one_account_lets_no_other_in() -> None:
    for stage in ("dev", "prod"):
        assert "PromotionAccountId" not in "".join(files(stage).values())


# From one stage to the other


def deployed(stage: str) -> Simulation:
    simulation = Simulation()
    told = Files(files(stage))
    assert simulation.deploy(told, parameters(told, {}), {}).is_good
    simulation.settle(simulation.look_around(requests(simulation.world)))
    return simulation


def test_what_one_stage_released_starts_the_pipeline_of_the_same_service_in_the_other() -> None:
    dev, prod = deployed("dev"), deployed("prod")
    [bucket] = {
        str(each["Stages"][0]["Actions"][0]["Configuration"]["S3Bucket"]) for each in prod.world.pipelines.values()
    }
    for task in TASKS:
        execution = play(dev, f"shop-dev-{task}", Files(files("dev")))
        [(_, key)] = execution.uploads
        assert upload(prod.world, bucket, key) == [f"shop-prod-{task}"]
    assert upload(prod.world, "another", "shop/prod/orders.zip") == []
    released = play(prod, "shop-prod-orders", Files(files("prod")))
    assert released.done == ["Source", "Build", "Approve", "Deploy", "Schedule"]
    assert released.deployment
    prod.finish(released.deployment)
    assert released.deployment.state == "Succeeded"
    rejected = play(prod, "shop-prod-orders", Files(files("prod")), approved=False)
    assert rejected.done == ["Source", "Build"]


@pytest.mark.filterwarnings("ignore")  # moto's
def test_both_stand_in_a_local_account_and_go(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what `cfngen generate` tells when a stage begins to promote; preflight finds nothing to say of either."""
    with listening() as (url, serve):
        serve(fresh(url))
        as_in_a_shell(monkeypatch, tmp_path, AWS_ENDPOINT_URL=url)
        by_hand("aws s3 mb s3://templates")
        plain = "balancer: {https: false, deletion_protection: false, access_logs: false}\nnetwork: {zones: 2}\n"
        Path("cfngen.yaml").write_text(YAML + plain, encoding="utf-8")
        [note] = [line for line in cfngen("generate").err.splitlines() if "promotes" in line]
        assert note.startswith("note: shop dev: deploy prod, which it promotes to, first;")
        assert "promotes" not in cfngen("generate").err
        refused = cfngen("deploy", "--stage", "dev", "--yes")
        assert "PromotionBucketName: it has no value yet" in refused.err
        assert "output of that name of the stage prod, which this one promotes to" in refused.err
        assert cfngen("deploy", "--stage", "prod", "--yes").status == 0
        told = by_hand(f"printf '%s\\n' {note.partition('--parameter-overrides ')[2]}").splitlines()
        assert [each.partition("=")[0] for each in told] == ["PromotionBucketName", "PromotionKeyArn"]
        given = [word for each in (*told, "SourceRepositoryName=shop") for word in ("--parameter", each)]
        assert cfngen("deploy", "--stage", "dev", "--yes", *given).status == 0
        for stage in ("dev", "prod"):
            seen = cfngen("preflight", f"templates/shop/{stage}", "--stack", f"shop-{stage}")
            assert (seen.status, seen.err) == (0, f"shop-{stage}; errors: 0, warnings: 0, notes: 0\n")
        left = json.loads(cfngen("destroy", "--stage", "prod", "--yes", "--format", "json").out)["left"]
        [bucket] = [each for each in left if each["place"] == "Pipeline/PromotionBucket"]
        assert bucket["remove"].startswith(f"until aws s3 rb s3://{bucket['physical_id']}; ")


def test_nothing_is_promoted_that_was_not_released() -> None:
    dev = deployed("dev")
    execution = play(dev, "shop-dev-mailer", Files(files("dev")), tasks_stay=False)
    assert execution.failed
    assert not execution.uploads


def test_a_stage_that_builds_may_begin_to_take_what_another_built() -> None:
    before = rendered(replace(PROD, pipeline=Pipeline(source=CodeCommit())))
    after = rendered(PROD, before.ledger)
    changed = {place.partition("/")[0] for place in differing(before.tree, after.tree)}
    assert {f"pipeline-{task}.yaml" for task in TASKS} <= changed
    # nothing of what runs or carries traffic
    assert changed <= {"shop.yaml", "pipeline.yaml", *(f"pipeline-{task}.yaml" for task in TASKS)}


# The image, copied for real between two repositories of a registry


@dataclass
class Registry:
    """A registry with TLS that sends readers of layers on to another host, as ECR does."""

    address: str = ""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def add(self, repository: str, blob: bytes) -> str:
        digest = _digest(blob)
        self.blobs[repository, digest] = blob
        return digest

    def image(self, repository: str, *layers: bytes) -> str:
        """Add an image, whose manifest is spelt as no program here would; the digest comes back."""
        config = self.add(repository, b'{"os": "linux"}')
        told = {
            "schemaVersion": 2,
            "config": {"digest": config},
            "layers": [{"digest": self.add(repository, each)} for each in layers],
        }
        text = json.dumps(told, indent=3).encode() + b"\n"
        self.manifests[repository, _digest(text)] = text
        return _digest(text)


def _digest(text: bytes) -> str:
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Front(BaseHTTPRequestHandler):
    """What the registry says by HTTP."""

    @property
    def registry(self) -> Registry:
        return self.server.registry  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/elsewhere/"):
            assert "Authorization" not in self.headers
            _, _, name, digest = path.split("/")
            self.say(200, self.registry.blobs[name, digest])
            return
        name, kind, which = self.asked()
        if kind == "manifests":
            assert TYPE in self.headers["Accept"]
            self.say(200, self.registry.manifests[name, which], Content_Type=TYPE)
        else:
            self.say(307, Location=f"https://{self.registry.address}/elsewhere/{name}/{which}")

    def do_HEAD(self) -> None:
        name, _, which = self.asked()
        self.say(200 if (name, which) in self.registry.blobs else 404)

    def do_POST(self) -> None:
        self.asked()
        place = f"/v2/uploads/{len(self.registry.uploads)}"
        self.registry.uploads[place] = b""
        self.say(202, Location=place)

    def do_PATCH(self) -> None:
        self.registry.uploads[self.path] += self.body()
        self.say(202, Location=f"{self.path}?state=next")

    def do_PUT(self) -> None:
        whole = self.body()
        if "/uploads/" in self.path:
            place, _, query = self.path.partition("?")
            blob = self.registry.uploads.pop(place)
            assert parse_qs(query)["digest"] == [_digest(blob)]
            self.registry.blobs["prod", _digest(blob)] = blob
        else:
            name, _, tag = self.asked()
            assert self.headers["Content-Type"] == TYPE
            self.registry.manifests[name, tag] = whole
        self.say(201)

    def asked(self) -> tuple[str, str, str]:
        assert self.headers["Authorization"] == "Basic QVdTOmEgdG9rZW4="  # AWS and the token that aws printed
        self.registry.log.append(f"{self.command} {self.path}")
        _, _, name, kind, which, *_ = self.path.split("/")
        return name, kind, which

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def say(self, status: int, text: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content_Length": str(len(text))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    authority = Authority(tmp_path)
    certificate, _ = authority.certificate("registry", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ExitStack() as end:
        server = end.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Front))
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        made = Registry(f"127.0.0.1:{server.server_port}")
        server.registry = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        end.callback(server.shutdown)
        yield made


def built(
    stage: str, place: Path, sources: dict[str, str], digests: dict[str, str], repository: str, task: str = "orders"
) -> Build:
    """Run a stage's build; `digests` are what the registry says of each tag, by its end."""
    for name, text in sources.items():
        path = place / stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = resources(stage, f"pipeline-{task}.yaml")["BuildProject"]["Properties"]
    given = {each["Name"]: f"the {each['Name'].lower()}" for each in project["Environment"]["EnvironmentVariables"]}
    told = {
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "0123456789abcdef",
        "CODEBUILD_BUILD_NUMBER": "7",
        "REPOSITORY_URI": repository,
        "SSL_CERT_FILE": str(place / "authority.pem"),
    }
    answers = {
        "docker *": "",
        "aws ecr get-login-password": "a token",
        **{f"aws ecr describe-images *{tag} *": digest for tag, digest in digests.items()},
        "aws ecr describe-image-scan-findings *imageScanStatus.status*": "COMPLETE",
        "aws ecr describe-image-scan-findings *": "None\tNone",
    }
    return run(files(stage)[f"{task}/buildspec.yml"], place / stage, place / f"build-{stage}", given | told, answers)


def promoted(place: Path, digests: dict[str, str], repository: str, task: str = "orders") -> dict[str, str]:
    """What dev hands on: its own files and those of prod are in the commit."""
    sources = {
        f"templates/shop/{stage}/{name}": text for stage in ("dev", "prod") for name, text in files(stage).items()
    }
    made = built("dev", place, sources, digests, repository, task)
    assert not made.failed, made.log
    return dict(made.artifacts["Promoted"])


def test_an_image_arrives_with_its_digest_and_the_files_of_the_other_stage(registry: Registry, tmp_path: Path) -> None:
    base = b"a layer that both have" * 9
    main = registry.image("dev", base, b"the code" * 200_000)
    cache = registry.image("dev", base, b"the cache")
    registry.log.clear()
    digests = {"-7-cache": cache, "-7": main}
    bundle = promoted(tmp_path, digests, f"{registry.address}/dev")
    assert bundle["templates/shop/prod/orders/taskdef.json"] == files("prod")["orders/taskdef.json"]
    assert not [name for name in bundle if name.startswith("templates/shop/dev")]

    made = built("prod", tmp_path, bundle, digests, f"{registry.address}/prod")
    assert not made.failed, made.log
    assert not made.called("docker")
    tag = made.exported["IMAGE_TAG"]
    assert _digest(registry.manifests["prod", tag]) == main
    assert _digest(registry.manifests["prod", f"{tag}-cache"]) == cache
    assert {digest for name, digest in registry.blobs if name == "prod"} == {
        d for name, d in registry.blobs if name == "dev"
    }
    assert json.loads(made.artifacts["Image"]["imageDetail.json"]) == {"ImageURI": f"{registry.address}/prod@{main}"}
    assert "the stack_execution_role_arn" in made.artifacts["Defs"]["taskdef.json"]  # prod's own values
    sent = [line for line in registry.log if re.match("POST .*/uploads/", line)]
    assert len(sent) == 4  # the config and the base layer once


def test_a_worker_is_promoted_as_well(registry: Registry, tmp_path: Path) -> None:
    digests = {"-7": registry.image("dev", b"the mailer")}
    bundle = promoted(tmp_path, digests, f"{registry.address}/dev", "mailer")
    made = built("prod", tmp_path, bundle, digests, f"{registry.address}/prod", "mailer")
    assert not made.failed, made.log
    assert f"{registry.address}/prod@{digests['-7']}" in json.dumps(made.artifacts, default=dict)


@pytest.mark.parametrize("what", ["another manifest", "another digest afterwards", "no image of that name"])
def test_what_is_not_the_image_that_was_promoted_is_not_released(what: str, registry: Registry, tmp_path: Path) -> None:
    digests = {"-7-cache": registry.image("dev", b"the cache"), "-7": registry.image("dev", b"the code")}
    bundle = promoted(tmp_path, digests, f"{registry.address}/dev")
    after = dict(digests)
    if what == "another manifest":
        registry.manifests["dev", digests["-7"]] += b" "
        says = "is no image of that digest"
    elif what == "another digest afterwards":
        after["-7"] = _digest(b"")
        says = "which is not the digest that was promoted"
    else:
        bundle["cfngen-images.json"] = "{}"
        says = "What was promoted has no image for STACK_IMAGE"
    made = built("prod", tmp_path, bundle, after, f"{registry.address}/prod")
    assert made.failed == "build"
    assert says in made.log
    assert "Image" not in made.artifacts


# What does not fit

REFUSED = {
    "no such stage": ("dev = replace(dev, stage='test')", "pipeline.source.stage", "another stage of 'shop'"),
    "no target": (
        "dev = replace(dev, pipeline=Pipeline(source=CodeCommit()))",
        "pipeline.source.stage",
        "a stage that promotes_to 'prod', and 'dev' promotes to none",
    ),
    "another target": (
        "dev = replace(dev, pipeline=Pipeline(source=CodeCommit(), promotes_to=PromotionTarget(stage='live')))",
        "pipeline.source.stage",
        "'dev' does to 'live'",
    ),
    "a target that builds": (
        "prod = replace(prod, pipeline=Pipeline(source=CodeCommit()))",
        "pipeline.promotes_to.stage",
        "a stage whose pipeline has a Promotion of 'dev' as its source, and 'prod' has not",
    ),
    "an unknown target": (
        "prod = replace(prod, stage='live')",
        "pipeline.promotes_to.stage",
        "another stage of 'shop'",
    ),
    "files elsewhere": (
        "prod = replace(prod, pipeline=replace(prod.pipeline, files='deploy/prod'))",
        "pipeline.promotes_to.files",
        "'deploy/prod', where 'prod' has its own",
    ),
    "another account in one of them": (
        "prod = replace(prod, pipeline=Pipeline(source=Promotion(stage='dev', other_account=True)))",
        "pipeline.promotes_to.other_account",
        "True, as 'prod' says of its source",
    ),
    "a service less": (
        "dev = replace(dev, services=(*dev.services, Service(name='extra', paths=('/extra/*',))))",
        ".services",
        "the same as 'prod' has, which it promotes to; only one of them has extra",
    ),
    "another machine": (
        "prod = replace(prod, services=(replace(prod.services[0], architecture='X86_64'),))",
        "services[0].architecture",
        "'X86_64' as in 'prod', which runs the same image",
    ),
}  # fmt: skip
DESCRIPTION = """\
from dataclasses import replace
from cfngen import App, CodeCommit, Pipeline, Promotion, PromotionTarget, Service
dev = App(name="shop", services=(Service(name="web"),),
          pipeline=Pipeline(source=CodeCommit(), promotes_to=PromotionTarget(stage="prod")))
prod = replace(dev, stage="prod", pipeline=Pipeline(source=Promotion(stage="dev")))
{change}
stages = (dev, prod)
"""


@pytest.mark.parametrize("name", REFUSED)
def test_stages_that_do_not_fit_are_refused(name: str, tmp_path: Path) -> None:
    change, place, says = REFUSED[name]
    (tmp_path / "a.py").write_text(DESCRIPTION.format(change=change), encoding="utf-8")
    with pytest.raises(DescriptionError) as refused:
        load.load(tmp_path / "a.py")
    assert any(place in str(each) and says in str(each) for each in refused.value.problems), str(refused.value)


def test_stages_in_yaml_fit(tmp_path: Path) -> None:
    (tmp_path / "cfngen.yaml").write_text(YAML, encoding="utf-8")
    dev, prod = load.load(tmp_path / "cfngen.yaml")
    assert dev.pipeline
    assert prod.pipeline
    assert dev.pipeline.promotes_to == PromotionTarget(stage="prod")
    assert prod.pipeline.source == Promotion(stage="dev")


YAML = """\
name: shop
services: {web: {}}
stages:
  dev: {pipeline: {source: {CodeCommit: {branch: main}}, promotes_to: {stage: prod}}}
  prod: {pipeline: {source: {Promotion: {stage: dev}}, approval: true}}
"""
