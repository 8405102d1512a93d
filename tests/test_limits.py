"""Every limit of AWS that bounds a stage: generate refuses what passes it, with the number, and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run
from troposphere import Join, Tags, cloudformation, codedeploy, elasticloadbalancingv2, iam, sqs

from cfngen import (
    App,
    Balancer,
    CodeCommit,
    Database,
    DescriptionError,
    Pipeline,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    Stack,
    Text,
    WiringError,
    application_stack,
    cells,
    limits,
    plan,
    stage_files,
    tree_files,
)
from cfngen.limits import Limit

DOCS = Path(__file__).parents[1] / "docs" / "limits.md"
SMALL = App(name="shop", services=(Service(name="web"),), balancer=Balancer(https=False))


def generated(change: Callable[[Stack], None]) -> Mapping[str, str]:
    """The files of a small stage whose root was changed in some way."""
    settled = plan(SMALL)
    root = Stack(SMALL.name)
    application_stack(root, settled)
    change(root)
    return tree_files(root, settled)


def queues(stack: Stack, number: int, **properties: object) -> None:
    for index in range(number):
        stack.add(sqs.Queue(f"Queue{index}", **properties))


def inner(stack: Stack, number: int) -> None:
    """Queues in a stack of their own."""
    queues(stack, number)


def nested(root: Stack, number: int) -> None:
    for index in range(5):
        root.nest(f"part-{index}", inner, number // 5)


def noted(root: Stack, size: int) -> None:
    root.add(cloudformation.WaitConditionHandle("Note", Metadata={"Text": "x" * size}))


def parameters(root: Stack, number: int) -> None:
    for index in range(number):
        queues_name = Text.parameter(f"Given{index}")
        root.add(sqs.Queue(f"Queue{index}", QueueName=queues_name))


def outputs(root: Stack, number: int) -> None:
    for index in range(number):
        root.output(f"Told{index}", Text("x"))


def mappings(root: Stack, number: int) -> None:
    for index in range(number):
        root.template.mappings[f"Map{index}"] = {"a": {"b": "c"}}


def secrets(root: Stack, number: int) -> None:
    queues(root, number, Tags=Tags(Told="{{resolve:ssm:/told}}"))


def described(root: Stack, size: int) -> None:
    root.template.description = "x" * size


def named(root: Stack, size: int) -> None:
    root.add(sqs.Queue("Q" * size))


def given(root: Stack, size: int) -> None:
    root.add(sqs.Queue("Named", QueueName=Text.parameter("Name", Default="x" * size)))


def passed_on(root: Stack, size: int) -> None:
    parameter = root.find(cloudformation.Stack, "Cluster").Parameters
    parameter["Told"] = "x" * size


def groups(root: Stack, number: int) -> None:
    for index in range(number):
        root.add(elasticloadbalancingv2.TargetGroup(f"Group{index}", TargetType="lambda"))


def role(root: Stack, size: int) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": Join("", ["arn:", "x" * 5000])}
    documents = [{"Version": "2012-10-17", "Statement": [{**statement, "Sid": "S" * (size // 2)}]} for _ in range(2)]
    policies = [iam.Policy(PolicyName=f"p{index}", PolicyDocument=each) for index, each in enumerate(documents)]
    root.add(iam.Role("Told", AssumeRolePolicyDocument={}, Policies=policies))


def alarms(root: Stack, number: int) -> None:
    told = codedeploy.AlarmConfiguration(Alarms=[codedeploy.Alarm(Name=f"a{index}") for index in range(number)])
    root.add(codedeploy.DeploymentGroup("Told", ApplicationName="a", ServiceRoleArn="arn:x", AlarmConfiguration=told))


CASES = [
    (limits.RESOURCES, queues, 500 - 8, 501, "shop.yaml: "),
    (limits.TREE, nested, 2_000, 2_495, "shop.yaml: "),
    (limits.BYTES, noted, 900_000, 1_000_000, "shop.yaml: "),
    (limits.PARAMETERS, parameters, 190, 201, "shop.yaml: "),
    (limits.OUTPUTS, outputs, 190, 201, "shop.yaml: "),
    (limits.MAPPINGS, mappings, 200, 201, "shop.yaml: 201; "),
    (limits.DYNAMIC_REFERENCES, secrets, 60, 61, "shop.yaml: 61; "),
    (limits.DESCRIPTION, described, 1_024, 1_025, "shop.yaml: 1,025; "),
    (limits.NAME, named, 255, 256, f"shop.yaml: {'Q' * 40}...: 256; "),
    (limits.VALUE, given, 4_096, 4_097, "shop.yaml: Name: 4,097; "),
    (limits.TARGET_GROUPS, groups, 98, 99, "shop.yaml: 101; "),
    (limits.INLINE_POLICIES, role, 9_000, 10_240, "shop.yaml: Told: "),
    (limits.DEPLOYMENT_ALARMS, alarms, 10, 11, "shop.yaml: Told: 11; "),
]


@pytest.mark.parametrize(("limit", "change", "fits", "_much", "_where"), CASES, ids=[each[0].what for each in CASES])
def test_what_reaches_a_limit_is_generated(
    limit: Limit, change: Callable[[Stack, int], None], fits: int, _much: int, _where: str
) -> None:
    assert generated(lambda root: change(root, fits))


@pytest.mark.parametrize(("limit", "change", "_fits", "much", "where"), CASES, ids=[each[0].what for each in CASES])
def test_what_passes_a_limit_is_refused_with_its_number_and_a_way_out(
    limit: Limit, change: Callable[[Stack, int], None], _fits: int, much: int, where: str
) -> None:
    with pytest.raises((DescriptionError, WiringError)) as refusal:
        generated(lambda root: change(root, much))
    told = str(refusal.value).splitlines()
    (line,) = (each for each in told if f"{limit.number:,} is the limit of {limit.what}; " in each)
    assert line.startswith(where), line
    assert line.endswith(limit.way_out)


def test_all_that_passes_is_told_at_once() -> None:
    def change(root: Stack) -> None:
        mappings(root, 201)
        parameters(root, 201)

    with pytest.raises(DescriptionError) as refusal:
        generated(change)
    assert len(refusal.value.problems) == 2


def bench(number: int, *, with_all: bool = True) -> App:
    """Services with hosts of their own; with a database and pipelines, or without."""
    names = [f"svc{index}" for index in range(number)]
    services = tuple(Service(name=name, hosts=(f"{name}.example.com",)) for name in names)
    if not with_all:
        return App(name="bench", services=services)
    database, pipeline = Database(writers=tuple(names)), Pipeline(source=CodeCommit(create=True))
    return App(name="bench", services=services, database=database, pipeline=pipeline)


@pytest.mark.parametrize(
    ("number", "with_all", "roots"), [(10, True, 1), (45, True, 1), (46, True, 2), (200, False, 5)]
)
def test_any_number_of_services_is_within_every_limit(number: int, with_all: bool, roots: int) -> None:
    files = stage_files(bench(number, with_all=with_all))
    assert sum(re.search("(^|/)service-", file) is not None for file in files) == number
    assert sum(re.search("(^|/)bench.yaml$", file) is not None for file in files) == roots


def test_what_a_service_is_taken_to_bring_is_more_than_it_does() -> None:
    """A cell is filled by what its services are taken to bring, before they are made."""
    smoke = Release(smoke_test=SmokeTest(path="/"))
    heavy = Service(
        name="svc0", hosts=("svc0.example.com",), release=smoke, migrate=("migrate",), egress_ports=(443, 5671)
    )
    task = ScheduledTask(name="report", schedule="rate(1 day)", image_of="svc0", command=("report",))
    light = bench(2)
    app = replace(light, services=(heavy, light.services[1]), scheduled_tasks=(task,))

    def made(app: App) -> int:
        files = stage_files(replace(app, services_per_cell=1))
        texts = [
            text
            for name, text in files.items()
            if re.match(r"cell-2/|(service|pipeline|scheduled)-svc|scheduled-", name)
        ]
        return sum(len(re.findall(r"^  \w+:\n    Type: AWS::", text, re.MULTILINE)) for text in texts)

    assert 0 < made(app) <= sum(cells.resources(app, each) for each in app.services) + cells.SHARED


def test_a_refusal_writes_nothing(cfngen: Run, tmp_path: Path) -> None:
    description = tmp_path / "app.py"
    description.write_text(
        "from cfngen import App, Service\n"
        "paths = tuple(f'/p{n}' for n in range(26 * 10))\n"
        "app = App(name='shop', services=(Service(name='web', paths=paths, health_path='/p0'),))\n"
    )
    made = cfngen("generate", str(description), "--out", str(tmp_path / "out"))
    assert made.status == 2
    assert f"at most {limits.RULES.number} on one balancer" in made.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("maximum", "is_told"), [(250, False), (251, True)])
def test_more_tasks_than_a_balancer_has_targets_for_are_told(
    maximum: int, is_told: bool, cfngen: Run, tmp_path: Path
) -> None:
    description = tmp_path / "app.py"
    description.write_text(
        "from cfngen import App, Scaling, Service\n"
        f"scaling = Scaling(maximum={maximum})\n"
        "services = tuple(Service(name=n, paths=(f'/{n}',), health_path=f'/{n}', scaling=scaling) for n in ('a', 'b'))\n"
        "app = App(name='shop', services=services)\n"
    )
    made = cfngen("generate", str(description), "--out", str(tmp_path / "out"))
    assert made.status == 0
    told = f"note: shop dev: {4 * maximum:,} where 1,000 is the limit of {limits.TARGETS.what}"
    assert (told in made.err) is is_told


def test_the_page_of_limits_has_all_of_them() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| (.+?) \| (yes|no) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {(f"{each.number:,}", each.what, "yes" if each.is_adjustable else "no") for each in limits.LIMITS}
    assert told <= set(rows)
