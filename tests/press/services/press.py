"""A printing press: nothing like coffee. Hosts instead of paths, guarded addresses, files that are written, a secret, PostgreSQL, a worker with a queue."""

from cfngen import (
    App,
    Balancer,
    Canary,
    Connection,
    Container,
    Database,
    HealthCheck,
    Linear,
    Network,
    Pipeline,
    Queue,
    Release,
    ScheduledTask,
    Secret,
    SecretArn,
    Service,
    SmokeTest,
    Text,
    Worker,
)

desk = Service(
    name="desk",
    hosts=("desk.example.com", "*.desk.example.com"),
    port=9000,
    health_path="/up",
    source="apps/front-desk",
    architecture="X86_64",
    environment={"GREETING": 'say "hello" to $HOME', "SITE": Text.parameter("Site", Default="paper & ink")},
    secrets={
        "TOKEN": Secret(arn=SecretArn.parameter("DeskTokenArn"), key="token"),
        "SEAL": Secret(arn=SecretArn.parameter("SealArn")),
    },
    writable_paths=("/var/spool/desk",),
    user="2000:2000",
    stop_timeout_seconds=12,
    release=Release(
        strategy=Linear(percent=40, minutes=1), smoke_test=SmokeTest(path="/?from=smoke", contains="<h1>Desk")
    ),
)

office = Service(
    name="office",
    hosts=("desk.example.com",),
    paths=("/office", "/office/*", "/ledger-??/*"),
    allowed_addresses=("203.0.113.0/24", "2001:db8::/32"),
    port=3000,
    health_path="/office/alive.txt",
    protocol_version="HTTP2",
    source="apps/office/image",
    shared=("apps/paper",),
    build_context="apps",
    cpu=512,
    memory_mib=1024,
    release=Release(strategy=Canary(percent=20, minutes=1)),
)

api = Service(
    name="api",
    paths=("/v1/*",),
    health_path="/v1/health",
    source="apps/api",
    migrate=("node", "/srv/migrate.mjs"),
    containers=(
        Container(name="prepare", command=("node", "/srv/api.mjs", "--prepare"), essential=False),
        Container(
            name="ink",
            source="apps/ink",
            memory_mib=128,
            health_check=HealthCheck(command=("CMD-SHELL", "wget -q -O - http://127.0.0.1:9100/"), interval_seconds=5),
        ),
    ),
    depends_on={"prepare": "SUCCESS", "ink": "HEALTHY"},
    open_files=4096,
)

binder = Worker(
    name="binder",
    source="apps/binder",
    queue=Queue(senders=("api",), receives=2, visibility_timeout_seconds=60),
    stop_timeout_seconds=30,
)

count = ScheduledTask(name="count", schedule="rate(1 day)", image_of="binder", command=("node", "/srv/count.mjs"))

app = App(
    name="press",
    stage="live",
    services=(desk, office, api),
    workers=(binder,),
    scheduled_tasks=(count,),
    database=Database(
        engine="aurora-postgresql", name="ledger", protected=False, readers=("api", "count"), writers=("binder",)
    ),
    network=Network(nat="one"),
    balancer=Balancer(
        test_port=8443, test_addresses=("203.0.113.64/26",), access_logs=False, deletion_protection=False
    ),
    pipeline=Pipeline(
        source=Connection(repository="acme/press"), approval=True, scan_threshold="CRITICAL", files="deploy/press/live"
    ),
)
