"""Hypothesis strategies of whole descriptions, and of a description's next version.

Options come from tables by class, so that a test can see that no option was forgotten. Each entry draws the option
together with those that must change with it, such as a task's memory with its CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from hypothesis import strategies as st

from cfngen import (
    S3,
    AlarmName,
    AllAtOnce,
    App,
    Arn,
    BackupPlan,
    Balancer,
    Canary,
    CodeCommit,
    Connection,
    Container,
    Database,
    DescriptionError,
    FunctionArn,
    HealthCheck,
    InternalBalancer,
    KeyArn,
    Linear,
    LogRouter,
    ManagedRules,
    Network,
    OffHours,
    Pipeline,
    PolicyArn,
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
    plan,
)
from cfngen.spec.task import Task

Options = Mapping[str, st.SearchStrategy[dict[str, Any]]]

NAMES = ("alpha", "beta", "gamma", "delta", "order-api")
PATTERNS = (
    "/*",
    "/a*",
    "/alpha",
    "/alpha/beta/*",
    "/alpha/b*",
    "/beta/*",
    "/b?ta/list",
    "/*/list",
    "/gamma",
    "/gamma/delta",
    "/gamma/*/edit",
    "/delta*",
    "/order-api/v?/*",
    "/Shop/*",
)
HOSTS = ("shop.example.com", "*.example.com", "*.shop.example.com", "example.org")
ADDRESSES = ("203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32")
LITERAL_FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:ours"
LITERAL_SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mail-AbCdEf"


def of(option: str, *values: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from([{option: value} for value in values])


def made(kind: type, options: Options, **required: Any) -> st.SearchStrategy[Any]:
    """Objects of a class with some of its options given, the others left at their defaults."""
    return st.fixed_dictionaries({}, optional=dict(options)).map(
        lambda drawn: kind(**required | {name: value for part in drawn.values() for name, value in part.items()})
    )


def some(values: Sequence[Any], most: int, least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=most).map(tuple)


def _option(name: str, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return strategy.map(lambda value: {name: value})


NETWORK: Options = {
    "cidr": of("cidr", "10.0.0.0/16", "10.64.0.0/18"),
    "zones": of("zones", 2, 3),
    "nat": of("nat", "one", "one per zone", "public tasks") | st.just({"nat": "one", "shared": True}),
    "endpoints": of("endpoints", (), ("sts",)),
    "bootstrap_image": of("bootstrap_image", "", "bootstrap:node-22"),
    "shared": of("shared", False),  # never with public tasks
    "existing": of("existing", False),
}
MANAGED_RULES: Options = {
    "action": of("action", "block", "count"),
    "counted_rules": of("counted_rules", {}, {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}),
    "requests_per_5_minutes": of("requests_per_5_minutes", None, 100),
}
WWW = Redirect(hosts=("www.example.org",), to_host="example.org")
OLD = Redirect(paths=("/old/*", "/old"), to_path="/alpha", status=302)
REDIRECT: Options = {
    "hosts": of("hosts", (), ("www.example.org",)),
    "paths": of("paths", ("/*",), ("/old/*", "/old")),
    "to_host": of("to_host", "example.org"),
    "to_path": of("to_path", "", "/archive/#{path}"),
    "status": of("status", 301, 302),
}
INTERNAL_BALANCER: Options = {
    "domain": of("domain", "", "shop.internal"),
    "https": of("https", False, True),
    "addresses": of("addresses", (), ("10.20.0.0/16",)),
    "test_port": of("test_port", 8080, 9000),
    "test_addresses": of("test_addresses", (), ("10.20.0.0/16", "192.0.2.0/24")),
}
_ISSUED: dict[str, Any] = {"https": True, "domain": "shop.example.com", "request_certificate": True}
BALANCER: Options = {
    "https": of("https", True, False) | st.just(_ISSUED),
    "domain": of("domain", "shop.example.com"),
    "aliases": of("aliases", ()),  # with a domain alone
    "request_certificate": of("request_certificate", False),  # with HTTPS and a domain
    "certificates": of("certificates", ()),  # with HTTPS alone
    "web_acl": of("web_acl", None),
    "managed_rules": st.sampled_from(
        [{"managed_rules": ManagedRules(requests_per_5_minutes=100)}, {"web_acl": Arn.parameter("WebAclArn")}]
    ),  # of the two a balancer has one
    "redirects": _option("redirects", some((WWW, OLD), 2)),
    "test_port": of("test_port", 8080, 9000),
    "test_addresses": _option("test_addresses", some(("192.0.2.0/24", "198.51.100.0/24"), 2)),
    "access_logs": of("access_logs", True, False),
    "deletion_protection": of("deletion_protection", True, False),
}
BACKUP_PLAN: Options = {
    "weekly_days": of("weekly_days", 35, 90),
    "monthly_days": of("monthly_days", None, 365),
}
_WINDOWS = of("backup_window", "10:00-10:30").map(lambda one: one | {"maintenance_window": "tue:11:00-tue:11:30"})
DATABASE: Options = {
    "name": of("name", "app", "shop"),
    "engine": of("engine", "mysql", "mariadb", "postgres"),
    "serverless": of("serverless", Serverless()),
    "existing": of("existing", False),
    "secrets_have_key": of("secrets_have_key", False),
    "reader_address": of("reader_address", False),
    "instance_class": of("instance_class", "db.t4g.micro", "db.t4g.medium", "db.m7g.large"),
    "storage_gib": of("storage_gib", 20, 40),
    "storage_ceiling_gib": of("storage_ceiling_gib", 100, 200),
    "multi_az": of("multi_az", True, False),
    "backup_days": of("backup_days", 1, 30),
    "backup_window": _WINDOWS,
    "maintenance_window": _WINDOWS,
    "backup_plan": _option("backup_plan", st.none() | made(BackupPlan, BACKUP_PLAN)),
    "protected": of("protected", True, False),
    "readers": of("readers", ()),  # names of services: see `_with_access`
    "writers": of("writers", ()),
}
SERVERLESS: Options = {
    "minimum_acu": of("minimum_acu", 0, 0.5, 2),
    "maximum_acu": of("maximum_acu", 2, 16),
    "pause_after_minutes": of("pause_after_minutes", 5, 60),
    "reader_instances": of("reader_instances", 0, 1, 2),
}
_AURORA: Options = {
    **{name: DATABASE[name] for name in ("name", "backup_days", "backup_window", "backup_plan", "protected")},
    "serverless": _option("serverless", made(Serverless, SERVERLESS)),
}
_existing = made(
    Database,
    {
        "secrets_have_key": of("secrets_have_key", True),
        "reader_address": of("reader_address", True),
        "engine": DATABASE["engine"],
    },
    existing=True,
)
_aurora = st.sampled_from(("aurora-mysql", "aurora-postgresql")).flatmap(
    lambda engine: made(Database, _AURORA, engine=engine)
)
SCHEDULED_SCALING: Options = {
    "schedule": of("schedule", "cron(0 20 ? * * *)", "rate(1 hour)"),
    "minimum": of("minimum", 0, 1),
    "maximum": of("maximum", 2, 3),
    "timezone": of("timezone", "UTC", "Europe/Berlin"),
}
_night = made(
    ScheduledScaling,
    {"timezone": SCHEDULED_SCALING["timezone"]},
    name="night",
    schedule="rate(1 hour)",
    minimum=0,
    maximum=2,
)
_noon = made(ScheduledScaling, {}, name="noon", schedule="cron(0 12 ? * * *)", minimum=1, maximum=3)
SCALING: Options = {
    "minimum": of("minimum", 1, 2),
    "maximum": of("maximum", 2, 8),
    "cpu_percent": of("cpu_percent", None, 60, 70),
    "memory_percent": of("memory_percent", None, 80),
    "requests_per_minute": of("requests_per_minute", None, 3000),
    "schedule": _option("schedule", st.one_of(st.just(()), _night.map(lambda a: (a,)), st.tuples(_night, _noon))),
}
STEPS: Options = {"percent": of("percent", 10, 20), "minutes": of("minutes", 3, 5)}
TELEMETRY: Options = {
    "namespace": of("namespace", "", "Shop"),
    "memory_mib": of("memory_mib", 128, 64),
}
SMOKE_TEST: Options = {
    "status": of("status", 200, 404),
    "contains": of("contains", "", "Items"),
    "host": of("host", "", "shop.example.com"),
    "timeout_seconds": of("timeout_seconds", 60, 90),
}
_hook = st.sampled_from((FunctionArn.parameter("HookArn"), FunctionArn(LITERAL_FUNCTION)))
RELEASE: Options = {
    "strategy": _option("strategy", st.one_of(st.just(AllAtOnce()), made(Canary, STEPS), made(Linear, STEPS))),
    "continue_within_minutes": of("continue_within_minutes", None, 60),
    "termination_wait_minutes": of("termination_wait_minutes", 5, 60),
    "alarms": of("alarms", (), (AlarmName("stock"),), (AlarmName.parameter("SalesAlarm"), AlarmName("stock"))),
    "hooks": _option("hooks", st.dictionaries(st.sampled_from(("BeforeInstall", "AfterAllowTraffic")), _hook)),
}


def release_options(name: str) -> Options:
    asked = made(SmokeTest, SMOKE_TEST, path=f"/{name}/items?page=1")
    return RELEASE | {"smoke_test": _option("smoke_test", st.none() | asked)}


OFF_HOURS: Options = {
    "start": of("start", "20:00", "22:30"),
    "end": of("end", "07:00", "05:15"),
    "working_days": of("working_days", ("MON", "TUE", "WED", "THU", "FRI"), ("SAT", "TUE")),
    "timezone": of("timezone", "UTC", "Europe/Berlin"),
}
CODECOMMIT: Options = {"branch": of("branch", "main", "dev"), "create": of("create", True, False)}
CONNECTION: Options = {
    "repository": of("repository", "acme/coffee", "acme/shop"),
    "branch": of("branch", "main", "dev"),
}
S3_SOURCE: Options = {
    "create": st.sampled_from([{"create": True, "key": None}, {"create": False}]),
    "prefix": of("prefix", "", "sources/dev"),
    "key": st.sampled_from([{"key": None}, {"key": KeyArn.parameter("SourceKeyArn"), "create": False}]),
}
PROMOTION: Options = {
    "stage": of("stage", "dev", "test"),
    "other_account": of("other_account", True, False),
}
PROMOTION_TARGET: Options = {
    "stage": of("stage", "prod", "live"),
    "files": of("files", "", "deploy/prod"),
    "other_account": of("other_account", True, False),
}
PIPELINE: Options = {
    "source": _option(
        "source",
        st.one_of(made(CodeCommit, CODECOMMIT), made(Connection, CONNECTION, repository="a/b"), made(S3, S3_SOURCE)),
    ),
    "promotes_to": of("promotes_to", None),  # what promotes needs a second stage that fits: tests/test_promotion.py
    "approval": of("approval", True, False),
    "test_command": of("test_command", "npm ci && npm test", "make test"),
    "test_report": st.just({"test_report": "reports/junit.xml", "test_command": "npm test"}),
    "runtimes": of("runtimes", {}, {"nodejs": "22"}, {"nodejs": "22", "python": "3.13"}),
    "scan_threshold": of("scan_threshold", "HIGH", "NONE"),
    "files": of("files", "", "deploy/files"),
    "build_timeout_minutes": of("build_timeout_minutes", 30, 45),
}
SECRET: Options = {
    "key": of("key", "", "password"),
    "encrypted_with": of("encrypted_with", None, KeyArn.parameter("MailKeyArn")),
}
_secret = made(Secret, SECRET, arn=SecretArn(LITERAL_SECRET)) | made(Secret, SECRET, arn=SecretArn.parameter("MailArn"))
SSM_PARAMETER: Options = {"encrypted_with": of("encrypted_with", None, KeyArn.parameter("SettingsKeyArn"))}
_sourced = _secret | made(SsmParameter, SSM_PARAMETER, name="/shop/mail")
STATEMENT: Options = {
    "actions": of("actions", ("s3:GetObject",), ("s3:Put*", "s3:GetObject")),
    "resources": st.sampled_from(  # optional parts come in any order, so each way says the reason too
        [
            {"resources": ("arn:${AWS::Partition}:s3:::pictures/*",), "reason": ""},
            {"resources": (Arn.parameter("PicturesArn"), "arn:${AWS::Partition}:s3:::books/*"), "reason": ""},
        ]
    ),
    "reason": st.just(
        {"resources": ("*",), "reason": "the action takes no resource", "actions": ("s3:ListAllMyBuckets",)}
    ),
}
_statement = made(Statement, STATEMENT, actions=("s3:GetObject",), resources=("arn:${AWS::Partition}:s3:::pictures/*",))
IMAGE = f"public.ecr.aws/nginx/nginx:1.27@sha256:{'a' * 64}"
HEALTH_CHECK: Options = {
    "command": of("command", ("CMD-SHELL", "wget -q localhost:8080/health"), ("true",)),
    "interval_seconds": of("interval_seconds", 30, 10),
    "timeout_seconds": of("timeout_seconds", 5, 2),
    "retries": of("retries", 3, 5),
    "start_period_seconds": of("start_period_seconds", 0, 60),
}
RESTART_POLICY: Options = {
    "ignored_exit_codes": of("ignored_exit_codes", (), (0, 143)),
    "restart_attempt_period_seconds": of("restart_attempt_period_seconds", 300, 60),
}
_restart_policy = made(RestartPolicy, RESTART_POLICY)
_health_check = made(HealthCheck, HEALTH_CHECK, command=("true",))
CONTAINER: Options = {
    "image": st.just({"image": IMAGE, "source": ""}),  # optional parts come in any order
    "source": st.just({"source": "services/beside", "image": ""}),
    "command": of("command", ("sh", "-c", "sleep 9"), ("true",)),
    "environment": of("environment", {}, {"LEVEL": "info"}, {"TOPIC": Text.parameter("JobsTopic")}),
    "secrets": _option("secrets", st.just({}) | _sourced.map(lambda secret: {"TOKEN": secret})),
    "depends_on": of("depends_on", {}),  # names of containers: see `service_options`
    "essential": of("essential", True, False),
    "health_check": _option("health_check", st.none() | _health_check),
    "restart_policy": _option("restart_policy", st.none() | _restart_policy),
    "database": of("database", False),  # needs a reader or writer: tests/test_files.py
    "memory_mib": of("memory_mib", None, 64),
    "user": of("user", "1000:1000", "65532"),
    "writable_paths": _option("writable_paths", some(("/run/app", "/var/cache/beside"), 2)),
    "stop_timeout_seconds": of("stop_timeout_seconds", 30, 5),
}
_beside = made(Container, CONTAINER, name="beside", command=("true",))
_pipeline = made(Pipeline, PIPELINE, source=CodeCommit()) | made(
    Pipeline, PIPELINE, source=Connection(repository="a/b")
)
OUTPUT = {"Name": "kinesis_firehose", "delivery_stream": "logs"}
LOG_ROUTER: Options = {
    "secret_output": _option("secret_output", st.just({}) | _sourced.map(lambda secret: {"apikey": secret})),
    "memory_mib": of("memory_mib", 64, 32),
}


def service_options(name: str) -> Options:
    own, health = f"/{name}/*", f"/{name}/health"
    many = tuple(f"/{name}/{part}*" for part in "abcdefg")
    return {
        "paths": _option("paths", some(PATTERNS, 3).map(lambda more: (own, *more)) | st.just((own, *many))),
        "hosts": _option("hosts", some((*HOSTS, f"{name}.example.com"), 2)),
        "allowed_addresses": _option("allowed_addresses", some(ADDRESSES, 2)),
        "methods": of("methods", (), ("GET", "HEAD"), ("POST",)),
        "query": of("query", {}, {"version": ("beta",)}, {"version": ("b*", "2"), "tenant": ("one",)}),
        "headers": of("headers", {}, {"X-Version": ("beta",)}, {"X-Version": ("b*", "2"), "X-Tenant": ("one", "two")}),
        "port": of("port", 8080, 8081),
        "health_path": of("health_path", health, f"/{name}/alive"),
        "maintenance": of("maintenance", None),  # tests/test_maintenance.py
        "internal": of("internal", False, True),
        "protocol_version": st.sampled_from(
            [
                {"protocol_version": "HTTP2"},
                {"protocol_version": "GRPC", "health_path": "/grpc.health.v1.Health/Check"},
            ]
        ),
        "source": of("source", "", f"apps/{name}"),
        "shared": st.sampled_from([{"shared": ("common",), "build_context": "."}, {"shared": ()}]),
        "build_context": of("build_context", "", "."),
        "test_command": of("test_command", None, "make check"),
        "cpu": st.sampled_from([{"cpu": 256, "memory_mib": 512}, {"cpu": 1024, "memory_mib": 2048}]),
        "memory_mib": st.just({"cpu": 512, "memory_mib": 1024}),
        "architecture": of("architecture", "ARM64", "X86_64"),
        "scaling": _option("scaling", made(Scaling, SCALING)),
        "environment": of("environment", {}, {"LOG_LEVEL": "info"}, {"FLAG": Text.parameter("FeatureFlag"), "A": "b"}),
        "secrets": _option("secrets", st.just({}) | _sourced.map(lambda secret: {"MAIL_PASSWORD": secret})),
        "stop_timeout_seconds": of("stop_timeout_seconds", 30, 60),
        "user": of("user", "1000:1000", "65532"),
        "writable_paths": _option("writable_paths", some(("/run/app", "/var/cache/app"), 2)),
        "egress_ports": of("egress_ports", (443,), (443, 5671)),
        "calls": of("calls", (), ("alpha",)),
        "spot_percent": of("spot_percent", 0, 50, 100),
        "release": _option("release", made(Release, release_options(name))),
        "migrate": of("migrate", (), ("node", "migrate.js")),
        "containers": _option("containers", st.just(()) | _beside.map(lambda beside: (beside,))),
        "depends_on": st.just(
            {
                "containers": (Container(name="first", command=("true",), essential=False),),
                "depends_on": {"first": "SUCCESS"},
            }
        ),
        "health_check": _option("health_check", st.none() | _health_check),
        "restart_policy": of("restart_policy", None, RestartPolicy(ignored_exit_codes=(0,))),
        "open_files": of("open_files", None, 100_000),
        "ephemeral_storage_gib": of("ephemeral_storage_gib", 20, 60),
        "statements": _option("statements", st.lists(_statement, max_size=2).map(tuple)),
        "policies": _option(
            "policies",
            some(
                (
                    "AmazonS3ReadOnlyAccess",
                    "CloudWatchReadOnlyAccess",
                    PolicyArn.parameter("OwnPolicyArn"),
                    PolicyArn("arn:aws:iam::123456789012:policy/x"),
                ),
                3,
            ),
        ),
        "log_router": _option("log_router", st.none() | made(LogRouter, LOG_ROUTER, image=IMAGE, output=OUTPUT)),
        "telemetry": _option("telemetry", st.none() | made(Telemetry, TELEMETRY, image=IMAGE)),
    }


QUEUE: Options = {
    "senders": of("senders", (), ("mailer",)),  # itself, which is there whenever its queue is
    "visibility_timeout_seconds": of("visibility_timeout_seconds", 60, 600),
    "receives": of("receives", 5, 3),
    "retention_days": of("retention_days", 4, 14),
    "oldest_message_minutes": of("oldest_message_minutes", 15, 60),
    "fifo": of("fifo", False, True),
}
WORKER_SCALING: Options = {
    "minimum": of("minimum", 1, 2),
    "maximum": of("maximum", 2, 8),
    "cpu_percent": of("cpu_percent", None, 60),
    "memory_percent": of("memory_percent", None, 80),
    "messages_per_task": st.just({"messages_per_task": 100, "minimum": 0}),
    "schedule": SCALING["schedule"],
}
_backlog = made(WorkerScaling, WORKER_SCALING)
_OF_SERVICES = {field.name for field in fields(Service)} - {field.name for field in fields(Task)}


def task_options(name: str) -> Options:
    own = {option: drawn for option, drawn in service_options(name).items() if option not in _OF_SERVICES}
    return own | {"calls": of("calls", ())}  # names of internal services


def worker_options(name: str) -> Options:
    queue = made(Queue, QUEUE)
    return task_options(name) | {
        "command": of("command", (), ("node", "mail.js")),
        "queue": _option("queue", queue),
        "scaling": st.tuples(queue, _backlog).map(lambda both: {"queue": both[0], "scaling": both[1]}),
        "minimum_healthy_percent": of("minimum_healthy_percent", 100, 0, 50),
        "maximum_percent": of("maximum_percent", 200, 150),
    }


def scheduled_options(name: str) -> Options:
    return task_options(name) | {
        "schedule": of("schedule", "cron(0 3 * * ? *)", "rate(1 hour)"),
        "timezone": of("timezone", "UTC", "Europe/Berlin"),
        "command": of("command", (), ("node", "report.js")),
        "image_of": of("image_of", ""),  # a name of a service or worker
        "retries": of("retries", 3, 0),
        "give_up_after_minutes": of("give_up_after_minutes", 60, 5),
        "flexible_minutes": of("flexible_minutes", None, 15),
    }


def _at_once(options: Options) -> Options:
    """Those that fit together in whatever order they come: these two are changed by others, too."""
    return {option: drawn for option, drawn in options.items() if option not in ("containers", "build_context")}


_worker = made(Worker, _at_once(worker_options("mailer")), name="mailer")
_scheduled = made(ScheduledTask, _at_once(scheduled_options("nightly")), name="nightly", schedule="rate(1 hour)")
APP: Options = {
    "workers": _option("workers", st.just(()) | _worker.map(lambda worker: (worker,))),
    "scheduled_tasks": _option("scheduled_tasks", st.just(()) | _scheduled.map(lambda task: (task,))),
    "network": _option("network", made(Network, NETWORK) | st.just(Network(existing=True))),
    "database": _option("database", st.none() | made(Database, DATABASE) | _aurora | _existing),
    "balancer": _option("balancer", made(Balancer, BALANCER)),
    "internal_balancer": _option("internal_balancer", made(InternalBalancer, INTERNAL_BALANCER)),
    "pipeline": _option("pipeline", st.none() | _pipeline),
    "tags": of("tags", {}, {"Team": "shop"}, {"CostCentre": "7", "Team": "shop"}),
    "permissions_boundary": of("permissions_boundary", True, False),
    "alarm_email": of("alarm_email", None, "shop@example.com"),
    "monthly_budget_usd": of("monthly_budget_usd", None, 500),
    "log_retention_days": of("log_retention_days", 30, 365),
    "own_key_for": _option("own_key_for", some(("logs", "artifacts", "images", "database", "queues"), 5)),
    "off_hours": _option("off_hours", st.none() | made(OffHours, OFF_HOURS)),
    "maintenance": of("maintenance", None),  # tests/test_maintenance.py
    "services_per_cell": of("services_per_cell", 45, 30),
    "cloud9": of("cloud9", False, True),
}


TABLES: Mapping[type, Options] = {
    App: APP | {"name": of("name", "shop"), "stage": of("stage", "dev"), "services": of("services", ())},
    AllAtOnce: {},
    BackupPlan: BACKUP_PLAN,
    Balancer: BALANCER,
    Canary: STEPS,
    CodeCommit: CODECOMMIT,
    Connection: CONNECTION,
    S3: S3_SOURCE,
    Promotion: PROMOTION,
    PromotionTarget: PROMOTION_TARGET,
    Container: CONTAINER | {"name": of("name", "beside")},
    Database: DATABASE,
    HealthCheck: HEALTH_CHECK,
    RestartPolicy: RESTART_POLICY,
    InternalBalancer: INTERNAL_BALANCER,
    Linear: STEPS,
    LogRouter: LOG_ROUTER | {"image": of("image", IMAGE), "output": of("output", OUTPUT)},
    ManagedRules: MANAGED_RULES,
    Network: NETWORK,
    OffHours: OFF_HOURS,
    Pipeline: PIPELINE,
    Queue: QUEUE,
    Redirect: REDIRECT,
    Release: release_options("alpha"),
    Scaling: SCALING,
    ScheduledScaling: SCHEDULED_SCALING | {"name": of("name", "night", "noon")},
    Serverless: SERVERLESS,
    ScheduledTask: scheduled_options("nightly") | {"name": of("name", "nightly")},
    Secret: SECRET | {"arn": of("arn", SecretArn(LITERAL_SECRET))},
    SmokeTest: SMOKE_TEST | {"path": of("path", "/alpha/items")},
    SsmParameter: SSM_PARAMETER | {"name": of("name", "/shop/mail")},
    Statement: STATEMENT,
    Telemetry: TELEMETRY | {"image": of("image", IMAGE)},
    Service: service_options("alpha") | {"name": of("name", *NAMES)},
    Worker: worker_options("mailer") | {"name": of("name", "mailer")},
    WorkerScaling: WORKER_SCALING,
}
"""Every option that is drawn; a test compares it with the options that there are."""


@st.composite
def apps(draw: st.DrawFn) -> App:
    """Whole applications that `plan` accepts: one to four services, and any of the other options."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4))
    app = App(name="shop", services=(Service(name=names[0], **_plain(names[0])),))
    for options in draw(st.fixed_dictionaries({}, optional=dict(APP))).values():
        app = _accepted(app, **options)
    for name in names:
        app = add(app, Service(name=name, **_plain(name)))
        for options in draw(st.fixed_dictionaries({}, optional=dict(service_options(name)))).values():
            app = with_service(app, name, options)
    return _with_access(draw, app)


_ROUTING, _BIRTH = ("paths", "hosts", "allowed_addresses", "headers", "methods", "query"), ("port", "health_path")
_KINDS = ("routing", "service", "app", "part", "add", "remove", "order", "routing", "service", "birth", "routing")


@st.composite
def successors(draw: st.DrawFn, app: App) -> App:
    """Next versions of an application: some of its options changed, services added, removed, moved, changed."""
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(_KINDS))
        names = [service.name for service in app.services]
        name = draw(st.sampled_from(names))
        options = service_options(name)
        match kind:
            case "service":
                app = with_service(app, name, draw(options[draw(st.sampled_from(sorted(options)))]))
            case "routing":
                app = with_service(app, name, draw(options[draw(st.sampled_from(_ROUTING))]))
            case "birth":
                app = with_service(app, name, draw(options[draw(st.sampled_from(_BIRTH))]))
            case "app":
                app = _accepted(app, **draw(APP[draw(st.sampled_from(sorted(APP)))]))
            case "part":
                app = _with_part(draw, app)
            case "add":
                new = draw(st.sampled_from(NAMES))
                app = add(app, Service(name=new, **_plain(new)))
                app = app if new in names else with_service(app, new, draw(service_options(new)["paths"]))
            case "remove":
                app = without(app, name)
            case "order":
                app = replace(app, services=tuple(draw(st.permutations(app.services))))
    return _with_access(draw, app) if draw(st.booleans()) else app


@st.composite
def lives(draw: st.DrawFn, steps: int = 4) -> list[App]:
    """An application and the versions that follow it, which at times are old ones again."""
    life = [draw(apps())]
    for _ in range(draw(st.integers(1, steps - 1))):
        life.append(life[-2] if len(life) > 1 and draw(st.integers(0, 3)) == 3 else draw(successors(life[-1])))
    return life


def add(app: App, service: Service) -> App:
    """With a further service, if the name is free and nobody else has its paths."""
    if service.name in {each.name for each in app.services}:
        return app
    return _accepted(app, services=(*app.services, service))


def without(app: App, name: str) -> App:
    """Without a service, unless it is the last."""
    left = tuple(service for service in app.services if service.name != name)
    if not left:
        return app
    database = app.database and replace(
        app.database,
        readers=tuple(each for each in app.database.readers if each != name),
        writers=tuple(each for each in app.database.writers if each != name),
    )
    return _accepted(app, services=left, database=database)


def with_service(app: App, name: str, options: Mapping[str, Any]) -> App:
    """With options of one service changed, if the description stays one that a new stage could have."""
    try:
        changed = replace(app.service(name), **options)
    except (KeyError, DescriptionError):
        return app
    return _accepted(app, services=tuple(changed if each.name == name else each for each in app.services))


def _plain(name: str) -> dict[str, Any]:
    return {"paths": (f"/{name}/*",), "health_path": f"/{name}/health"}


def _with_access(draw: st.DrawFn, app: App) -> App:
    if app.database is None:
        return app
    kinds = {service.name: draw(st.sampled_from(("readers", "writers", ""))) for service in app.services}
    roles = {role: tuple(name for name in kinds if kinds[name] == role) for role in ("readers", "writers")}
    return _accepted(app, database=replace(app.database, **roles))


def _with_part(draw: st.DrawFn, app: App) -> App:
    """With one option changed of what hangs on the application: its network, balancer, database or pipeline."""
    parts = {
        "network": NETWORK,
        "balancer": BALANCER,
        "internal_balancer": INTERNAL_BALANCER,
        "database": DATABASE,
        "pipeline": PIPELINE,
        "off_hours": OFF_HOURS,
    }
    name = draw(st.sampled_from([each for each in parts if getattr(app, each) is not None]))
    options = {key: part for key, part in parts[name].items() if key not in ("readers", "writers")}
    changed = draw(options[draw(st.sampled_from(sorted(options)))])
    try:
        part = replace(getattr(app, name), **changed)
    except DescriptionError:  # what a network that exists does not have, or Aurora no use for
        return app
    return _accepted(app, **{name: part})


def _accepted(app: App, **changes: Any) -> App:
    try:
        changed = replace(app, **changes)
        plan(changed)
    except DescriptionError:
        return app
    return changed


def options_of(kind: type) -> set[str]:
    """The names of a description's options."""
    return {field.name for field in fields(kind)}


def drawn_of(tables: Iterable[type] | None = None) -> dict[type, set[str]]:
    """The options that the tables above draw, by class."""
    return {kind: set(TABLES[kind]) for kind in (tables or TABLES)}
