"""What the tests of the facts share: the generated files, read as CloudFormation, CodeDeploy and ECS would read them.

Each test is named after a fact of the domain (A6.3 is ``test_a6_3_…``) and looks at files alone, or at a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from resolve import Tree

from cfngen import (
    AlarmName,
    AllAtOnce,
    App,
    Balancer,
    Container,
    FunctionArn,
    HealthCheck,
    InternalBalancer,
    Ledger,
    Linear,
    LogRouter,
    Release,
    RestartPolicy,
    Scaling,
    ScheduledScaling,
    ScheduledTask,
    Secret,
    SecretArn,
    Service,
    SmokeTest,
    Statement,
    Telemetry,
    Text,
    Worker,
    stage_files,
)
from cfngen.load import load

ROOT = Path(__file__).parents[2]
STAGES = ("dev", "prod")
SERVICES = ("customer", "employee")
Resources = dict[str, dict[str, Any]]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml, where it is there
    """PyYAML's loader, with the short tags turned back into mappings."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if suffix == "GetAtt" else text}


_Loader.add_multi_constructor("!", _function)


@lru_cache(maxsize=512)  # most templates of a stage stay as they were when one option changes
def _parsed(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506  (a safe loader)


@dataclass(frozen=True)
class Generated:
    """Every file of one stage. Stacks go by their name, resource types without ``AWS::``."""

    app: App
    texts: Mapping[str, str]

    @cached_property
    def templates(self) -> dict[str, Any]:
        """The templates by file name."""
        return {name: _parsed(text) for name, text in self.texts.items() if name.endswith(".yaml") and "/" not in name}

    @cached_property
    def tree(self) -> Tree:
        """The templates with parameters and outputs followed from stack to stack."""
        return Tree(self.templates, f"{self.app.name}.yaml")

    @property
    def ledger(self) -> Ledger:
        """The ledger, as the next `generate` will read it."""
        return Ledger.read(self.texts["ledger.json"])

    def of(self, stack: str, kind: str) -> Resources:
        """The resources of a type in one template, as they are written."""
        every = self.templates[f"{stack}.yaml"]["Resources"]
        return {name: each for name, each in every.items() if each["Type"] == f"AWS::{kind}"}

    def only(self, stack: str, kind: str, *, resolved: bool = True) -> dict[str, Any]:
        """The properties of the one resource of that type in a stack."""
        found = self.resolved(stack, kind) if resolved else self.of(stack, kind)
        assert len(found) == 1, f"{stack} has {len(found)} resources of type {kind}"
        properties: dict[str, Any] = next(iter(found.values()))["Properties"]
        return properties

    def resolved(self, stack: str, kind: str) -> Resources:
        """The same as `of`, with whatever comes from other stacks followed there."""
        found = self.tree.of_type(f"AWS::{kind}", f"{stack}.yaml")
        return {place.rpartition("/")[2]: each for place, each in found.items()}

    def every(self, kind: str) -> list[dict[str, Any]]:
        """The properties of all resources of a type in the tree, resolved."""
        return [each.get("Properties", {}) for each in self.tree.of_type(f"AWS::{kind}").values()]

    @property
    def services(self) -> list[str]:
        return sorted(service.name for service in self.app.services)

    def rules(self, service: str, listener: str | None = None) -> Resources:
        """The listener rules of a service, resolved; those of one listener of the cluster's stack, if it is named."""
        every = self.resolved(f"service-{service}", "ElasticLoadBalancingV2::ListenerRule")
        if listener is None:
            return every
        wanted = self.ref("cluster", listener)
        return {name: each for name, each in every.items() if each["Properties"]["ListenerArn"] == wanted}

    def ref(self, stack: str, *parts: str) -> Any:
        """A resource of the tree, or one of its attributes, as resolved templates name it."""
        value = {"Ref": parts[0]} if len(parts) == 1 else {"Fn::GetAtt": list(parts)}
        return self.tree.resolve(f"{stack}.yaml", value)

    def taskdef(self, service: str, file: str = "taskdef.json") -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.texts[f"{service}/{file}"])
        return data

    def container(self, service: str, file: str = "taskdef.json") -> dict[str, Any]:
        """The one container of a service's task definition."""
        (container,) = self.taskdef(service, file)["containerDefinitions"]
        return container  # type: ignore[no-any-return]

    def tasks(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Service, file and content of every task definition that a build registers."""
        for name in self.texts:
            if name.endswith("taskdef.json"):
                service, file = name.split("/")
                yield service, file, self.taskdef(service, file)

    def bootstrap(self, service: str) -> dict[str, Any]:
        """The one container of a service's bootstrap revision."""
        (container,) = self.only(f"service-{service}", "ECS::TaskDefinition")["ContainerDefinitions"]
        return container  # type: ignore[no-any-return]

    def target(self, service: str) -> dict[str, Any]:
        """The properties in the AppSpec of a service, as its build hands it on."""
        (resource,) = self.appspec(service)["Resources"]
        return resource["TargetService"]["Properties"]  # type: ignore[no-any-return]

    def appspec(self, service: str) -> dict[str, Any]:
        """The AppSpec of a service with some network filled in."""
        text = self.texts[f"{service}/appspec.yaml"]
        text = text.replace("${STACK_SUBNETS}", "subnet-1,subnet-2").replace("${STACK_SECURITY_GROUP}", "sg-1")
        data: dict[str, Any] = yaml.safe_load(text)
        return data

    def build_variables(self, service: str) -> dict[str, Any]:
        """What the build of a service fills into its files, resolved."""
        given = self.only(f"pipeline-{service}", "CodeBuild::Project")["Environment"]["EnvironmentVariables"]
        return {each["Name"]: each["Value"] for each in given}

    def statements(self, stack: str, role: str) -> list[dict[str, Any]]:
        """What a role's own policies allow, resolved."""
        policies = self.resolved(stack, "IAM::Role")[role]["Properties"].get("Policies", [])
        return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]

    def actions(self, stack: str, role: str) -> dict[str, list[Any]]:
        """The resources of each action that a role may take."""
        found: dict[str, list[Any]] = {}
        for statement in self.statements(stack, role):
            for action in statement["Action"]:
                found.setdefault(action, []).extend(statement["Resource"])
        return found


Render = Callable[..., Generated]
Change = Callable[[App], App]


@pytest.fixture(scope="session")
def coffee() -> dict[str, App]:
    """The coffee application, by stage."""
    return {app.stage: app for app in load(ROOT / "services" / "coffee.py")}


@pytest.fixture(scope="session")
def rendered() -> Render:
    """Generate a stage in memory, against what an earlier one left behind."""

    def render(app: App, ledger: Ledger | None = None) -> Generated:
        return Generated(app, stage_files(app, ledger))

    return render


@pytest.fixture(scope="session")
def generated(coffee: dict[str, App], rendered: Render) -> dict[str, Generated]:
    """Coffee's files, by stage."""
    return {stage: rendered(app) for stage, app in coffee.items()}


@pytest.fixture(scope="session")
def files(generated: dict[str, Generated]) -> dict[str, Mapping[str, str]]:
    """The text of each file, by stage and name."""
    return {stage: each.texts for stage, each in generated.items()}


@pytest.fixture(scope="session")
def templates(generated: dict[str, Generated]) -> dict[str, dict[str, Any]]:
    """Each template as data, by stage and file name."""
    return {stage: each.templates for stage, each in generated.items()}


@pytest.fixture(scope="session", params=STAGES)
def stage(request: pytest.FixtureRequest, generated: dict[str, Generated]) -> Generated:
    """Each stage of coffee in turn."""
    return generated[request.param]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service of coffee in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def after(generated: dict[str, Generated], rendered: Render) -> Callable[[str], Generated]:
    """The stage dev after one of the INNOCENT changes, generated once."""
    before = generated["dev"]
    return cache(lambda option: rendered(INNOCENT[option](before.app), before.ledger))


def changed(app: App, service: str, **options: Any) -> App:
    """The application with options of one of its services replaced."""
    return replace(app, services=tuple(replace(each, **options) if each.name == service else each for each in app.services))  # fmt: skip


def _service(**options: Any) -> Change:
    return lambda app: changed(app, "employee", **options)


def _part(name: str, **options: Any) -> Change:
    return lambda app: replace(app, **{name: replace(getattr(app, name), **options)})


def _without_database(app: App) -> App:
    plain = tuple(replace(each, migrate=()) for each in app.services)
    return replace(app, services=plain, database=None)


def _with_stock(app: App) -> App:
    return replace(app, services=(*app.services, Service(name="stock", internal=True)))


_SCHEDULE = ScheduledScaling(name="weekend", schedule="cron(0 8 ? * SAT *)", minimum=0, maximum=1)
_VALUES = {"MODE": "quiet", "QUEUE": Text.parameter("QueueName")}
_PROXY = Container(name="proxy", image=f"public.ecr.aws/nginx/nginx:1.29@sha256:{'a' * 64}")
_SECRETS = {"TOKEN": Secret(arn=SecretArn.parameter("TokenArn"), key="token")}

# Changes of the employee's options that move no request, by option.
OF_A_SERVICE: dict[str, Change] = {
    "source": _service(source="apps/employee"),
    "shared": _service(shared=("libs",), build_context="."),
    "build_context": _service(build_context="."),
    "test_command": _service(test_command="make test"),
    "cpu": _service(cpu=1024, memory_mib=2048),
    "memory_mib": _service(memory_mib=1024),
    "architecture": _service(architecture="X86_64"),
    "scaling": _service(scaling=Scaling(minimum=3, maximum=9, memory_percent=70, requests_per_minute=500)),
    "scaling.schedule": _service(scaling=Scaling(schedule=(_SCHEDULE,))),
    "environment": _service(environment=_VALUES),
    "secrets": _service(secrets=_SECRETS),
    "stop_timeout_seconds": _service(stop_timeout_seconds=90),
    "user": _service(user="2000"),
    "writable_paths": _service(writable_paths=("/tmp", "/var/cache")),  # noqa: S108  (in a container)
    "egress_ports": _service(egress_ports=(443, 5671)),
    "release": _service(release=Release(strategy=Linear(percent=20, minutes=2), termination_wait_minutes=9)),
    "release.strategy": _service(release=Release(strategy=AllAtOnce(), continue_within_minutes=5)),
    "release.alarms": _service(release=Release(alarms=(AlarmName("orders"),))),
    "release.hooks": _service(release=Release(hooks={"BeforeInstall": FunctionArn.parameter("HookArn")})),
    "release.smoke_test": _service(release=Release(smoke_test=SmokeTest(path="/admin", host="shop.example.com"))),
    "spot_percent": _service(spot_percent=50),
    "migrate": _service(migrate=()),
    "containers": _service(containers=(_PROXY,)),
    "containers.source": _service(containers=(replace(_PROXY, image="", source="services/proxy"),)),
    "depends_on": _service(containers=(_PROXY,), depends_on={"proxy": "START"}),
    "health_check": _service(health_check=HealthCheck(command=("node", "healthy.js"))),
    "restart_policy": _service(restart_policy=RestartPolicy()),
    "calls": lambda app: changed(_with_stock(app), "employee", calls=("stock",)),
    "open_files": _service(open_files=4096),
    "ephemeral_storage_gib": _service(ephemeral_storage_gib=50),
    "statements": _service(statements=(Statement(actions=("s3:GetObject",), resources=("arn:${AWS::Partition}:s3:::menus/*",)),)),
    "policies": _service(policies=("AmazonS3ReadOnlyAccess",)),
    "telemetry": _service(telemetry=Telemetry(image=_PROXY.image)),
    "log_router": _service(log_router=LogRouter(image=_PROXY.image, output={"Name": "null"})),
}  # fmt: skip
# Changes of the rest of the application that move no request of the employee.
OF_THE_REST: dict[str, Change] = {
    "services": lambda app: replace(app, services=(Service(name="beans", paths=("/beans",), health_path="/beans"), *app.services)),
    "network": _part("network", zones=3, nat="one per zone"),
    "database": _part("database", instance_class="db.r7g.large", multi_az=True, storage_gib=100, storage_ceiling_gib=900),
    "database, none": _without_database,
    "balancer": lambda app: replace(app, balancer=Balancer(https=app.balancer.https, access_logs=not app.balancer.access_logs, deletion_protection=not app.balancer.deletion_protection)),
    "balancer.domain": _part("balancer", domain="shop.example.com"),
    "balancer.test_port": _part("balancer", test_port=9000, test_addresses=("203.0.113.0/24",)),
    "pipeline": _part("pipeline", approval=True, scan_threshold="NONE", build_timeout_minutes=60),
    "pipeline, none": lambda app: replace(app, pipeline=None, services=tuple(replace(each, migrate=()) for each in app.services)),
    "tags": lambda app: replace(app, tags={"Team": "beans"}),
    "permissions_boundary": lambda app: replace(app, permissions_boundary=True),
    "alarm_email": lambda app: replace(app, alarm_email="ops@example.com"),
    "log_retention_days": lambda app: replace(app, log_retention_days=90),
    "own_key_for": lambda app: replace(app, own_key_for=("logs", "artifacts")),
    "off_hours": lambda app: replace(app, off_hours=None),
    "internal_balancer": lambda app: replace(_with_stock(app), internal_balancer=InternalBalancer(test_port=9000)),
    "monthly_budget_usd": lambda app: replace(app, monthly_budget_usd=500),
    "cloud9": lambda app: replace(app, cloud9=True),
    "workers": lambda app: replace(app, workers=(Worker(name="roaster"),)),
    "scheduled_tasks": lambda app: replace(app, scheduled_tasks=(ScheduledTask(name="report", schedule="rate(1 day)"),)),
}  # fmt: skip
INNOCENT = OF_A_SERVICE | OF_THE_REST

# A small application, quick to generate, for histories and searches.
PLAIN = Service(name="plain")
SMALL = App(name="small", services=(PLAIN, Service(name="other", paths=("/other", "/other/*"), health_path="/other/health")))  # fmt: skip
