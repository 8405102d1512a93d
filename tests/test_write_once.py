"""What a stage was born with stays: its ECS services, bootstrap revisions, target groups and listener rules.

Every check compares renderings with parameters resolved through the tree (tests/resolve.py), each against the ledger
of the one before, which was written out and read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from kinds import kinds
from resolve import Rendering, Symbol, Tree, differing, rendered, replaced
from strategies import TABLES, lives, options_of

from cfngen import (
    S3,
    AlarmName,
    AllAtOnce,
    App,
    Arn,
    BackupPlan,
    Balancer,
    Canary,
    CertificateArn,
    CodeCommit,
    Connection,
    Container,
    Database,
    DescriptionError,
    FunctionArn,
    InternalBalancer,
    KeyArn,
    LedgerError,
    Linear,
    LogRouter,
    ManagedRules,
    Network,
    OffHours,
    Pipeline,
    Promotion,
    PromotionTarget,
    Queue,
    Redirect,
    Release,
    RestartPolicy,
    Scaling,
    ScheduledScaling,
    ScheduledTask,
    Secret,
    SecretArn,
    Serverless,
    Service,
    SmokeTest,
    SsmParameter,
    Statement,
    Telemetry,
    Text,
    Worker,
    WorkerScaling,
    title,
)
from cfngen.spec import HealthCheck as ContainerCheck

WRITE_ONCE = ("Service", "BootstrapTaskDefinition", "BlueTargetGroup", "GreenTargetGroup")
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"

PHASES = (Phase.explicit, Phase.generate)  # a life of whole applications takes minutes to shrink

REPLACEABLE = {
    (
        "AWS::CodeDeploy::DeploymentConfig",
        "TrafficRoutingConfig",
    ): "a configuration is immutable and has no name (A4.14)",
    (
        "AWS::EC2::SecurityGroupIngress",
        "FromPort",
    ): "the test listener's port: the new way in is there before the old goes",
    ("AWS::EC2::SecurityGroupIngress", "ToPort"): "as FromPort",
    ("AWS::SNS::Subscription", "Endpoint"): "another address is another subscription, which it confirms",
}
"""Create-only properties that may change, because nothing hangs on the resource that is replaced."""


@dataclass
class History:
    """What was ever rendered for a stage: its rules by place, their numbers, the parameters of their colours."""

    rules: dict[str, Any] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    numbers: dict[tuple[str, int], str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)

    def add(self, step: Rendering) -> None:
        """Check a step's rules against all that came before, and remember them."""
        now = {place: rule for place, rule in step.tree.of_type(RULE).items() if place != "redirect.yaml/RedirectRule"}
        answered = ("MaintenanceRule", "ProductionRedirect", "TestRedirect")
        paused = {place for place in now if place.partition("/")[2].startswith(answered)}
        known_parameters = set(self.parameters)
        for place, rule in now.items():
            assert place not in self.gone, f"{place} came back under its old id"
            if place not in self.rules and place not in paused:
                self._check_colour(step.tree, place, known_parameters)
            assert self.rules.setdefault(place, rule) == rule, f"{place} is another rule than it was"
            number = (str(rule["Properties"]["ListenerArn"]), rule["Properties"]["Priority"])
            assert self.numbers.setdefault(number, place) == place, f"{number} is given to a second rule"
        self.gone |= self.rules.keys() - now.keys()
        self.services |= {service.name for service in step.app.services}

    def _check_colour(self, tree: Tree, place: str, known: set[str]) -> None:
        """A new rule: blue if the service is new too, else by a parameter that nobody was asked for before."""
        colour, name = _colour(tree, place), _service(place)
        if name not in self.services:
            assert colour == "blue", f"{place} is a first rule and starts {colour}"
            return
        assert colour != "blue", f"{place} replaces a rule and would send users to blue"
        assert colour not in known, f"{colour} was given before, and is kept"
        assert self.parameters.setdefault(colour, name) == name, f"{colour} is two services'"
        assert colour.startswith(f"{title(name)}Rule"), colour


def _service(place: str) -> str:
    return place.removeprefix("service-").partition(".yaml")[0]


def _colour(tree: Tree, place: str) -> str:
    """What a rule starts with: blue, or the root parameter that says the colour, which is checked."""
    file = place.partition("/")[0]
    forward = tree.resources[place]["Properties"]["Actions"]
    assert [each["Type"] for each in forward] == ["forward"]
    groups = forward[0]["ForwardConfig"]["TargetGroups"]
    assert [each["TargetGroupArn"] for each in groups] == [
        Symbol.of("ref", file, f"{colour}TargetGroup") for colour in ("Blue", "Green")
    ]
    weights = [each["Weight"] for each in groups]
    if weights == [100, 0]:
        return "blue"
    key = weights[0].parts[0]
    assert weights == [
        Symbol.of("find", key, (("blue", 100), ("green", 0))),
        Symbol.of("find", key, (("blue", 0), ("green", 100))),
    ]
    assert key.kind == "parameter"
    declared = tree.bodies[tree.root]["Parameters"][key.parts[0]]
    assert "Default" not in declared
    assert declared["AllowedValues"] == ["blue", "green"]
    return str(key.parts[0])


def check_step(before: Rendering, after: Rendering) -> None:
    """Nothing that must stay is changed between two accepted versions."""
    old, new = before.tree.resources, after.tree.resources
    staying = {each.name for each in before.app.services} & {each.name for each in after.app.services}
    first = {
        place
        for place, each in old.items()
        if place in new and each["Type"] in ("AWS::ECS::Service", "AWS::ECS::TaskDefinition")
    }
    for place in sorted(first):  # of workers and scheduled tasks too
        assert old[place] == new[place], place
    for name in sorted(staying):
        for part in WRITE_ONCE:
            place = f"service-{name}.yaml/{part}"
            assert old[place] == new[place], place
    for place in sorted(before.tree.of_type(RULE).keys() & after.tree.of_type(RULE).keys()):
        assert old[place] == new[place], place
    kept = ("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::ElasticLoadBalancingV2::LoadBalancer")
    for place in (place for place, each in old.items() if each["Type"] in kept):
        is_needed = after.app.has_internal_services or not place.startswith("internal.yaml/")
        assert place in new or not is_needed, f"{place} would be deleted"
    broken = {each for each in replaced(before.tree, after.tree) if each[1:] not in REPLACEABLE}
    assert not broken


def check_alone(step: Rendering) -> None:
    """What holds for every rendering: a service waits for all of its rules, which are on both of its listeners."""
    for service in step.app.services:
        file = f"service-{service.name}.yaml"
        resources = step.tree.bodies[file]["Resources"]
        rules = sorted(name for name, each in resources.items() if each["Type"] == RULE)
        assert sorted(resources["Service"]["DependsOn"]) == [
            name for name in rules if not name.startswith("MaintenanceRule")
        ]
        listeners = {each["Properties"]["ListenerArn"].parts[:2] for each in step.tree.of_type(RULE, file).values()}
        stack = "internal.yaml" if service.internal else "cluster.yaml"
        production = "HttpsListener" if step.app.balancer_of(service).https else "HttpListener"
        assert listeners == {(stack, production), (stack, "TestListener")}


def check_refusal(error: LedgerError, before: Rendering, text: str) -> None:
    """A refusal names the option, says a way out, and leaves the ledger as it was."""
    assert error.problems
    for problem in error.problems:
        assert problem.option.startswith(("App", "Service(")), problem.option
        assert _has_way_out(problem.fits), str(problem)
    assert before.ledger == text
    assert before.settled.ledger.births == json.loads(text)["births"]


def _has_way_out(text: str) -> bool:
    return any(verb in text.lower() for verb in ("keep ", "give ", "make ", "restore ", "delete "))


def steps(life: list[App]) -> Iterator[tuple[Rendering | None, Rendering]]:
    """Each accepted version of a life with the one before it; what is refused is checked and left out."""
    before: Rendering | None = None
    for app in life:
        text = before.ledger if before else None
        try:
            after = rendered(app, text)
        except LedgerError as error:
            assert before is not None, "a new stage has nothing to keep"
            assert text is not None
            check_refusal(error, before, text)
        except DescriptionError as error:
            if not all("at most 100 on one balancer" in problem.fits for problem in error.problems):
                raise
        else:
            yield before, after
            before = after


@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(lives())
def test_what_a_stage_was_born_with_stays_for_life(life: list[App]) -> None:
    history = History()
    for before, after in steps(life):
        check_alone(after)
        history.add(after)
        if before:
            check_step(before, after)


BESIDE = f"public.ecr.aws/nginx/nginx:1.27@sha256:{'a' * 64}"
_TASK: dict[str, tuple[Any, ...]] = {
    "source": ("", "services/other"),
    "shared": ((), ("services/common",)),
    "build_context": ("services", "."),
    "test_command": (None, "make unit"),
    "cpu": (256, 512),
    "memory_mib": (1024, 2048),
    "architecture": ("ARM64", "X86_64"),
    "environment": ({"LOG_LEVEL": "info"}, {"LOG_LEVEL": "debug", "FLAG": Text.parameter("FeatureFlag")}),
    "secrets": ({}, {"MAIL": Secret(arn=SecretArn.parameter("MailArn"))}),
    "stop_timeout_seconds": (30, 60),
    "user": ("1000:1000", "65532"),
    "writable_paths": ((), ("/run/app",)),
    "egress_ports": ((443,), (443, 5671), (8443, 443)),
    "calls": ((), ("stock",)),
    "containers": ((Container(name="beside", image=BESIDE),), ()),
    "depends_on": ({}, {"beside": "START"}),
    "health_check": (None, ContainerCheck(command=("true",))),
    "restart_policy": (None, RestartPolicy(ignored_exit_codes=(0,))),
    "open_files": (None, 100_000),
    "ephemeral_storage_gib": (20, 60),
    "statements": (
        (),
        (Statement(actions=("s3:GetObject",), resources=("arn:${AWS::Partition}:s3:::pictures/*",)),),
    ),
    "policies": ((), ("AmazonS3ReadOnlyAccess",)),
    "telemetry": (None, Telemetry(image=BESIDE)),
    "log_router": (None, LogRouter(image=BESIDE, output={"Name": "null"})),
}
"""Of all kinds of tasks."""
VALUES: dict[type, dict[str, tuple[Any, ...]]] = {
    AllAtOnce: {},
    App: {
        "name": ("shop", "store"),
        "stage": ("dev", "prod"),
        "services": (
            (
                Service(name="alpha", paths=("/*",)),
                Service(name="beta", paths=("/beta/*",), health_path="/beta/health"),
                Service(name="stock", internal=True),
            ),
            (
                Service(name="gamma", paths=("/gamma",), health_path="/gamma"),
                Service(name="beta", paths=("/beta/*",), health_path="/beta/health"),
                Service(name="alpha", paths=("/*",)),
                Service(name="stock", internal=True, calls=("stock",)),
            ),
        ),
        "workers": (
            (Worker(name="mailer"), Worker(name="packer", queue=Queue(), scaling=WorkerScaling(messages_per_task=9))),
            (Worker(name="mailer", queue=Queue(senders=("beta", "nightly"))),),
            (),
        ),
        "scheduled_tasks": (
            (
                ScheduledTask(name="nightly", schedule="rate(1 hour)", image_of="alpha", command=("true",)),
                ScheduledTask(name="weekly", schedule="rate(7 days)"),
            ),
            (ScheduledTask(name="nightly", schedule="rate(1 hour)", image_of="beta", command=("true",)),),
            (),
        ),
        "network": (Network(), Network(zones=3, nat="one")),
        "database": (Database(writers=("alpha",)), None),
        "balancer": (Balancer(), Balancer(https=False, domain="shop.example.com", test_port=9000)),
        "internal_balancer": (InternalBalancer(), InternalBalancer(test_port=9000, addresses=("10.20.0.0/16",))),
        "pipeline": (Pipeline(source=CodeCommit()), None),
        "tags": ({"Team": "shop"}, {"Team": "sales", "CostCentre": "7"}),
        "permissions_boundary": (False, True),
        "alarm_email": ("shop@example.com", "sales@example.com"),
        "monthly_budget_usd": (500, 900, None),
        "log_retention_days": (30, 365),
        "own_key_for": ((), ("logs",), ("artifacts",), ("images",), ("database",), ("queues",)),
        "off_hours": (OffHours(), None),
        "maintenance": (None, "Back at six."),
        "services_per_cell": (45, 1),
        "cloud9": (False, True),
    },
    BackupPlan: {"weekly_days": (35, 90), "monthly_days": (365, None)},
    Balancer: {
        "https": (True, False),
        "domain": ("shop.example.com", "example.org", None),
        "aliases": ((), ("www.example.com",)),
        "request_certificate": (False, True),
        "certificates": ((), (CertificateArn.parameter("BlogCertificateArn"),)),
        "web_acl": (None, Arn.parameter("WebAclArn")),
        "managed_rules": (None, ManagedRules()),
        "redirects": ((), (Redirect(paths=("/old/*",), to_path="/new"),)),
        "test_port": (8080, 9000),
        "test_addresses": ((), ("192.0.2.0/24",)),
        "access_logs": (True, False),
        "deletion_protection": (True, False),
    },
    InternalBalancer: {
        "domain": ("", "shop.internal"),
        "https": (False, True),
        "addresses": ((), ("10.20.0.0/16",)),
        "test_port": (8080, 9000),
        "test_addresses": ((), ("10.20.0.0/16", "192.0.2.0/24")),
    },
    Canary: {"percent": (20, 30), "minutes": (4, 7)},
    CodeCommit: {"branch": ("main", "dev"), "create": (False, True)},
    Connection: {"repository": ("acme/shop", "acme/store"), "branch": ("main", "dev")},
    Database: {
        "name": ("app", "shop"),
        "engine": ("mysql", "mariadb", "postgres", "aurora-mysql", "aurora-postgresql"),
        "serverless": (Serverless(),),
        "existing": (False,),
        "secrets_have_key": (False,),
        "reader_address": (False,),
        "instance_class": ("db.t4g.micro", "db.m7g.large"),
        "storage_gib": (20, 50),
        "storage_ceiling_gib": (100, 200),
        "multi_az": (False, True),
        "backup_days": (7, 30),
        "backup_window": ("10:00-10:30", "09:00-10:15"),
        "maintenance_window": ("mon:11:00-mon:11:30", "mon:12:00-mon:12:30"),
        "backup_plan": (None, BackupPlan()),
        "protected": (True, False),
        "readers": ((), ("beta",)),
        "writers": (("alpha",), ()),
    },
    Container: {
        "name": ("beside", "sidecar"),
        "image": ("", BESIDE),
        "source": ("", "services/beside"),
        "command": (("true",), ("node", "jobs.js")),
        "environment": ({}, {"LEVEL": "info", "TOPIC": Text.parameter("JobsTopic")}),
        "secrets": ({}, {"MAIL": Secret(arn=SecretArn.parameter("MailArn"))}),
        "depends_on": ({}, {"beta": "START"}),
        "essential": (True, False),
        "health_check": (None, ContainerCheck(command=("true",))),
        "restart_policy": (None, RestartPolicy()),
        "database": (False,),
        "memory_mib": (None, 64),
        "user": ("1000:1000", "65532"),
        "writable_paths": ((), ("/run/app",)),
        "stop_timeout_seconds": (30, 5),
    },
    ContainerCheck: {
        "command": (("true",), ("CMD-SHELL", "true")),
        "interval_seconds": (30, 10),
        "timeout_seconds": (5, 2),
        "retries": (3, 5),
        "start_period_seconds": (0, 60),
    },
    RestartPolicy: {
        "ignored_exit_codes": ((), (0, 143)),
        "restart_attempt_period_seconds": (300, 60),
    },
    Serverless: {
        "minimum_acu": (0, 0.5, 2),
        "maximum_acu": (4, 16),
        "pause_after_minutes": (5, 60),
        "reader_instances": (0, 2),
    },
    Linear: {"percent": (20, 30), "minutes": (4, 7)},
    ManagedRules: {
        "action": ("block", "count"),
        "counted_rules": ({}, {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}),
        "requests_per_5_minutes": (None, 100, 2000),
    },
    Network: {
        "cidr": ("10.0.0.0/16", "10.1.0.0/16"),
        "zones": (2, 3),
        "nat": ("one per zone", "one", "none", "public tasks"),
        "endpoints": ((), ("sts",)),
        "bootstrap_image": ("bootstrap:node-22", ""),
        "shared": (False, True),
        "existing": (False, True),
    },
    OffHours: {
        "start": ("20:00", "21:30"),
        "end": ("07:00", "06:00"),
        "working_days": (("MON", "TUE"), ("MON", "WED")),
        "timezone": ("UTC", "Europe/Berlin"),
    },
    Pipeline: {
        "source": (
            CodeCommit(),
            CodeCommit(create=True),
            Connection(repository="acme/shop"),
            S3(create=True),
        ),
        "approval": (False, True),
        "test_command": ("make test", "make check"),
        "test_report": ("", "reports/junit.xml"),
        "runtimes": ({}, {"nodejs": "22"}),
        "scan_threshold": ("HIGH", "NONE"),
        "files": ("", "deploy/files"),
        "build_timeout_minutes": (30, 60),
        "promotes_to": (None, PromotionTarget(stage="prod")),
    },
    Promotion: {"stage": ("test", "beta"), "other_account": (False, True)},
    PromotionTarget: {"stage": ("prod", "live"), "files": ("", "deploy/prod"), "other_account": (False, True)},
    Redirect: {
        "hosts": ((), ("www.example.com",)),
        "paths": (("/old/*",), ("/old/*", "/old")),
        "to_host": ("", "example.com"),
        "to_path": ("/new", "/archive/#{path}"),
        "status": (301, 302),
    },
    Release: {
        "strategy": (Canary(percent=20), AllAtOnce(), Canary(), Linear(percent=20)),
        "continue_within_minutes": (None, 60),
        "termination_wait_minutes": (5, 60),
        "alarms": ((), (AlarmName("stock"),), (AlarmName.parameter("SalesAlarm"),)),
        "smoke_test": (None, SmokeTest(path="/beta/items"), SmokeTest(path="/beta/items", status=404)),
        "hooks": ({}, {"BeforeInstall": FunctionArn.parameter("HookArn")}),
    },
    SmokeTest: {
        "path": ("/beta/items", "/beta/other"),
        "status": (200, 404),
        "contains": ("", "Items"),
        "host": ("", "beta.example.com"),
        "timeout_seconds": (60, 90),
    },
    S3: {
        "create": (False, True),
        "prefix": ("", "sources/dev"),
        "key": (None, KeyArn.parameter("SourceKeyArn")),
    },
    Scaling: {
        "minimum": (1, 2),
        "maximum": (4, 8),
        "cpu_percent": (60, 70, None),
        "memory_percent": (None, 70),
        "requests_per_minute": (None, 3000),
        "schedule": ((), (ScheduledScaling(name="noon", schedule="rate(1 hour)", minimum=1, maximum=2),)),
    },
    ScheduledScaling: {
        "name": ("noon", "night"),
        "schedule": ("rate(1 hour)", "cron(0 12 ? * * *)"),
        "minimum": (0, 1),
        "maximum": (2, 3),
        "timezone": ("UTC", "Europe/Berlin"),
    },
    Queue: {
        "senders": ((), ("beta", "nightly")),
        "visibility_timeout_seconds": (60, 600),
        "receives": (5, 3),
        "retention_days": (4, 14),
        "oldest_message_minutes": (15, 60),
        "fifo": (False, True),
    },
    ScheduledTask: {
        "name": ("nightly", "weekly"),
        **_TASK,
        "shared": ((), ("services/nightly/lib",)),
        "build_context": ("", "."),
        "schedule": ("cron(0 3 * * ? *)", "rate(1 hour)"),
        "timezone": ("UTC", "Europe/Berlin"),
        "command": (("node", "report.js"), ()),
        "image_of": ("", "beta", "mailer"),
        "retries": (3, 0),
        "give_up_after_minutes": (60, 5),
        "flexible_minutes": (None, 15),
    },
    Worker: {
        "name": ("mailer", "packer"),
        **_TASK,
        "command": ((), ("node", "mail.js")),
        "queue": (Queue(), Queue(senders=("beta",)), None),
        "scaling": (WorkerScaling(), WorkerScaling(minimum=2), WorkerScaling(minimum=0, messages_per_task=100)),
        "minimum_healthy_percent": (100, 0),
        "maximum_percent": (200, 150),
    },
    WorkerScaling: {
        "minimum": (1, 0, 2),
        "maximum": (4, 8),
        "cpu_percent": (60, 70, None),
        "memory_percent": (None, 70),
        "messages_per_task": (100, 10),
        "schedule": ((), (ScheduledScaling(name="noon", schedule="rate(1 hour)", minimum=1, maximum=2),)),
    },
    Secret: {
        "arn": (
            SecretArn.parameter("MailArn"),
            SecretArn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:m-AbCdEf"),
        ),
        "key": ("", "password"),
        "encrypted_with": (None, KeyArn.parameter("MailKeyArn")),
    },
    SsmParameter: {
        "name": ("/shop/mail", "/shop/post"),
        "encrypted_with": (None, KeyArn.parameter("SettingsKeyArn")),
    },
    Statement: {
        "actions": (("s3:ListAllMyBuckets",), ("s3:ListAllMyBuckets", "s3:Get*")),
        "resources": (("*",), ("*", Arn.parameter("PicturesArn"))),
        "reason": ("no resource can be named", "it takes none"),
    },
    Service: {
        **_TASK,
        "name": ("beta", "gamma"),
        "paths": (("/beta/*",), ("/beta/*", "/beta"), ("/b*",)),
        "hosts": ((), ("shop.example.com",)),
        "allowed_addresses": ((), ("203.0.113.0/24",)),
        "headers": ({}, {"X-Version": ("beta",)}),
        "methods": ((), ("GET", "HEAD")),
        "query": ({}, {"version": ("beta", "next-*")}),
        "port": (8080, 9090),
        "health_path": ("/beta/health", "/beta/alive"),
        "internal": (False, True),
        "protocol_version": ("HTTP1", "HTTP2"),
        "maintenance": (None, "Back at six."),
        "scaling": (Scaling(), Scaling(minimum=2, requests_per_minute=100, cpu_percent=None)),
        "spot_percent": (0, 70),
        "release": (Release(), Release(strategy=AllAtOnce(), continue_within_minutes=60)),
        "migrate": ((), ("node", "migrate.js")),
        "containers": ((Container(name="beside", source="services/beside"),), ()),
    },
    LogRouter: {
        "image": (BESIDE, BESIDE.replace("1.27", "1.28")),
        "output": ({"Name": "null"}, {"Name": "datadog", "Host": "logs.example.com"}),
        "secret_output": ({}, {"apikey": Secret(arn=SecretArn.parameter("LogsArn"))}),
        "memory_mib": (64, 32),
    },
    Telemetry: {
        "image": (BESIDE, BESIDE.replace("1.27", "1.28")),
        "namespace": ("", "Shop"),
        "memory_mib": (128, 64),
    },
}
"""Each option of each class with the value that it has at first, and every value that it is changed to."""

OF_EXISTING = {(Database, option) for option in ("existing", "secrets_have_key", "reader_address")}
"""What has no use beside the options of a database that is made: tests/facts_of_stages/test_existing_database.py."""
OF_USERS = {(Container, "database")}
"""What is only for containers in tasks of a database's user: tests/test_files.py."""

REFUSED = {
    "App.name 'store'",
    "App.stage 'prod'",
    "App.own_key_for ('images',)",
    "App.own_key_for ('database',)",
    "Database.engine 'aurora-mysql'",
    "Database.engine 'aurora-postgresql'",
    "Database.engine 'mariadb'",
    "Database.engine 'postgres'",
    "Database.name 'shop'",
    "InternalBalancer.domain 'shop.internal'",
    "InternalBalancer.https True",
    "Network.cidr '10.1.0.0/16'",
    "Network.existing True",
    "Network.nat 'public tasks'",
    "Queue.fifo True",
    "Service.health_path '/beta/alive'",
    "Service.internal True",
    "Service.port 9090",
    "Service.protocol_version 'HTTP2'",
}
OF_NEWCOMERS = {"App.services_per_cell", "Network.bootstrap_image"}
"""What changes nothing of a service that is there."""
REFUSED_BACK = {
    "App.network": "network.zones",  # 3, then 2 again
    "Database.storage_gib": "database.storage_gib",
    "Network.zones": "network.zones",
}
REPLACED = {
    "App.alarm_email": {"AWS::SNS::Subscription"},
    "App.balancer": {"AWS::EC2::SecurityGroupIngress"},
    "Balancer.test_port": {"AWS::EC2::SecurityGroupIngress"},
    "Canary.minutes": {"AWS::CodeDeploy::DeploymentConfig"},
    "Canary.percent": {"AWS::CodeDeploy::DeploymentConfig"},
    "Linear.minutes": {"AWS::CodeDeploy::DeploymentConfig"},
    "Linear.percent": {"AWS::CodeDeploy::DeploymentConfig"},
    "Release.strategy": {"AWS::CodeDeploy::DeploymentConfig"},
}
"""What is replaced by a change of an option; see REPLACEABLE for the reasons."""


@cache
def _base() -> App:
    """One worker and one scheduled task are enough where no option of theirs changes."""
    whole = born(App)
    return replace(
        whole,
        services=(whole.services[0], born(Service), whole.services[2]),
        workers=whole.workers[1:],
        scheduled_tasks=whole.scheduled_tasks[1:],
        **{option: born(kind) for option, kind in PARTS.items()},
    )


@cache
def born(kind: type) -> Any:
    """An object with every option at its first value."""
    return kind(**{option: values[0] for option, values in VALUES[kind].items()})


def within(part: Any) -> App:  # noqa: C901, PLR0912, PLR0915  (a flat list of kinds)
    """The application with one of its parts exchanged; services' parts are those of beta."""
    app = _base()
    match part:
        case App():
            app = part
        case Service():
            app = replace(app, services=(app.services[0], part, app.services[2]))
        case Container():
            app = within(replace(born(Service), containers=(part,)))
        case ContainerCheck():
            app = within(replace(born(Service), health_check=part))
        case RestartPolicy():
            app = within(replace(born(Service), restart_policy=part))
        case Secret() | SsmParameter():
            app = within(replace(born(Service), secrets={"MAIL": part}))
        case Statement():
            app = within(replace(born(Service), statements=(part,)))
        case LogRouter():
            app = within(replace(born(Service), log_router=part))
        case Telemetry():
            app = within(replace(born(Service), telemetry=part))
        case Worker():
            app = replace(app, workers=(part, Worker(name="sorter")))
        case ScheduledTask():
            app = replace(app, workers=(born(Worker),), scheduled_tasks=(part,))
        case Queue():
            scheduled = born(ScheduledTask)
            app = replace(app, workers=(replace(born(Worker), queue=part),), scheduled_tasks=(scheduled,))
        case WorkerScaling():
            app = within(replace(born(Worker), scaling=part))
        case ManagedRules():
            app = within(replace(born(Balancer), managed_rules=part))
        case Redirect():
            app = within(replace(born(Balancer), redirects=(part,)))
        case Scaling() | Release():
            app = within(replace(born(Service), **{type(part).__name__.lower(): part}))
        case Serverless():
            app = within(replace(born(Database), engine="aurora-mysql", serverless=part))
        case BackupPlan():
            app = within(replace(born(Database), backup_plan=part))
        case ScheduledScaling():
            app = within(replace(born(Scaling), schedule=(part,)))
        case SmokeTest():
            app = within(replace(born(Release), smoke_test=part))
        case AllAtOnce() | Canary() | Linear():
            app = within(replace(born(Release), strategy=part))
        case PromotionTarget():
            app = within(replace(born(Pipeline), promotes_to=part))
        case Promotion():
            app = within(Pipeline(source=part))
        case CodeCommit() | Connection() | S3():
            app = within(replace(born(Pipeline), source=part))
        case _:
            app = replace(app, **{option: part for option, kind in PARTS.items() if kind is type(part)})
    return app


PARTS: dict[str, type] = {
    "network": Network,
    "database": Database,
    "balancer": Balancer,
    "internal_balancer": InternalBalancer,
    "pipeline": Pipeline,
    "off_hours": OffHours,
}
CASES = [
    (kind, option, value)
    for kind, options in VALUES.items()
    for option, (_, *others) in options.items()
    for value in others
]


@pytest.mark.parametrize(("kind", "option", "value"), CASES, ids=[f"{k.__name__}.{o} {v!r}"[:60] for k, o, v in CASES])
def test_one_option_changes_nothing_that_must_stay(kind: type, option: str, value: Any) -> None:
    name = f"{kind.__name__}.{option}"
    app = within(born(kind))
    before, changed = _first(kind), within(replace(born(kind), **{option: value}))
    history = History()
    history.add(before)
    if f"{name} {value!r}" in REFUSED:
        with pytest.raises(LedgerError) as refusal:
            rendered(changed, before.ledger)
        check_refusal(refusal.value, before, _first(kind).ledger)
        assert {problem.option.rpartition(".")[2] for problem in refusal.value.problems} == {option}
        return
    after = rendered(changed, before.ledger)
    check_alone(after)
    check_step(before, after)
    history.add(after)
    is_same = before.tree.bodies == after.tree.bodies and before.files == after.files
    assert is_same == (name in OF_NEWCOMERS), f"{name} changes nothing at all"
    kinds = {kind for _, kind, _ in replaced(before.tree, after.tree)}
    assert kinds <= REPLACED.get(name, set())
    if name in REFUSED_BACK:
        with pytest.raises(LedgerError) as refusal:
            rendered(app, after.ledger)
        check_refusal(refusal.value, after, after.ledger)
        assert refusal.value.problems[0].option.endswith(f".{REFUSED_BACK[name]}")
        return
    if _remembered(before) != _remembered(after):
        again = rendered(app, after.ledger)
        check_step(after, again)
        history.add(again)


def _remembered(step: Rendering) -> tuple[object, ...]:
    """What decides how a later step differs from a first one."""
    return step.settled.ledger.births, step.settled.ledger.rules


@cache
def _first(kind: type) -> Rendering:
    """What stands before an option of a class changes: the same for most of them, and then generated once."""
    app = within(born(kind))
    return next((each for each in _STANDING if each.app == app), None) or _stands(rendered(app))


_STANDING: list[Rendering] = []


def _stands(step: Rendering) -> Rendering:
    _STANDING.append(step)
    return step


def test_every_option_is_tried() -> None:
    found = set(kinds())
    assert found == VALUES.keys() == TABLES.keys()
    for kind in found:
        assert options_of(kind) == VALUES[kind].keys(), kind
        assert options_of(kind) == set(TABLES[kind]), kind
        for option, values in VALUES[kind].items():
            choices = get_args(get_type_hints(kind)[option])
            is_tried_by_itself = type(values[0]) in VALUES or (kind, option) in OF_EXISTING | OF_USERS
            assert len(values) > 1 or len(choices) == 1 or is_tried_by_itself, (
                f"{kind.__name__}.{option} has one value only"
            )


def test_what_may_be_replaced_is_needed_and_has_a_reason() -> None:
    assert {kind for kind, _ in REPLACEABLE} == set().union(*REPLACED.values())
    for name, those in REPLACED.items():
        kind = next(each for each in VALUES if each.__name__ == name.partition(".")[0])
        option = name.partition(".")[2]
        found = {
            each[1]
            for value in VALUES[kind][option][1:]
            for each in replaced(
                _first(kind).tree, rendered(within(replace(born(kind), **{option: value})), _first(kind).ledger).tree
            )
        }
        assert found == those, name


def _wired(passed: str) -> Tree:
    """Two templates; only what the root passes to the child is told apart."""
    child = {
        "Parameters": {"Port": {"Type": "String"}},
        "Resources": {"Thing": {"Type": "AWS::EC2::EIP", "Properties": {"Port": {"Ref": "Port"}}}},
    }
    stack = {"TemplateURL": "child.yaml", "Parameters": {"Port": {"Fn::GetAtt": ["Other", f"Outputs.{passed}"]}}}
    other = {
        "Resources": {"A": {"Type": "AWS::EC2::EIP"}, "B": {"Type": "AWS::EC2::EIP"}},
        "Outputs": {name: {"Value": {"Ref": name}} for name in "AB"},
    }
    nested = {"Child": stack, "Other": {"TemplateURL": "other.yaml"}}
    root = {"Resources": {n: {"Type": "AWS::CloudFormation::Stack", "Properties": each} for n, each in nested.items()}}
    return Tree({"root.yaml": root, "child.yaml": child, "other.yaml": other}, "root.yaml")


def test_a_changed_parameter_is_seen_behind_equal_bytes() -> None:
    one, other = _wired("A"), _wired("B")
    assert one.bodies["child.yaml"] == other.bodies["child.yaml"]
    assert one.resources["child.yaml/Thing"]["Properties"]["Port"] == Symbol.of("ref", "other.yaml", "A")
    assert differing(one, other) == {"child.yaml/Thing"}
    assert not differing(one, _wired("A"))
