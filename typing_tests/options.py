"""Options of a wrong type."""

from dataclasses import replace

from cfngen import (
    AllAtOnce,
    App,
    Balancer,
    Canary,
    CodeCommit,
    Connection,
    Database,
    KeyArn,
    Network,
    OffHours,
    Pipeline,
    Release,
    Secret,
    SecretArn,
    Service,
    Text,
    VpcId,
)

Service(name=5)  # E: "int"; expected "str"
Service(name="web", cpu="512")  # E: "str"; expected "int"
Service(name="web", paths="/a")  # E: "str"; expected "tuple[str, ...]"
Service(name="web", paths=["/a"])  # E: "list[str]"; expected "tuple[str, ...]"
Service(name="web", architecture="arm64")  # E: expected "Literal['ARM64', 'X86_64']"
Service(name="web", release=AllAtOnce())  # E: "AllAtOnce"; expected "Release"
Service(name="web", environment={"PORT": 80})  # E: "str": "int"; expected "str": "str | Text"
Service(name="web", environment={"VPC": VpcId("vpc-1")})  # E: "str": "VpcId"; expected "str": "str | Text"
Service(name="web", environment={"URL": Text("x"), "B": "c"})
Service(name="web", secrets={"KEY": SecretArn("arn")})  # E: "str": "SecretArn"; expected "str": "Secret | SsmParameter"
Secret(arn="arn:aws:secretsmanager")  # E: "str"; expected "SecretArn"
Secret(arn=KeyArn("arn"))  # E: "KeyArn"; expected "SecretArn"
Release(strategy="canary")  # E: "str"; expected "AllAtOnce | Canary | Linear"
Release(alarms=("sales",))  # E: expected "tuple[AlarmName, ...]"
Canary(percent=0.5)  # E: "float"; expected "int"

App(name="shop", services=Service(name="web"))  # E: "Service"; expected "tuple[Service, ...]"
App(name="shop", services=[Service(name="web")])  # E: "list[Service]"; expected "tuple[Service, ...]"
app = App(name="shop", services=(Service(name="web"),))
replace(app, stage=None)  # E: "None"; expected "str"
replace(app, network=Database())  # E: "Database"; expected "Network"
replace(app, database=None)
replace(app, own_key_for=("log",))  # E: expected "tuple[Literal['logs', 'artifacts', 'images', 'database', 'queues'], ...]"
replace(app, off_hours=True)  # E: "bool"; expected "OffHours | None"
replace(app, tags=("Team",))  # E: expected "Mapping[str, str]"

Network(nat="two")  # E: expected "Literal['one', 'one per zone', 'none', 'public tasks']"
Database(engine="oracle")  # E: expected "Literal['mysql', 'mariadb', 'postgres', 'aurora-mysql', 'aurora-postgresql']"
Balancer(https="yes")  # E: "str"; expected "bool"
OffHours(working_days="MON")  # E: "str"; expected "tuple[str, ...]"
Pipeline(source="main")  # E: "str"; expected "CodeCommit | Connection | S3 | Promotion"
Pipeline(source=CodeCommit(), scan_threshold="high")  # E: expected "Literal['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'NONE']"
Connection(repository=None)  # E: "None"; expected "str"
