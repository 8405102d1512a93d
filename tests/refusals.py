"""What descriptions refuse: a case for each check, with the option that is told and what would fit there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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
    Worker,
    WorkerScaling,
    plan,
)

KINDS: list[type[Any]] = [
    AllAtOnce,
    App,
    BackupPlan,
    Balancer,
    Canary,
    S3,
    CodeCommit,
    Connection,
    Container,
    Database,
    HealthCheck,
    InternalBalancer,
    Linear,
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
    Service,
    SsmParameter,
    Statement,
    Worker,
    WorkerScaling,
    LogRouter,
    Serverless,
    SmokeTest,
    Telemetry,
]
SECRET = Secret(arn=SecretArn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"))
REQUIRED: dict[type[Any], dict[str, Any]] = {
    App: {"name": "shop", "services": (Service(name="shop"),)},
    Connection: {"repository": "acme/shop"},
    S3: {},
    Promotion: {"stage": "test"},
    PromotionTarget: {"stage": "prod"},
    Container: {"name": "side", "command": ("true",)},
    HealthCheck: {"command": ("true",)},
    Pipeline: {"source": CodeCommit()},
    Redirect: {"to_host": "example.com"},
    ScheduledScaling: {"name": "night", "schedule": "rate(1 hour)", "minimum": 0, "maximum": 1},
    Secret: {"arn": SECRET.arn},
    ScheduledTask: {"name": "report", "schedule": "rate(1 day)"},
    Service: {"name": "shop"},
    Worker: {"name": "mailer"},
    SsmParameter: {"name": "/shop/key"},
    SmokeTest: {"path": "/items"},
    LogRouter: {"image": f"public.ecr.aws/router@sha256:{'a' * 64}", "output": {"Name": "null"}},
    Telemetry: {"image": f"public.ecr.aws/collector@sha256:{'a' * 64}"},
    Statement: {"actions": ("s3:GetObject",), "resources": ("arn:${AWS::Partition}:s3:::pictures/*",)},
}


@dataclass(frozen=True)
class Case:
    """A call that is refused: this option is told, and no other, with this text."""

    kind: type[Any]
    option: str
    says: str
    given: Mapping[str, Any]

    def make(self) -> None:
        made = self.kind(**{**REQUIRED.get(self.kind, {}), **self.given})
        if isinstance(made, App):
            plan(made)

    def __str__(self) -> str:
        name, value = next(iter(self.given.items()))
        return f"{self.kind.__name__}-{name}-{value!r:.30}"


def case(kind: type[Any], option: str, says: str, /, **given: Any) -> Case:
    return Case(kind, option, says, given)


def services(*names: str, **options: Any) -> tuple[Service, ...]:
    return tuple(Service(name=name, paths=(f"/{name}/*",), health_path=f"/{name}/health", **options) for name in names)


def beside(*names: str, **options: Any) -> tuple[Container, ...]:
    return tuple(Container(name=name, command=("true",), **options) for name in names)


IMAGE = f"public.ecr.aws/nginx/nginx:1.27@sha256:{'a' * 64}"
NAME = "lower-case letters, digits and single hyphens, beginning with a letter, at most"
FOLDER = "a folder relative to the source's root, as in 'services/customer'"
RANGE = "an IPv4 range, as in '203.0.113.0/24'"
DAYS = "1 to 2880 (two days)"
PERCENT = "10 to 95, or None"
PRIVATE = "a private range from /16 to /20"
OTHER_KEY = "another key; Application, Stage and Name are cfngen's, and aws: is AWS's"
SHADOWED = "another name; the database's address and user are given to the service by cfngen"
EVERY_CIDR = (
    "10.0.0.0/24",
    "10.0.0.0/8",
    "8.8.0.0/16",
    "127.0.0.0/16",
    "169.254.0.0/16",
    "240.0.0.0/16",
)

STOCK = Service(name="stock", internal=True)
ASKED = Release(smoke_test=SmokeTest(path="/shop/a", host="a.example.com"))
REFUSED = [
    # application
    *(case(App, "name", f"{NAME} 24", name=text) for text in ("", "Shop", "1shop", "a_b", "a--b", "a-", "é", "a" * 25)),
    *(case(App, "stage", f"{NAME} 16", stage=text) for text in ("", "Dev", "a b", "a" * 17)),
    case(App, "log_retention_days", "one of 1, 3, 5, 7, 14, 30,", log_retention_days=31),
    *(case(App, "services_per_cell", "1 to 45, which is what one balancer carries", services_per_cell=number) for number in (0, 46)),
    *(case(App, f"{option}[0].name", "'cell-2' is the folder of a further cell", **{option: (kind(**{**REQUIRED[kind], "name": "cell-2"}),)})
      for option, kind in (("services", Service), ("workers", Worker), ("scheduled_tasks", ScheduledTask))),
    *(case(App, "monthly_budget_usd", "whole US dollars", monthly_budget_usd=usd) for usd in (0, -5, 1_000_000_001)),
    *(case(App, "alarm_email", "an e-mail address", alarm_email=text) for text in ("", "me", "a@b", "a b@c.de", "a@b@c.de")),
    *(case(App, "tags['Team']", "at most 256 letters", tags={"Team": value}) for value in ("a,b", "<x>", "a" * 257)),
    *(case(App, f"tags[{key!r}]", OTHER_KEY, tags={key: "x"}) for key in ("aws:x", "AWS:x", "Stage", "Application", "Name", "stage", "APPLICATION", "name")),
    *(case(App, f"tags[{key!r}]", f"another key; IAM takes it for the same as {first!r}", tags={first: "x", "other": "y", key: "x"})
      for first, key in (("team", "Team"), ("Cost Center", "cost center"))),
    case(App, "tags", "46 of them; at most 45, since a resource takes 50", tags={f"tag{number}": "x" for number in range(46)}),
    *(case(App, f"tags[{key!r}]", OTHER_KEY, tags={key: "x"}) for key in ("", "a#b", "a" * 129)),
    case(App, "services", "at least one", services=()),
    case(App, "services", "at most 45 in a cell: services without hosts belong to the first cell", services=services(*(f"s{n}" for n in range(46)))),
    case(App, "services[1].name", "another name; 'a' is taken", services=services("a", "a")),
    case(App, "services[1].name", "'a-1' and 'a1' would both be A1 in a template", services=services("a1", "a-1")),
    *(
        case(App, f"database.{option}", "'custmer' is no service, worker or scheduled task; did you mean 'customer'?",
             services=services("customer"), database=database)
        for option, database in (("readers", Database(readers=("custmer",))), ("writers", Database(writers=("custmer",))))
    ),
    case(App, "services[1].migrate", "needs a database in the application",
         services=(*services("a"), *services("b", migrate=("x",))), pipeline=Pipeline(source=CodeCommit())),
    case(App, "services[0].migrate", "needs a pipeline in the application, which runs it",
         services=services("a", migrate=("x",)), database=Database()),
    case(App, "services[0].environment['DB_HOST']", SHADOWED,
         services=services("a", environment={"DB_HOST": "x"}), database=Database(readers=("a",))),
    case(App, "services[0].secrets['DB_PASSWORD']", SHADOWED,
         services=services("a", secrets={"DB_PASSWORD": SECRET}), database=Database(writers=("a",))),
    case(App, "services[0].shared", "at most 6 folders, since a trigger of CodePipeline takes 8 paths",
         services=services("a", shared=tuple("bcdefgh"), build_context="."), pipeline=Pipeline(source=Connection(repository="a/b"))),
    *(case(App, "services[0].scaling.schedule", f"another name than {name!r}, which is that of off_hours", off_hours=OffHours(),
           services=services("a", scaling=Scaling(schedule=(ScheduledScaling(**{**REQUIRED[ScheduledScaling], "name": name}),))))
      for name in ("off-hours-start", "off-hours-end")),
    case(App, "network.cidr", "a larger range, or less for scaling.maximum: at most 1000 tasks run", network=Network(cidr="10.0.0.0/20"),
         services=services("a", scaling=Scaling(maximum=500))),
    *(case(App, f"services[0].environment[{name!r}]", SHADOWED, pipeline=Pipeline(source=CodeCommit()), database=Database(),
           services=services("a", migrate=("x",), environment={name: "x"})) for name in ("DB_HOST", "DB_ADMIN_USER", "DB_READER_PASSWORD")),
    *(case(App, "stage", "another name; ", stage=text) for text in ("dev-cell-2", "cell-10")),
    case(App, "name", "another name", name="network"),
    case(App, "name", "another name", name="service-shop"),
    *(case(OffHours, option, "a time of day, as in '20:00'", **{option: text})
      for option in ("start", "end") for text in ("", "8:00", "24:00", "20:60", "20.00", "20:00:00")),
    case(OffHours, "working_days", "'Mon': days are MON, TUE,", working_days=("TUE", "Mon")),
    case(OffHours, "working_days", "at least one", working_days=()),
    *(case(owner, "timezone", fits, **{**REQUIRED.get(owner, {}), "timezone": text}) for owner in (OffHours, ScheduledScaling)
      for text, fits in (("Mars/Olympus", "a name of the time zone database, as in 'Europe/Berlin'"), ("", "a name of the time zone database"),
                         ("Europe / Berlin", "did you mean 'Europe/Berlin'?"), ("europe/berlin", "did you mean 'Europe/Berlin'?"),
                         ("../zones", "a name of the time zone database"), ("Americas/New_York", "did you mean 'America/New_York'?"))),
    *(case(OffHours, "start", "at least 90 minutes after end, in which a database is backed up and maintained, and two hours before it",
           start=text) for text in ("07:00", "08:29", "05:01", "06:59")),
    *(case(OffHours, "start", f"at least {least} minutes after end", start=text, timezone=zone)
      for zone, least, text in (("Europe/Berlin", 150, "09:29"), ("Asia/Tokyo", 90, "08:29"), ("Australia/Lord_Howe", 120, "08:59"))),
    # balancer
    *(case(Balancer, "test_port", "another port than 80 and 443", test_port=port) for port in (80, 443)),
    *(case(Balancer, "test_port", "1 to 65535", test_port=port) for port in (0, -1, 65536)),
    *(case(Balancer, "domain", "a domain name in lower case", domain=text)
      for text in ("", "shop", "Shop.example.com", "https://a.b", "a..b", "*.*.a.b", "a.b/")),
    *(case(Balancer, "test_addresses[1]", f"{text!r}: {RANGE}", test_addresses=("10.0.0.0/8", text))
      for text in ("", "10.0.0.1", "10.0.0.1/8", "::/0", "my office", "10.0.0.0/33", "fe80::%eth0/128")),
    *(case(Balancer, "test_addresses[0]", f"{text!r}: the same range as AWS writes it, '203.0.113.0/24'", test_addresses=(text,))
      for text in ("203.0.113.0/255.255.255.0", "203.0.113.0/0.0.0.255", "203.0.113.0/024")),
    case(Balancer, "test_addresses", "'10.0.0.0/8' stands there twice", test_addresses=("10.0.0.0/8", "10.0.0.0/8")),
    # database
    *(case(Database, "name", "a schema's name: a letter, then up to 31", name=text) for text in ("", "1a", "a-b", "A", "a" * 33)),
    *(case(Database, "instance_class", "a current t, m or r class", instance_class=text)
      for text in ("", "t4g.micro", "db.t4g", "db.t4g.huge", "db.x2g.large", "db.m7g.micro")),
    *(case(Database, "storage_gib", "20 to 65536", storage_gib=size) for size in (-1, 0, 19)),
    case(Database, "storage_ceiling_gib", "at least a tenth above storage_gib, here 33", storage_gib=30, storage_ceiling_gib=32),
    case(Database, "storage_ceiling_gib", "65536", storage_ceiling_gib=65537),
    *(case(Database, "backup_window", "30 minutes to 23 hours of each day in UTC, as in '03:00-03:30'", backup_window=text, maintenance_window="sun:04:00-sun:04:30")
      for text in ("03:00", "3:00-3:30", "24:00-01:00", "03:00-03:29", "03:00-03:00", "sun:03:00-sun:03:30")),
    *(case(Database, "maintenance_window", "30 minutes to 23 hours of each week in UTC", maintenance_window=text, backup_window="03:00-03:30")
      for text in ("sun:04:00", "04:00-04:30", "son:04:00-son:04:30", "sun:04:00-sun:04:29", "sun:04:00-tue:04:00", "sun:04:00-sun:04:00")),
    case(Database, "maintenance_window", "a window, too, since backup_window is given and the two may not meet", backup_window="03:00-03:30"),
    case(Database, "backup_window", "a window, too, since maintenance_window is given", maintenance_window="sun:04:00-sun:04:30"),
    *(case(Database, "maintenance_window", "a time that does not meet backup_window", backup_window="23:30-00:30", maintenance_window=text)
      for text in ("mon:00:00-mon:01:00", "tue:23:00-tue:23:45", "sun:12:00-mon:11:00")),
    *(case(BackupPlan, option, "1 to 36500, or None for no such copies", **{option: days})
      for option in ("weekly_days", "monthly_days") for days in (0, 36501)),
    *(case(Database, option, f"nothing, with aurora-mysql: {why}", engine="aurora-mysql", **{option: value})
      for option, value, why in (("instance_class", "db.m7g.large", "its capacity is what serverless says"), ("storage_gib", 40, "its storage begins small"),
                                 ("storage_ceiling_gib", 200, "its storage grows by itself"), ("multi_az", True, "its storage is in three zones"))),
    case(Database, "backup_days", "1 to 35; without", engine="aurora-postgresql", backup_days=0),
    case(Database, "serverless", "nothing, with an engine that is not Aurora's", serverless=Serverless(minimum_acu=1)),
    *(case(Serverless, "minimum_acu", "0 to 256, in steps of 0.5", minimum_acu=acu) for acu in (-0.5, 0.25, 0.7)),
    *(case(Serverless, "maximum_acu", "1 to 256, in steps of 0.5", maximum_acu=acu) for acu in (0.5, 256.5, 3.3)),
    case(Serverless, "minimum_acu", "at most maximum_acu, here 4", minimum_acu=8),
    *(case(Serverless, "pause_after_minutes", "5 to 1440", pause_after_minutes=minutes) for minutes in (4, 1441)),
    *(case(Serverless, "reader_instances", "0 to 15", reader_instances=count) for count in (-1, 16)),
    *(case(Database, option, "nothing, with existing: the database stays", existing=True, **{option: value})
      for option, value in (("instance_class", "db.m7g.large"), ("protected", False), ("backup_plan", BackupPlan()), ("serverless", Serverless(minimum_acu=1)))),
    *(case(Database, option, "nothing, without existing", **{option: True}) for option in ("secrets_have_key", "reader_address")),
    case(App, "own_key_for", "secrets_have_key says that its secrets have one", database=Database(existing=True), own_key_for=("database",)),
    case(BackupPlan, "monthly_days", "without either there are no copies", weekly_days=None, monthly_days=None),
    *(case(App, f"database.{option}", f"{says} at which the stage is awake: from 07:00 to 20:00, Europe/Berlin, all the year", off_hours=OffHours(timezone="Europe/Berlin"),
           database=Database(backup_window=daily, maintenance_window=weekly))
      for option, says, daily, weekly in (("backup_window", "a time", "05:30-06:00", "mon:08:00-mon:09:00"), ("backup_window", "a time", "18:00-18:31", "mon:08:00-mon:09:00"),
                                          ("maintenance_window", "a time of MON,TUE,WED,THU,FRI", "08:00-08:30", "sat:10:00-sat:10:30"),
                                          ("maintenance_window", "a time of MON,TUE,WED,THU,FRI", "08:00-08:30", "mon:18:00-mon:18:30"))),
    case(App, "off_hours.start", "longer hours: a copy would be made from MON 11:30 UTC on, for 120 minutes, and the stage is awake from 07:00 to 12:00",
         off_hours=OffHours(start="12:00"), database=Database(backup_plan=BackupPlan())),
    *(case(Database, "backup_days", "1 to 35; without backups nothing can be restored", backup_days=days) for days in (0, 36)),
    case(Database, "readers", "'b' stands in writers too", readers=("a", "b"), writers=("b",)),
    # balancer and network without NAT
    case(Balancer, "certificates", "none of them, or https", https=False, certificates=(CertificateArn("arn:aws:acm:eu-west-1:123456789012:certificate/1"),)),
    case(Balancer, "certificates", "since a balancer takes no more beside the first",
         certificates=tuple(CertificateArn(f"arn:aws:acm:eu-west-1:123456789012:certificate/{number}") for number in range(30))),
    case(Balancer, "certificates", "one of them stands there twice", certificates=(CertificateArn("arn:aws:acm:eu-west-1:123456789012:certificate/1"),) * 2),
    case(Balancer, "aliases[0]", "a name in the zone of the domain", domain="example.com", aliases=("www.example.org",)),
    case(Balancer, "request_certificate", "False, or https", request_certificate=True, domain="example.com", https=False),
    case(Balancer, "request_certificate", "False, or a domain", request_certificate=True),
    case(Balancer, "domain", "at most 64 characters", request_certificate=True, domain=f"{'a' * 60}.example.com"),
    case(Balancer, "aliases[0]", "at most 64 characters", request_certificate=True, domain="example.com", aliases=(f"{'a' * 60}.example.com",)),
    case(Balancer, "certificates", "at most 25 with the aliases", request_certificate=True, domain="example.com",
         aliases=tuple(f"a{n}.example.com" for n in range(25)), certificates=(CertificateArn.parameter("More"),)),
    case(Balancer, "redirects[1]", "another one; this one stands there twice", redirects=(Redirect(to_host="example.com"),) * 2),
    case(Balancer, "managed_rules", "None, or no web_acl", managed_rules=ManagedRules(), web_acl=Arn.parameter("WebAclArn")),
    *(case(ManagedRules, "requests_per_5_minutes", "10 to 2000000000, or None", requests_per_5_minutes=number) for number in (0, 9, 2_000_000_001)),
    case(ManagedRules, "counted_rules['AWSManagedRulesCommonRuleset']", "did you mean 'AWSManagedRulesCommonRuleSet'", counted_rules={"AWSManagedRulesCommonRuleset": ("A",)}),
    *(case(ManagedRules, "counted_rules['AWSManagedRulesCommonRuleSet']", says, counted_rules={"AWSManagedRulesCommonRuleSet": rules})
      for rules, says in (((), "1 to 100 names"), (("A", "A"), "each once"), (("a b",), "'a b': the name of a rule"))),
    case(Redirect, "paths[0]", "begins with a slash", paths=("old",)),
    case(Redirect, "hosts[0]", "a host name in lower case", hosts=("https://www.example.com",)),
    *(case(Redirect, "to_host", "another place; give to_host or to_path", to_host=host, to_path=path) for host in ("", "#{host}") for path in ("", "/#{path}")),
    *(case(Redirect, "to_host", "a host name in lower case, without port", to_host=host) for host in ("https://example.com", "example.com:8080", "Example.com", "*.example.com", "#{path}.com")),
    case(Redirect, "to_path", "a path without a query; that of the request is kept", to_path="/new?x=1"),
    case(Redirect, "to_path", "a path without wildcards; '#{path}' is the whole path", to_path="/new/*"),
    *(case(Redirect, "to_path", "a path that begins with a slash, at most 128 characters", to_path=path) for path in ("new", "/new page", "/" + "a" * 128, "/#{query}")),
    case(Balancer, "aliases", "none of them, or a domain, whose zone they are in", aliases=("www.example.com",)),
    case(Balancer, "aliases[0]", "a domain name in lower case, as in 'www.example.com'", domain="example.com", aliases=("WWW",)),
    *(case(Balancer, f"aliases[{len(names) - 1}]", "stands there twice", domain="example.com", aliases=names)
      for names in (("example.com",), ("www.example.com", "www.example.com"))),
    case(Network, "bootstrap_image", "a repository of the account with a tag, as in 'bootstrap:node-22'", bootstrap_image="Bootstrap"),
    case(Network, "bootstrap_image", "since without NAT no public registry is reached", nat="none"),
    case(Network, "endpoints[0]", "a service as in com.amazonaws.REGION.SERVICE, such as 'sts'", nat="none", bootstrap_image="b:1", endpoints=("STS",)),
    case(Network, "endpoints[0]", "no such one; S3 is there anyway", nat="none", bootstrap_image="b:1", endpoints=("s3",)),
    case(Network, "endpoints[1]", "'sts' stands there twice", nat="none", bootstrap_image="b:1", endpoints=("sts", "sts")),
    case(App, "cloud9", "False; without NAT the environment reaches neither Cloud9 nor a package", cloud9=True, network=Network(nat="none", bootstrap_image="b:1")),
    case(App, "services[0].containers[0].image", "a source instead, since without NAT no public registry is reached",
         network=Network(nat="none", bootstrap_image="b:1"), services=services("shop", containers=(Container(name="side", image=IMAGE),))),
    # maintenance, gRPC, smoke tests
    *(case(kind, "maintenance", "a text or a page of HTML, at most 1024 bytes, or None", maintenance=text) for kind in (App, Service) for text in ("", "x" * 1025)),
    case(Service, "health_path", "a method that answers status 0, as in '/grpc.health.v1.Health/Check'", protocol_version="GRPC"),
    case(App, "services[0].protocol_version", "HTTP1, or https in the balancer", balancer=Balancer(https=False), services=services("shop", protocol_version="HTTP2")),
    *(case(App, "services[0].release.smoke_test", says, services=services("shop", release=ASKED, **options), **whole) for says, options, whole in (
        ("comes to the test listener by the addresses of NAT gateways", {}, {"network": Network(existing=True)}),
        ("comes from none of the service's allowed_addresses", {"allowed_addresses": ("203.0.113.0/24",)}, {}),
        ("speaks HTTP/1.1", {"protocol_version": "HTTP2"}, {}))),
    case(App, "services[0].release.smoke_test", "one with a host that the certificate is for", services=services("shop", release=Release(smoke_test=SmokeTest(path="/shop/a")))),
    # internal services and who calls them
    *(case(InternalBalancer, "domain", "a domain name in lower case, at most 95 characters, as in 'shop.internal'", domain=text) for text in ("Shop.internal", "internal", "-a.internal", "*.shop.internal", "a" * 90 + ".b.internal")),
    *(case(InternalBalancer, "test_port", "1 to 65535, but neither 80 nor 443", test_port=port) for port in (80, 443, 0, 65536)),
    *(case(InternalBalancer, f"{option}[0]", f"{text!r}: an IPv4 range, as in '10.20.0.0/16'", **{option: (text,)}) for option in ("addresses", "test_addresses") for text in ("10.0.0.1/8", "fd00::/8")),
    *(case(App, "internal_balancer", "a service with internal=True, since without one there is no internal balancer", internal_balancer=InternalBalancer(**options))
      for options in ({"test_port": 9000}, {"domain": "shop.internal"})),
    case(InternalBalancer, "addresses", "'10.0.0.0/8' stands there twice", addresses=("10.0.0.0/8", "10.0.0.0/8")),
    case(App, "services[0].calls", "'stok' is no internal service; did you mean 'stock'?", services=(Service(name="shop", calls=("stok",)), STOCK)),
    case(App, "services[0].calls", "'shop' is internet-facing, and is called by its public name", services=(Service(name="shop", calls=("shop",)),)),
    case(App, "services[0].calls", "'stock' stands there twice", services=(Service(name="shop", calls=("stock", "stock")), STOCK)),
    case(App, "services[0].environment['STOCK_URL']", "another name; the addresses of services that are called are given", services=(Service(name="shop", calls=("stock",), environment={"STOCK_URL": "x"}), STOCK)),
    case(App, "services[0].calls", "none whose address would stand in MAILER_QUEUE_URL", workers=(Worker(name="mailer", queue=Queue(senders=("shop",))),),
         services=(Service(name="shop", calls=("mailer-queue",)), Service(name="mailer-queue", internal=True))),
    case(App, "services[0].hosts[0]", "'stock.example.com': 'shop-dev.internal' or a name in it", services=(Service(name="stock", internal=True, hosts=("stock.example.com",)),)),
    case(App, "services[1].hosts", "one without wildcards among them, for those who call it", services=(Service(name="shop", calls=("stock",)), replace(STOCK, hosts=("*.shop-dev.internal",)))),
    case(Service, "headers", "at most 4 of hosts, allowed_addresses, methods", internal=True, allowed_addresses=("10.0.0.0/8",), methods=("GET",), headers={"X-A": ("1",), "X-B": ("2",)}),
    case(App, "services[0].protocol_version", "HTTP1, or https in the internal_balancer", services=(replace(STOCK, protocol_version="HTTP2"),)),
    case(App, "services[0].release.smoke_test", "None, or 'codedeploy' among the endpoints of the network", network=Network(nat="none", bootstrap_image="b:1"),
         services=(replace(STOCK, release=Release(smoke_test=SmokeTest(path="/items"))),)),
    case(App, "services", "46 of them internal; the internal balancer carries 45", services=services(*(f"s{n}" for n in range(46)), internal=True), network=Network(cidr="10.0.0.0/16")),
    # workers, queues and scheduled tasks
    *(case(App, f"{option}[0].containers[0].database", "False, or 'a' among the readers or writers of a database", database=database,
           services=(Service(name="shop"),), **{option: (task,)}) for database in (None, Database(writers=("shop",))) for option, task in (
        ("workers", Worker(name="a", containers=beside("side", image=IMAGE, database=True))),
        ("scheduled_tasks", ScheduledTask(name="a", schedule="rate(1 day)", containers=beside("side", image=IMAGE, database=True))))),
    *(case(App, f"services[0].containers[0].{option}['DB_HOST']", "the database's address and user are given to the container by cfngen",
           database=Database(readers=("a",)), services=(Service(name="a", containers=beside("side", image=IMAGE, database=True, **{option: {"DB_HOST": value}})),))
      for option, value in (("environment", "x"), ("secrets", SECRET))),
    case(Container, "database", "False, since with the service's image it has all", database=True),
    case(App, "workers[0].queue.senders", "'shopp' is no service, worker or scheduled task; did you mean 'shop'?", workers=(Worker(name="mailer", queue=Queue(senders=("shopp",))),)),
    case(App, "scheduled_tasks[0].image_of", "'shopp' is no service or worker; did you mean 'shop'?",
         scheduled_tasks=(ScheduledTask(name="report", schedule="rate(1 day)", image_of="shopp", command=("true",)),)),
    *(case(Queue, option, f"{least} to {most}", **{option: value}) for option, least, most in (
        ("visibility_timeout_seconds", 1, 43200), ("receives", 1, 1000), ("retention_days", 1, 14), ("oldest_message_minutes", 1, 20160)) for value in (least - 1, most + 1)),
    case(Queue, "senders", "'a' stands there twice", senders=("a", "a")),
    case(ScheduledTask, "schedule", "as in 'cron(0 20 ? * MON-FRI *)'", schedule="daily"),
    case(ScheduledTask, "timezone", "a name of the time zone database", timezone="Mars"),
    case(ScheduledTask, "command", "a command and its arguments, none of them empty", command=("true", "")),
    *(case(ScheduledTask, "retries", "0 to 185", retries=count) for count in (-1, 186)),
    *(case(ScheduledTask, option, "1 to 1440 (a day)", **{option: minutes}) for option in ("give_up_after_minutes", "flexible_minutes") for minutes in (0, 1441)),
    case(ScheduledTask, "command", "what to run, since without one it would be a second 'shop'", image_of="shop"),
    *(case(ScheduledTask, option, "nothing, since its image is that of 'shop'", image_of="shop", command=("true",), **{option: value})
      for option, value in (("source", "jobs"), ("test_command", "make test"), ("build_context", "."))),
    case(ScheduledTask, "containers", "none with a source, since the pipeline of 'shop' builds the image", image_of="shop", command=("true",),
         containers=(Container(name="side", source="side"),)),
    *(case(WorkerScaling, "minimum", "0 only with messages_per_task", minimum=least, maximum=most) for least, most in ((0, 2), (3, 2), (1, 501))),
    *(case(WorkerScaling, option, "10 to 95, or None", **{option: percent}) for option in ("cpu_percent", "memory_percent") for percent in (9, 96)),
    *(case(WorkerScaling, "messages_per_task", "messages of the queue to one task", messages_per_task=count) for count in (0, 1_000_001)),
    case(WorkerScaling, "schedule", "two schedules of the name 'night'", schedule=(ScheduledScaling(**REQUIRED[ScheduledScaling]),) * 2),
    case(Worker, "command", "a command and its arguments, none of them empty", command=("",)),
    *(case(Worker, "minimum_healthy_percent", "0 to 100", minimum_healthy_percent=percent) for percent in (-1, 101)),
    *(case(Worker, "maximum_percent", "100 to 200", maximum_percent=percent) for percent in (99, 201)),
    case(Worker, "maximum_percent", "else no task can go", minimum_healthy_percent=100, maximum_percent=100),
    case(Worker, "scaling.messages_per_task", "needs a queue, whose messages are counted", scaling=WorkerScaling(messages_per_task=10)),
    # network
    *(case(Network, "cidr", PRIVATE, cidr=text) for text in (*EVERY_CIDR, "", "10.0.0.0", "10.0.0.1/16", "::/16", "10.0.0.0/33")),
    *(case(Network, "cidr", "the same range as AWS writes it, '10.0.0.0/16'", cidr=text)
      for text in ("10.0.0.0/255.255.0.0", "10.0.0.0/0.0.255.255", "10.0.0.0/016")),
    *(case(Network, "zones", "2 or 3", zones=zones) for zones in (0, 1, 4)),
    # pipeline and sources
    *(case(Pipeline, "files", "a folder relative to the source's root, as in 'templates/coffee/dev'", files=text)
      for text in ("/a", "a/", "a b", "../a", "a/../b")),
    *(case(Pipeline, "test_report", "a file relative to the service's folder", test_report=text, test_command="x")
      for text in ("/a", "a//b", "a b", "../a")),
    case(Pipeline, "test_report", "needs a test_command that writes it", test_report="a.xml"),
    *(case(Pipeline, "build_timeout_minutes", "5 to 480", build_timeout_minutes=minutes) for minutes in (4, 481)),
    *(case(Pipeline, f"runtimes[{name!r}]", "a runtime of CodeBuild and its version", runtimes={name: version})
      for name, version in (("nodejs", ""), ("nodejs", "22; rm"), ("Node", "22"), ("", "22"))),
    *(case(Connection, "repository", "owner/name, as in 'acme/coffee'", repository=text) for text in ("", "acme", "/a", "a/", "a/b c")),
    *(case(S3, "prefix", "a folder in the bucket", prefix=text) for text in ("/a", "a/", "../a", "a b", "a" * 901)),
    *(case(kind, "stage", "the name of a stage of the application", stage=text) for kind in (Promotion, PromotionTarget) for text in ("", "Dev", "a b")),
    case(PromotionTarget, "files", "a folder relative to the source's root", files="/a"),
    *(case(Pipeline, option, ", since what is promoted was built and tested in 'dev'", source=Promotion(stage="dev"), **given)
      for option, given in (("test_command", {"test_command": "x"}), ("runtimes", {"runtimes": {"nodejs": "22"}}))),
    case(Pipeline, "promotes_to", "None; this stage has its builds of 'dev'", source=Promotion(stage="dev"), promotes_to=PromotionTarget(stage="prod")),
    case(S3, "key", "none with create=True", create=True, key=KeyArn.parameter("SourceKeyArn")),
    *(case(kind, "branch", "the name of one branch", branch=text) for kind in (CodeCommit, Connection) for text in ("", "a*", "a b", "a" * 256)),
    # release
    *(case(Release, "continue_within_minutes", f"{DAYS}, or None to go on by itself", continue_within_minutes=m) for m in (0, 2881)),
    *(case(Release, "termination_wait_minutes", DAYS, termination_wait_minutes=minutes) for minutes in (0, 2881)),
    case(Release, "alarms", "at most 7, since CodeDeploy watches ten and 3 are the service's own",
         alarms=tuple(AlarmName(f"{number}") for number in range(8))),
    *(case(Service, "spot_percent", "0 to 100", spot_percent=percent) for percent in (-1, 101)),
    case(LogRouter, "image", "an image with its digest", image="router:latest"),
    case(LogRouter, "output", "the Name of an output of Fluent Bit among its options", output={"Host": "a"}),
    case(LogRouter, "output['a b']", "an option's name", output={"Name": "null", "a b": "c"}),
    case(LogRouter, "secret_output['a.b']", "an option's name", secret_output={"a.b": SECRET}),
    case(LogRouter, "secret_output['Name']", "stands in output too", secret_output={"Name": SECRET}),
    *(case(LogRouter, "memory_mib", "32 to 4096", memory_mib=size) for size in (31, 4097)),
    case(Service, "name", "another name; 'log-router' is the router's in this task", name="log-router",
         log_router=LogRouter(image=IMAGE, output={"Name": "null"})),
    case(Telemetry, "image", "an image with its digest", image="collector:latest"),
    *(case(Telemetry, "namespace", "at most 255 of the characters", namespace=text) for text in ("AWS/Shop", "a b", "x" * 256)),
    *(case(Telemetry, "memory_mib", "32 to 4096", memory_mib=size) for size in (31, 4097)),
    case(Service, "name", "another name; 'telemetry' is the collector's in this task", name="telemetry", telemetry=Telemetry(image=IMAGE)),
    case(Service, "containers[0].name", "another name; 'telemetry' is taken in this task", telemetry=Telemetry(image=IMAGE),
         containers=(Container(name="telemetry", image=IMAGE),)),
    case(Service, "memory_mib", "more than the 512 MiB that the other containers take of it", telemetry=Telemetry(image=IMAGE, memory_mib=512)),
    case(Release, "hooks['AfterAllowTestTraffic']", "another event, since the smoke test is called at this one",
         smoke_test=SmokeTest(path="/items"), hooks={"AfterAllowTestTraffic": FunctionArn("arn:aws:lambda:eu-west-1:123456789012:function:f")}),
    *(case(SmokeTest, "path", "a path in ASCII, encoded where needed", path=text) for text in ("", "items", "/a b", "/é", "/a#b")),
    *(case(SmokeTest, "status", "200 to 599", path="/", status=status) for status in (100, 600)),
    case(SmokeTest, "contains", "at most 1024 bytes", path="/", contains="x" * 1025),
    *(case(SmokeTest, "host", "a host name in lower case", path="/", host=text) for text in ("shop", "*.example.com", "a.example.com:80")),
    *(case(SmokeTest, "timeout_seconds", "10 to 600", path="/", timeout_seconds=seconds) for seconds in (9, 601)),
    *(case(kind, "percent", "1 to 99", percent=percent) for kind in (Canary, Linear) for percent in (0, 100)),
    *(case(kind, "minutes", DAYS, minutes=minutes) for kind, minutes in ((Canary, 0), (Canary, 2881), (Linear, 0))),
    case(Linear, "minutes", "at most 29, so that all 100 steps end", percent=1, minutes=30),
    case(Linear, "minutes", "at most 320, so that all 10 steps end within two days", minutes=321),
    # scaling
    *(case(ScheduledScaling, "name", "a letter, then letters, digits and hyphens", name=text) for text in ("", "1a", "a b", "a" * 65)),
    *(case(ScheduledScaling, "schedule", "as in 'cron(0 20 ? * MON-FRI *)'", schedule=text) for text in ("", "cron()", "0 20 * * *", "every(1)")),
    *(case(ScheduledScaling, "schedule", fits, schedule=text) for text, fits in (
        ("cron(0 20 * * *)", "six fields"), ("cron(0 25 ? * MON *)", "'25' is no hour: 0 to 23, and the signs , - * /"),
        ("cron(0 20 * * MON *)", "a question mark as the day"), ("rate(1 hours)", "rate(1 minute) or rate(5 minutes)"),
        ("at(2030-02-30T00:00:00)", "a moment that there is, as in"))),
    *(case(ScheduledScaling, "minimum", "0 up to maximum", minimum=minimum) for minimum in (-1, 2)),
    case(ScheduledScaling, "timezone", "a name of the time zone database", timezone="half past nine"),
    *(case(Scaling, "minimum", "1 up to maximum, which may be 500 at most", **limits)
      for limits in ({"minimum": 0}, {"minimum": 5}, {"maximum": 0}, {"maximum": 501})),
    *(case(Scaling, option, PERCENT, **{option: percent}) for option in ("cpu_percent", "memory_percent") for percent in (9, 96)),
    *(case(Scaling, "requests_per_minute", "requests to one task in a minute, 1 to 10000000, or None", requests_per_minute=number)
      for number in (-1, 0, 10_000_001)),
    case(Scaling, "schedule", "two schedules of the name 'night'", schedule=(ScheduledScaling(**REQUIRED[ScheduledScaling]),) * 2),
    # service
    case(Secret, "key", "the name of one JSON key, without colons", key="a:b"),
    *(case(Service, "name", f"{NAME} 32", name=text) for text in ("", "Shop", "1a", "a b", "a--b", "a/b", "a" * 33)),
    case(Service, "paths", "at least one, such as '/*'", paths=()),
    *(case(Service, "paths[1]", f"{text!r}: begins with a slash, at most 128", paths=("/*", text))
      for text in ("", "a", "*", "/a b", "/a?b=c#d", "/café", "/" + "a" * 128)),
    case(Service, "paths[0]", "'/?/?/?/?/?/?': at most 5 wildcards", paths=("/?/?/?/?/?/?",)),
    *(case(Service, "hosts[0]", f"{text!r}: a host name in lower case, without port or scheme", hosts=(text,))
      for text in ("", "shop", "Shop.example.com", "https://a.b", "a.b:80", "10.0.0.1", "a" * 126 + ".de", "é.example.com")),
    case(Service, "paths[0]", "wildcards", hosts=("*.*.*.*.*.example.com", "a.example.org")),
    case(Service, "paths[0]", "wildcards", hosts=("*.*.example.com",), paths=("/*/*/*/*/*",)),
    *(case(Service, "allowed_addresses[0]", f"{text!r}: an address range", allowed_addresses=(text,)) for text in ("", "10.0.0.1", "10.0.0.1/8", "home", "::1", "fe80::%eth0/128")),
    *(case(Service, "allowed_addresses[1]", f"{text!r}: the same range as AWS writes it, {same!r}", allowed_addresses=("192.0.2.1/32", text))
      for text, same in (("203.0.113.0/255.255.255.0", "203.0.113.0/24"), ("10.0.0.0/0.255.255.255", "10.0.0.0/8"), ("10.0.0.0/016", "10.0.0.0/16"),
                         ("2001:DB8::/32", "2001:db8::/32"), ("0:0:0:0:0:0:0:0/0", "::/0"), ("2001:db8::/032", "2001:db8::/32"))),
    case(Service, "paths", "'/a' stands there twice", paths=("/*", "/a", "/a")),
    case(Service, "hosts", "'a.b' stands there twice", hosts=("a.b", "a.b")),
    case(Service, "allowed_addresses", "'10.0.0.0/8' stands there twice", allowed_addresses=("10.0.0.0/8",) * 2),
    case(Network, "shared", "False, or a nat other than 'public tasks'", shared=True, nat="public tasks"),
    case(Network, "zones", "nothing here; a VPC that exists", existing=True, zones=3),
    case(Service, "headers['Host']", "another header; hosts say", headers={"Host": ("a.example.com",)}),
    case(Service, "headers['X V']", "the name of a header", headers={"X V": ("a",)}),
    case(Service, "headers['x-v']", "another header; 'X-V' is the same one", headers={"X-V": ("a",), "x-v": ("b",)}),
    case(Service, "headers['X-V']", "at least one value", headers={"X-V": ()}),
    case(Service, "headers['X-V']", r"'a\n': at most 128 printable", headers={"X-V": ("a\n",)}),
    case(Service, "headers['X-V']", "at most 4 wildcards", headers={"X-V": ("*a*a*a*a*", "b")}),
    case(Service, "headers['X-V']", "'A' stands there twice, in any case", headers={"X-V": ("a", "A")}),
    *(case(Service, "methods[0]", "a method in capitals", methods=(text,)) for text in ("get", "G*", "", "A" * 41)),
    case(Service, "methods", "'GET' stands there twice", methods=("GET", "GET")),
    *(case(Service, f"query[{key!r}]", "a key of the query as it is sent", query={key: ("1",)}) for key in ("", "a*", "a=b", "a&b", "a b")),
    case(Service, "query['a']", "another key; 'A' is the same one", query={"A": ("1",), "a": ("2",)}),
    *(case(Service, "query['a']", "a value as it is sent", query={"a": (value,)}) for value in ("1&b=2", "a b", "a\\*")),
    case(Service, "query", "3 of them; at most 2", query={"a": ("1",), "b": ("1",), "c": ("1",)}),
    case(Service, "query", "at most 4 of hosts, allowed_addresses, methods, each header and each key", hosts=("a.example.com",),
         methods=("GET",), headers={"A": ("a",), "B": ("b",)}, query={"a": ("1",)}),
    case(Service, "headers", "at most 4 of hosts", hosts=("a.example.com",), methods=("GET",), headers={"A": ("a",), "B": ("b",)}, allowed_addresses=("10.0.0.0/8",)),
    case(Service, "paths[0]", "wildcards in it and a host and a value of each key together", paths=("/*/*",), query={"a": ("*1*2*3*",)}),
    case(Service, "headers", "3 of them; at most 2", headers={"A": ("a",), "B": ("a",), "C": ("a",)}),
    *(case(Service, "health_path", "one path, without wildcards or query", health_path=text)
      for text in ("", "health", "/*", "/a?b", "/a b", "/ü", "/" + "a" * 1024)),
    *(case(Service, "source", f"{text!r}: {FOLDER}", source=text) for text in ("/a", "a/", "a b", "../a", "a/../b", "ü")),
    case(Service, "shared", f"'a b': {FOLDER}", shared=("a b",), build_context="."),
    case(Service, "build_context", f"'/a': {FOLDER}", build_context="/a"),
    case(Service, "build_context", "a folder that holds 'libs' as well, such as '.'", shared=("libs",)),
    case(Service, "build_context", "a folder that holds 'services/shop' as well", shared=("libs",), build_context="libs"),
    *(case(Service, "port", "1024 to 65535; a container that is not root cannot open a lower one", port=port) for port in (80, 1023, 65536)),
    case(Service, "cpu", "CPU units of Fargate: 256, 512, 1024, 2048, 4096, 8192, 16384", cpu=300),
    case(Service, "memory_mib", "with 256 CPU units Fargate has 512, 1024, 2048", memory_mib=4096),
    case(Service, "memory_mib", "with 512 CPU units Fargate has 1024, 2048, 3072, 4096", cpu=512),
    case(Service, "memory_mib", "with 1024 CPU units Fargate has 2048 to 8192 in steps of 1024", cpu=1024),
    case(Service, "memory_mib", "with 16384 CPU units Fargate has 32768 to 122880 in steps of 8192", cpu=16384, memory_mib=40000),
    *(case(Service, "stop_timeout_seconds", "2 to 120", stop_timeout_seconds=seconds) for seconds in (1, 121)),
    *(case(Service, "user", "a numeric user that is not root", user=text) for text in ("", "0", "node", "0:0", "1" * 11, "1:" + "1" * 11, "1000:0", "1000:", "1:2:3")),
    case(Service, "writable_paths[0]", "'/_': a folder whose path has a letter", writable_paths=("/_",)),
    case(Service, "environment['A']", "replaces <IMAGE1_NAME>", environment={"A": "see <IMAGE1_NAME>"}),
    *(case(Service, "writable_paths[0]", f"{text!r}: an absolute folder, as in '/tmp'", writable_paths=(text,)) for text in ("", "/", "tmp", "/a/../b", "/a b")),
    case(Service, "writable_paths[1]", "another folder; it and one before it would be the same volume, 'a-b'", writable_paths=("/a/b", "/a.b")),
    case(Service, "egress_ports", "443 among them, since images, secrets and logs go that way", egress_ports=(80,)),
    *(case(Service, f"{option}['PORT']", "the container listens on its port, 8080; give another one by the service's port", **{option: {"PORT": value}})
      for option, value in (("environment", "80"), ("secrets", SECRET))),
    *(case(Service, "egress_ports[1]", "1 to 65535", egress_ports=(443, port)) for port in (0, 65536)),
    *(case(Service, f"environment[{name!r}]", "a variable's name: letters, digits and underscores", environment={name: "x"}) for name in ("", "1A", "A-B", "A B")),
    case(Service, "secrets['A-B']", "a variable's name: letters, digits and underscores", secrets={"A-B": SECRET}),
    case(Service, "secrets['A']", "stands in environment too; give it once", secrets={"A": SECRET}, environment={"A": "x"}),
    # containers
    *(case(HealthCheck, "command", "a command and its arguments", command=command) for command in ((), ("",))),
    *(case(HealthCheck, "command", f"something to run after {word!r}", command=(word,)) for word in ("CMD", "CMD-SHELL")),
    *(case(HealthCheck, option, fits, **{option: value}) for option, fits, values in (
        ("interval_seconds", "5 to 300", (4, 301)), ("timeout_seconds", "2 to 120", (1, 121)), ("retries", "1 to 10", (0, 11)),
        ("start_period_seconds", "0 to 300", (-1, 301))) for value in values),
    *(case(RestartPolicy, option, fits, **{option: value}) for option, fits, value in (
        ("restart_attempt_period_seconds", "60 to 1800", 59), ("restart_attempt_period_seconds", "60 to 1800", 1801),
        ("ignored_exit_codes", "51 of them; at most 50", tuple(range(51))))),
    *(case(RestartPolicy, f"ignored_exit_codes[{len(codes) - 1}]", fits, ignored_exit_codes=codes) for fits, codes in (
        ("0 to 255", (-1,)), ("0 to 255", (0, 256)), ("another code; 1 stands there already", (1, 2, 1)))),
    case(ScheduledTask, "restart_policy.ignored_exit_codes", "0 among them", restart_policy=RestartPolicy()),
    case(Service, "depends_on['a']", "or 0 among the ignored_exit_codes of 'a'", depends_on={"a": "SUCCESS"},
         containers=beside("a", essential=False, restart_policy=RestartPolicy())),
    *(case(Container, "name", f"{NAME} 32", name=text) for text in ("", "Side", "a_b", "a" * 33)),
    case(Container, "source", "image or source, not both", source="a", image=IMAGE),
    *(case(Container, "image", "an image with its digest", image=text) for text in ("nginx", "nginx:1.27", f"nginx@sha256:{'a' * 63}", f"a b@sha256:{'a' * 64}")),
    case(Container, "image", "an image of a public registry; what is private is built by source",
         image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/proxy@sha256:{'a' * 64}"),
    *(case(Container, "source", "a folder relative to the source's root", source=text) for text in ("/a", "a b", "../a")),
    case(Container, "command", "a command, since without image and source it runs the service's image", command=()),
    case(Container, "command", "a command without <IMAGE", command=("echo", "<IMAGE1_NAME>")),
    case(Container, "memory_mib", "6 or more, within the task's memory, or None", memory_mib=5),
    case(Container, "user", "a numeric user that is not root", user="root"),
    case(Container, "environment['A']", "replaces <IMAGE_side_NAME>", environment={"A": "see <IMAGE_side_NAME>"}),
    *(case(Service, "open_files", "1024 to 1048576, or None", open_files=number) for number in (1023, 1_048_577)),
    *(case(Service, "ephemeral_storage_gib", "20, which every task has, to 200", ephemeral_storage_gib=size) for size in (19, 201)),
    *(case(Service, f"containers[{len(names) - 1}].name", f"another name; {names[-1]!r} is taken in this task", containers=beside(*names))
      for names in (("shop",), ("a", "a"))),
    case(Service, "containers", "10 of them; a task has 10, the service's own among them", containers=beside(*"abcdefghij")),
    case(Service, "containers", "at most 3 with a source, since CodePipeline's deploy action fills in 4 images", containers=beside(*"abcd", source="lib")),
    case(Service, "containers[0].writable_paths", "another folder than '/a.b'; it would be one with '/a/b'",
         writable_paths=("/a/b",), containers=beside("a", writable_paths=("/a.b",))),
    case(Service, "memory_mib", "more than the 512 MiB that the other containers take of it", containers=beside("a", "b", memory_mib=256)),
    case(Service, "depends_on['b']", "no other container of the task; ", depends_on={"b": "START"}, containers=beside("a")),
    case(Service, "depends_on['shop']", "no other container of the task", depends_on={"shop": "START"}, containers=beside("a")),
    *(case(Service, "depends_on['a']", f"START or HEALTHY; {condition} is for containers with essential=False, and 'a' is essential",
           depends_on={"a": condition}, containers=beside("a")) for condition in ("COMPLETE", "SUCCESS")),
    case(Service, "containers[0].depends_on['shop']", "START or HEALTHY", containers=beside("a", depends_on={"shop": "SUCCESS"})),
    case(Service, "depends_on['a']", "another condition, or a health_check for 'a'", depends_on={"a": "HEALTHY"}, containers=beside("a")),
    case(Service, "containers", "an order in which none waits for itself; here shop waits for a waits for shop",
         depends_on={"a": "START"}, containers=beside("a", depends_on={"shop": "START"})),
    case(App, "services[0].shared", "at most 5 folders, since a trigger of CodePipeline takes 8 paths",
         services=services("a", shared=tuple("bcdefg"), build_context=".", containers=beside("x", source="x")),
         pipeline=Pipeline(source=Connection(repository="a/b"))),
    # rights
    *(case(SsmParameter, "name", "a parameter's name, as in", name=text) for text in ("", "/", "a b", "/a//b", "a/", "/a" * 16)),
    *(case(SsmParameter, "name", "another name; AWS keeps those", name=text) for text in ("/aws/service/x", "ssm-key", "AWSkey")),
    case(Statement, "actions", "at least one, such as 's3:GetObject'", actions=()),
    *(case(Statement, "actions[0]", f"{text!r}: a service and one action", actions=(text,)) for text in ("", "*", "s3:*x", "s3", "s3:Get Object", "*:*")),
    case(Statement, "resources", "at least one ARN", resources=()),
    *(case(Statement, "resources[0]", "an ARN that begins with arn:${AWS::Partition}: and a service", resources=(text,))
      for text in ("", "pictures", "arn:aws:s3:::pictures/*", "arn:${AWS::Partition}:s3")),
    case(Statement, "resources[0]", "stand for something; not ${Bucket}", resources=("arn:${AWS::Partition}:s3:::${Bucket}/*",)),
    case(Statement, "resources[0]", "${AWS::AccountId} instead of an account", resources=("arn:${AWS::Partition}:sqs:${AWS::Region}:123456789012:orders",)),
    case(Statement, "reason", "why '*' is among resources", resources=("*",)),
    case(Statement, "reason", "empty where it is not", reason="because"),
    case(Statement, "reason", "at most 200 plain characters on one line", resources=("*",), reason="a\nb"),
    case(Service, "policies", "at most 10, since a role takes no more", policies=tuple(f"Policy{number}" for number in range(11))),
    case(Service, "policies[0]", "the name of a policy of AWS", policies=("arn:aws:iam::aws:policy/X",)),
    # ARNs that stand in the description
    *(case(Secret, "arn", says, arn=SecretArn(text)) for text, says in (
        ("mail", "the ARN of a secret of Secrets Manager, as in 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf'"),
        ("arn:aws:secretsmanager", "the ARN of a secret of Secrets Manager"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret: mail-AbCdEf", "the ARN of a secret of Secrets Manager"),
        ("arn:awz:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf", "a partition, which is aws, aws-cn or aws-us-gov, and not 'awz'"),
        ("arn:${AWS::Partition}:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf", "a partition"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/mail", "the ARN of a secret of Secrets Manager, and not of 'ssm'"),
        ("arn:aws:secretsmanager::123456789012:secret:mail-AbCdEf", "a region of aws, and not ''"),
        ("arn:aws:secretsmanager:Ireland:123456789012:secret:mail-AbCdEf", "a region of aws, and not 'Ireland'"),
        ("arn:aws-cn:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf", "a region of aws-cn, and not 'eu-west-1'"),
        ("arn:aws:secretsmanager:cn-north-1:123456789012:secret:mail-AbCdEf", "a region of aws, and not 'cn-north-1'"),
        ("arn:aws:secretsmanager:eu-west-1:12345:secret:mail-AbCdEf", "an account of twelve digits, and not '12345'"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail", "the ARN of a secret of Secrets Manager, which ends otherwise"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf:password::", "the ARN of a secret of Secrets Manager, which ends otherwise"))),
    *(case(kind, "encrypted_with", "the ARN of a KMS key", encrypted_with=KeyArn(text)) for kind in (Secret, SsmParameter)
      for text in ("alias/mail", "arn:aws:kms:eu-west-1:123456789012:alias/mail")),
    case(S3, "key", "the ARN of a KMS key", key=KeyArn("web.zip")),
    case(Balancer, "certificates[0]", "the ARN of an ACM certificate, and not of 'iam'", certificates=(CertificateArn("arn:aws:iam::123456789012:server-certificate/a"),)),
    *(case(Balancer, "web_acl", "the ARN of a regional web ACL of AWS WAF", web_acl=Arn(text)) for text in (
        "shop", "arn:aws:waf-regional:eu-west-1:123456789012:webacl/a", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/a")),
    *(case(Release, "hooks['AfterAllowTestTraffic']", "the ARN of a Lambda function", hooks={"AfterAllowTestTraffic": FunctionArn(text)})
      for text in ("smoke", "arn:aws:lambda:eu-west-1:123456789012:layer:smoke:1")),
    case(Release, "alarms[0]", "the alarm's name, which is the last part of its ARN", alarms=(AlarmName("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"),)),
    case(Statement, "resources[0]", "'orders': the ARN of a resource", resources=(Arn("orders"),)),
    *(case(Service, "policies[0]", says, policies=(PolicyArn(text),)) for text, says in (
        ("ReadOnlyAccess", "the ARN of an IAM policy"), ("arn:aws:iam::aws:role/a", "the ARN of an IAM policy, which ends otherwise"),
        ("arn:aws:iam:eu-west-1:123456789012:policy/a", "no region, since IAM is everywhere, and not 'eu-west-1'"))),
    # what only the whole shows
    case(App, "Service('b').paths", "service 'a' claims the same requests with the same precision",
         services=(Service(name="a"), Service(name="b"))),
    case(App, "Service('b').paths", "some of these paths must come before, some after those of service 'a'",
         services=(Service(name="a", paths=("/x/*",), health_path="/x/health"), Service(name="b", paths=("/x/y", "/*"), health_path="/"))),
    case(App, "services", "at most 100 on one balancer, production and test together",
         services=tuple(Service(name=f"s{n}", paths=tuple(f"/s{n}/{m}" for m in range(11)), health_path=f"/s{n}/1") for n in range(17))),
    case(App, "services[1].health_path", "a path that reaches 'b' through its own rules; this one reaches service 'a'",
         services=(Service(name="a"), Service(name="b", paths=("/b",)))),
    case(App, "services[0].health_path", "this one reaches nobody", services=(Service(name="a", paths=("/a",)),)),
]  # fmt: skip
