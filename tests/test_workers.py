"""Workers, queues and scheduled tasks: what is refused, what is written, how they are released, what an update leaves alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from resolve import differing, rendered

from cfngen import (
    App,
    CodeCommit,
    Container,
    Database,
    DescriptionError,
    LedgerError,
    OffHours,
    Pipeline,
    Queue,
    ScheduledScaling,
    ScheduledTask,
    Service,
    Text,
    Worker,
    WorkerScaling,
    stage_files,
)
from cfngen.simulate.files import Files
from cfngen.simulate.pipelines import Execution, run
from cfngen.simulate.scenario import parameters, requests
from cfngen.simulate.simulation import Simulation

NIGHTLY = ScheduledTask(
    name="nightly",
    schedule="cron(0 3 * * ? *)",
    timezone="Europe/Berlin",
    image_of="web",
    command=("node", "clean.js"),
    environment={"MODE": "clean"},
)
REPORT = ScheduledTask(name="report", schedule="rate(1 hour)", flexible_minutes=15, retries=0)
MAILER = Worker(
    name="mailer",
    queue=Queue(senders=("web", "nightly"), visibility_timeout_seconds=300),
    scaling=WorkerScaling(minimum=0, messages_per_task=20),
    containers=(Container(name="proxy", source="services/proxy"),),
)
SHOP = App(
    name="shop",
    services=(Service(name="web", environment={"MODE": "serve", "KEEP": "1", "ON": Text.parameter("Flag")}),),
    workers=(MAILER, Worker(name="clock", minimum_healthy_percent=0, maximum_percent=100)),
    scheduled_tasks=(NIGHTLY, REPORT),
    database=Database(writers=("mailer",), readers=("nightly",)),
    pipeline=Pipeline(source=CodeCommit(), approval=True),
    off_hours=OffHours(),
)


def with_mailer(**options: Any) -> App:
    return replace(SHOP, workers=(replace(MAILER, **options), *SHOP.workers[1:]))


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return stage_files(SHOP)


def resource(files: Mapping[str, str], file: str, name: str) -> Any:
    return _raw(files[file])[name]


def _raw(text: str) -> dict[str, Any]:
    from cfngen.semantics.template import read_template

    return {name: each["Properties"] for name, each in read_template(text).resources.items()}


def taskdef(files: Mapping[str, str], path: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(files[path])
    return body


def variables(body: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in body["containerDefinitions"][0]["environment"]}


# What is refused


@pytest.mark.parametrize(
    ("kind", "option", "says", "given"),
    [
        (Queue, "visibility_timeout_seconds", "1 to 43200", {"visibility_timeout_seconds": 0}),
        (Queue, "receives", "1 to 1000", {"receives": 0}),
        (Queue, "retention_days", "1 to 14", {"retention_days": 15}),
        (Queue, "oldest_message_minutes", "1 to 20160", {"oldest_message_minutes": 0}),
        (Queue, "senders", "'web' stands there twice", {"senders": ("web", "web")}),
        (WorkerScaling, "minimum", "0 only with messages_per_task", {"minimum": 0}),
        (WorkerScaling, "minimum", "1 up to maximum", {"minimum": 5}),
        (WorkerScaling, "cpu_percent", "10 to 95", {"cpu_percent": 5}),
        (WorkerScaling, "messages_per_task", "1 to 1000000", {"messages_per_task": -1}),
        (Worker, "minimum_healthy_percent", "0 to 100", {"minimum_healthy_percent": 101}),
        (Worker, "maximum_percent", "100 to 200", {"maximum_percent": 201}),
        (Worker, "maximum_percent", "else no task can go", {"maximum_percent": 100}),
        (Worker, "scaling.messages_per_task", "needs a queue", {"scaling": WorkerScaling(messages_per_task=1)}),
        (Worker, "command", "none of them empty", {"command": ("node", "")}),
        (Worker, "memory_mib", "with 256 CPU units", {"memory_mib": 100}),
        (ScheduledTask, "schedule", "cron(...), rate(...) or at(...)", {"schedule": "daily"}),
        (ScheduledTask, "timezone", "Europe/Berlin", {"timezone": "Europe/Berlinn"}),
        (ScheduledTask, "retries", "0 to 185", {"retries": 186}),
        (ScheduledTask, "give_up_after_minutes", "1 to 1440", {"give_up_after_minutes": 0}),
        (ScheduledTask, "flexible_minutes", "1 to 1440", {"flexible_minutes": 0}),
        (ScheduledTask, "command", "would be a second 'web'", {"image_of": "web"}),
        (ScheduledTask, "source", "its image is that of 'web'", {"image_of": "web", "command": ("a",), "source": "b"}),
    ],
)
def test_refused(kind: Any, option: str, says: str, given: dict[str, Any]) -> None:
    needed = {Worker: {"name": "a"}, ScheduledTask: {"name": "a", "schedule": "rate(1 hour)"}}.get(kind, {})
    with pytest.raises(DescriptionError) as caught:
        kind(**{**needed, **given})
    (problem,) = caught.value.problems
    assert problem.option.endswith(f".{option}")
    assert says in problem.fits


@pytest.mark.parametrize(
    ("option", "says", "changes"),
    [
        (
            "workers[0].queue.senders",
            "did you mean 'web'?",
            {"workers": (Worker(name="w", queue=Queue(senders=("wep",))),)},
        ),
        (
            "scheduled_tasks[0].image_of",
            "'repor' is no service or worker",
            {"scheduled_tasks": (replace(NIGHTLY, image_of="repor"),)},
        ),
        ("workers[0].name", "another name; 'web' is taken", {"workers": (Worker(name="web"),), "scheduled_tasks": ()}),
        (
            "scheduled_tasks[1].name",
            "both be A1 in a template",
            {"workers": (), "scheduled_tasks": (replace(REPORT, name="a1"), replace(REPORT, name="a-1"))},
        ),
        (
            "workers[0].environment['QUEUE_URL']",
            "queues are given to the worker",
            {"workers": (Worker(name="w", queue=Queue(), environment={"QUEUE_URL": "x"}),)},
        ),
        (
            "services[0].environment['W_QUEUE_URL']",
            "queues are given to the service",
            {
                "workers": (Worker(name="w", queue=Queue(senders=("web",))),),
                "services": (Service(name="web", environment={"W_QUEUE_URL": "x"}),),
            },
        ),
        (
            "workers[0].scaling.schedule",
            "which is that of off_hours",
            {
                "workers": (
                    Worker(
                        name="w",
                        scaling=WorkerScaling(
                            schedule=(
                                ScheduledScaling(name="off-hours-end", schedule="rate(1 hour)", minimum=1, maximum=1),
                            )
                        ),
                    ),
                )
            },
        ),
    ],
)
def test_refused_in_an_application(option: str, says: str, changes: dict[str, Any]) -> None:
    with pytest.raises(DescriptionError) as caught:
        replace(SHOP, **{"database": None, **({"scheduled_tasks": ()} if "workers" in changes else {}), **changes})
    (problem,) = caught.value.problems
    assert problem.option == f"App('shop').{option}"
    assert says in problem.fits


def test_a_queue_keeps_its_kind_for_life() -> None:
    ledger = rendered(SHOP).ledger
    with pytest.raises(LedgerError) as caught:
        rendered(with_mailer(queue=replace(MAILER.queue, fifo=True)), ledger)  # type: ignore[type-var]
    (problem,) = caught.value.problems
    assert problem.option == "App('shop').workers[0].queue.fifo"
    assert "keep False" in problem.fits


# What is written


def test_variables_of_those_who_send_and_of_the_one_who_takes(files: Mapping[str, str]) -> None:
    assert variables(taskdef(files, "mailer/taskdef.json"))["QUEUE_URL"] == "${STACK_QUEUE_URL}"
    assert variables(taskdef(files, "web/taskdef.json"))["MAILER_QUEUE_URL"] == "${STACK_QUEUE_mailer_URL}"
    assert "PORT" not in variables(taskdef(files, "mailer/taskdef.json"))
    assert not any("QUEUE_URL" in name for name in variables(taskdef(files, "clock/taskdef.json")))


def test_a_scheduled_task_with_the_image_of_a_service_has_its_variables_too(files: Mapping[str, str]) -> None:
    body = taskdef(files, "web/nightly.taskdef.json")
    found = variables(body)
    assert (found["MODE"], found["KEEP"]) == ("clean", "1")
    assert found["ON"] == "${STACK_TASK_nightly_VARIABLE_ON}"
    assert found["MAILER_QUEUE_URL"] == "${STACK_TASK_nightly_QUEUE_mailer_URL}"
    assert body["containerDefinitions"][0]["command"] == ["node", "clean.js"]
    assert body["containerDefinitions"][0]["image"] == "${STACK_IMAGE}"
    assert body["family"] == "shop-dev-nightly"
    assert "nightly/taskdef.json" not in files


def test_a_worker_may_be_a_services_folder_with_another_command() -> None:
    files = stage_files(with_mailer(source="services/web", command=("bundle", "exec", "sidekiq")))
    (own, _) = taskdef(files, "mailer/taskdef.json")["containerDefinitions"]
    assert own["command"] == ["bundle", "exec", "sidekiq"]
    assert "services/web/Dockerfile" in files["mailer/buildspec.yml"]


def test_the_build_knows_what_all_of_its_files_ask_for(files: Mapping[str, str]) -> None:
    from cfngen.placeholders import PATTERN

    for owner in ("web", "mailer", "clock", "report"):
        project = resource(files, f"pipeline-{owner}.yaml", "BuildProject")
        known = {each["Name"] for each in project["Environment"]["EnvironmentVariables"]}
        own = [text for name, text in files.items() if name.startswith(f"{owner}/") and name.endswith("taskdef.json")]
        asked = {placeholder for text in own for placeholder in PATTERN.findall(text)}
        assert asked - known <= {"STACK_IMAGE", "STACK_IMAGE_proxy"}


def test_queues_take_tls_alone_and_are_encrypted(files: Mapping[str, str]) -> None:
    queue = resource(files, "queue-mailer.yaml", "Queue")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["VisibilityTimeout"] == 300
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    for name in ("QueuePolicy", "DeadLetterQueuePolicy"):
        (statement,) = resource(files, "queue-mailer.yaml", name)["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": False}})
    own = stage_files(replace(SHOP, own_key_for=("queues",)))
    assert "KmsMasterKeyId" in resource(own, "queue-mailer.yaml", "Queue")
    rights = resource(own, "worker-mailer.yaml", "TaskRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert ["kms:Decrypt"] in [each["Action"] for each in rights]


def test_only_the_worker_takes_and_only_senders_send(files: Mapping[str, str]) -> None:
    def actions(file: str) -> set[str]:
        policies = resource(files, file, "TaskRole").get("Policies", [])
        return {name for each in policies for one in each["PolicyDocument"]["Statement"] for name in one["Action"]}

    assert "sqs:ReceiveMessage" in actions("worker-mailer.yaml")
    assert "sqs:SendMessage" not in actions("worker-mailer.yaml")
    for file in ("service-web.yaml", "scheduled-nightly.yaml"):
        assert "sqs:SendMessage" in actions(file)
        assert "sqs:ReceiveMessage" not in actions(file)
    assert not any(name.startswith("sqs:") for name in actions("scheduled-report.yaml") | actions("worker-clock.yaml"))


def test_a_worker_that_may_sleep_is_woken(files: Mapping[str, str]) -> None:
    resources = _raw(files["worker-mailer.yaml"])
    assert resources["WakeUp"]["PolicyType"] == "StepScaling"
    assert "NobodyAlarm" not in resources
    assert "WakeUp" not in _raw(
        stage_files(with_mailer(scaling=WorkerScaling(messages_per_task=9)))["worker-mailer.yaml"]
    )
    names = {each["ScheduledActionName"] for each in resources["ScalableTarget"]["ScheduledActions"]}
    assert names == {"off-hours-start", "off-hours-end"}


def test_a_schedule_starts_its_family_and_may_do_nothing_else(files: Mapping[str, str]) -> None:
    made = resource(files, "scheduled-nightly.yaml", "Schedule")
    assert made["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    family = made["Target"]["EcsParameters"]["TaskDefinitionArn"]["Fn::Sub"]
    assert family.endswith(":task-definition/shop-dev-nightly")
    role = resource(files, "scheduled-nightly.yaml", "ScheduleRole")
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert [each["Action"] for each in statements] == [
        ["ecs:RunTask"],
        ["ecs:TagResource"],
        ["iam:PassRole"],
        ["sqs:SendMessage"],
    ]
    assert all("*" not in each["Resource"] for each in statements)
    source = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":schedule-group/shop-dev-nightly")
    other = resource(files, "scheduled-report.yaml", "Schedule")
    assert other["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert other["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 3600}


def test_the_stages_alarm_hears_of_all(files: Mapping[str, str]) -> None:
    rule = resource(files, "watch.yaml", "Alarm")["AlarmRule"]["Fn::Sub"][0]
    for name in ("Mailer", "Clock", "Nightly", "Report", "Web"):
        assert f'ALARM("${{{name}}}")' in rule
    body = resource(files, "watch.yaml", "Dashboard")["DashboardBody"]["Fn::Sub"][0]
    assert "mailer: messages" in body
    assert "nightly: starts" in body


def test_the_build_hands_the_task_definitions_to_step_functions(files: Mapping[str, str], tmp_path: Path) -> None:
    """The file that the machine reads has the spelling of ECS's API for Step Functions, and the images that were built."""
    import subprocess
    import sys

    from botocore.session import get_session  # type: ignore[import-untyped,unused-ignore]

    commands = yaml.safe_load(files["mailer/buildspec.yml"])["phases"]["build"]["commands"]
    program = next(each for each in commands if "as Step Functions spells them" in each)
    text = program.partition("<<'END'\n")[2].partition("END\n")[0]
    (tmp_path / "taskdef.json").write_text(files["mailer/taskdef.json"], encoding="utf-8")
    images = {"STACK_IMAGE": "repo@sha256:1", "STACK_IMAGE_proxy": "repo@sha256:2"}
    subprocess.run([sys.executable, "-", str(tmp_path)], input=text, env=images, check=True, encoding="utf-8")
    told = json.loads((tmp_path / "release.json").read_text(encoding="utf-8"))["Mailer"]
    assert [each["Image"] for each in told["ContainerDefinitions"]] == ["repo@sha256:1", "repo@sha256:2"]
    assert "awslogs-group" in told["ContainerDefinitions"][0]["LogConfiguration"]["Options"]
    shape = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    _spelt_as(told, shape)


def _spelt_as(told: Any, shape: Any) -> None:
    """Every member is one of the API's, but for its first letter."""
    if shape.type_name == "structure":
        names = {name[:1].upper() + name[1:]: member for name, member in shape.members.items()}
        assert told.keys() <= names.keys()
        for name, value in told.items():
            _spelt_as(value, names[name])
    elif shape.type_name == "list":
        for each in told:
            _spelt_as(each, shape.member)


def test_commands_are_good_shell_and_programs_are_for_the_images_python(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    import ast
    import subprocess
    import sys

    commands = {
        command
        for owner in ("web", "mailer", "report")
        for command in yaml.safe_load(files[f"{owner}/buildspec.yml"])["phases"]["build"]["commands"]
    }
    places = [tmp_path / str(number) for number in range(len(commands))]
    for place, command in zip(places, sorted(commands), strict=True):
        place.write_text(f"{command}\n", encoding="utf-8")
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    done = subprocess.run(
        [shellcheck, "--shell=bash", "--exclude=SC2154", *places], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    programs = [each.partition("<<'END'\n")[2].partition("END\n")[0] for each in commands if "<<'END'" in each]
    assert len(programs) == 6
    for program in programs:
        ast.parse(program, feature_version=(3, 9))


def test_a_further_worker_changes_nothing_of_the_others() -> None:
    before = rendered(SHOP)
    more = (*SHOP.workers, Worker(name="sorter", queue=Queue(senders=("clock",))))
    after = rendered(replace(SHOP, workers=more), before.ledger)
    places = {place.partition("/")[0] for place in differing(before.tree, after.tree)}
    new = {"worker-sorter.yaml", "queue-sorter.yaml", "pipeline-sorter.yaml"}
    assert places - {before.tree.root} == {*new, "watch.yaml", "worker-clock.yaml", "pipeline-clock.yaml"}
    kept = {place for place in differing(before.tree, after.tree) if place.startswith("worker-clock.yaml")}
    assert kept == {"worker-clock.yaml/TaskRole"}


def test_a_worker_releases_the_tasks_that_run_its_image_after_itself() -> None:
    sweep = replace(NIGHTLY, name="sweep", image_of="mailer")
    files = stage_files(replace(SHOP, scheduled_tasks=(*SHOP.scheduled_tasks, sweep)))
    simulation = deployed(Files(files))
    assert run(simulation, "shop-dev-mailer", Files(files), tasks_stay=False).failed == "ReleaseFailed"
    assert not _revisions(simulation, "Sweep")
    assert not run(simulation, "shop-dev-mailer", Files(files)).failed
    assert len(_revisions(simulation, "Sweep")) == 1


def test_a_stage_without_them_is_as_it_was() -> None:
    bare = replace(SHOP, workers=(), scheduled_tasks=(), database=Database())
    assert not [name for name in stage_files(bare) if name.startswith(("worker-", "queue-", "scheduled-"))]


def test_they_are_said_in_yaml(tmp_path: Path) -> None:
    from cfngen.load import load
    from cfngen.manifest.write import write_yaml

    file = tmp_path / "cfngen.yaml"
    text = write_yaml([SHOP])
    file.write_text(text, encoding="utf-8")
    assert load(file) == (SHOP,)
    assert set(yaml.safe_load(text)["workers"]) == {"mailer", "clock"}


# How they are released


def deployed(files: Files) -> Simulation:
    simulation = Simulation()
    assert simulation.deploy(files, parameters(files, {}), {}).is_good
    simulation.settle(simulation.look_around(requests(simulation.world)))
    return simulation


def live(simulation: Simulation, label: str) -> str:
    return next(
        each.live.revision
        for each in simulation.world.services.values()
        if f"Worker{label.capitalize()}/" in each.place
    )


def _revisions(simulation: Simulation, name: str) -> list[str]:
    return [key for key, each in simulation.world.task_definitions.items() if each.get("Family") == name]


def test_a_release_moves_the_worker_and_an_update_leaves_it_there(files: Mapping[str, str]) -> None:
    simulation = deployed(Files(files))
    first = live(simulation, "mailer")
    execution = run(simulation, "shop-dev-mailer", Files(files))
    assert execution == Execution("shop-dev-mailer", ["Source", "Build", "Approve", "Deploy"])
    released = live(simulation, "mailer")
    assert released != first
    assert released in _revisions(simulation, "Mailer")
    queue = Queue(visibility_timeout_seconds=900)
    changed = with_mailer(queue=queue, cpu=1024, memory_mib=2048, maximum_percent=150, scaling=WorkerScaling(maximum=9))
    after = Files(stage_files(replace(changed, network=replace(SHOP.network, zones=3)), rendered(SHOP).settled.ledger))
    assert simulation.deploy(after, parameters(after, {}), {}).is_good
    assert live(simulation, "mailer") == released
    assert simulation.hurts == []


def test_an_update_that_wrote_the_service_would_be_seen(files: Mapping[str, str]) -> None:
    simulation = deployed(Files(files))
    run(simulation, "shop-dev-clock", Files(files))
    released = live(simulation, "clock")
    worse = files["worker-clock.yaml"].replace("MaximumPercent: 200", "MaximumPercent: 150")
    assert worse != files["worker-clock.yaml"]
    after = Files({**files, "worker-clock.yaml": worse})
    assert simulation.deploy(after, parameters(after, {}), {}).is_good
    assert live(simulation, "clock") != released


def test_new_tasks_that_do_not_stay_fail_the_pipeline(files: Mapping[str, str]) -> None:
    simulation = deployed(Files(files))
    run(simulation, "shop-dev-mailer", Files(files))
    good = live(simulation, "mailer")
    execution = run(simulation, "shop-dev-mailer", Files(files), tasks_stay=False)
    assert (execution.failed, "Deploy" in execution.done) == ("ReleaseFailed", False)
    assert live(simulation, "mailer") == good


def test_nothing_is_registered_without_approval(files: Mapping[str, str]) -> None:
    simulation = deployed(Files(files))
    assert run(simulation, "shop-dev-report", Files(files), approved=False).failed == "Approve: rejected"
    assert not _revisions(simulation, "Report")
    assert run(simulation, "shop-dev-report", Files(files)).failed == ""
    assert len(_revisions(simulation, "Report")) == 1


def test_a_service_releases_the_tasks_that_run_its_image_after_itself(files: Mapping[str, str]) -> None:
    simulation = deployed(Files(files))
    execution = run(simulation, "shop-dev-web", Files(files))
    assert execution.done[-2:] == ["Deploy", "Schedule"]
    assert len(_revisions(simulation, "Nightly")) == 1
