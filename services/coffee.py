"""The coffee suppliers' shop: customers read the list of suppliers, employees edit it.

One monolith became two services that share a table. `dev` is economical, `prod` well-architected; a stage is
the application with fields replaced.
"""

from dataclasses import replace

from cfngen import (
    AllAtOnce,
    App,
    Balancer,
    Canary,
    CodeCommit,
    Database,
    Network,
    OffHours,
    Pipeline,
    Release,
    Scaling,
    Service,
)

customer = Service(
    name="customer",
    paths=("/*",),
    health_path="/health",
    release=Release(strategy=AllAtOnce(), continue_within_minutes=60),
)

employee = Service(
    name="employee",
    paths=("/admin", "/admin/*"),
    health_path="/admin/health",
    release=Release(strategy=AllAtOnce(), continue_within_minutes=60),
    migrate=("node", "migrate.js"),
)

dev = App(
    name="coffee",
    stage="dev",
    services=(customer, employee),
    network=Network(cidr="10.16.0.0/16", zones=2, nat="one"),
    database=Database(
        name="coffee", instance_class="db.t4g.micro", protected=False, readers=("customer",), writers=("employee",)
    ),
    balancer=Balancer(https=False, access_logs=False, deletion_protection=False),
    pipeline=Pipeline(
        source=CodeCommit(branch="dev", create=True),
        test_command="npm ci && npm test",
        test_report="reports/junit.xml",
        runtimes={"nodejs": "22"},
    ),
    off_hours=OffHours(start="20:00", end="07:00", timezone="Europe/Berlin"),
)


def in_production(service: Service) -> Service:
    """Two tasks at least, and ten percent of the traffic first."""
    return replace(
        service,
        cpu=512,
        memory_mib=1024,
        scaling=Scaling(minimum=2, maximum=8, cpu_percent=60, requests_per_minute=3000),
        release=Release(strategy=Canary(percent=10, minutes=5), termination_wait_minutes=30),
    )


prod = replace(
    dev,
    stage="prod",
    services=(in_production(customer), in_production(employee)),
    network=Network(cidr="10.17.0.0/16", zones=3, nat="one per zone"),
    database=Database(
        name="coffee",
        instance_class="db.m6g.large",
        storage_gib=50,
        storage_ceiling_gib=500,
        multi_az=True,
        backup_days=30,
        readers=("customer",),
        writers=("employee",),
    ),
    balancer=Balancer(),
    pipeline=Pipeline(
        source=CodeCommit(branch="main"),
        approval=True,
        test_command="npm ci && npm test",
        test_report="reports/junit.xml",
        runtimes={"nodejs": "22"},
    ),
    own_key_for=("logs", "artifacts", "images", "database"),
    log_retention_days=365,
    off_hours=None,
)

stages = (dev, prod)
