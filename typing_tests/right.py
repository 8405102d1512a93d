"""What the other files get wrong, done right: mypy finds nothing here, and it runs."""

from dataclasses import dataclass, replace

from troposphere import GetAtt, sqs

from cfngen import (
    App,
    Canary,
    CodeCommit,
    Database,
    Network,
    NetworkOutputs,
    Pipeline,
    Release,
    Secret,
    SecretArn,
    Service,
    Stack,
    SubnetIds,
    Text,
    VpcId,
    network_stack,
    render,
)


@dataclass(frozen=True)
class QueueOutputs:
    url: Text
    arn: Text


def queue_stack(stack: Stack, network: NetworkOutputs, *, days: int = 4) -> QueueOutputs:
    queue = stack.add(sqs.Queue("Letters", MessageRetentionPeriod=days * 86400, QueueName=network.vpc))
    return QueueOutputs(url=Text(queue.ref()), arn=Text(GetAtt(queue, "Arn")))


def reader_stack(stack: Stack, url: Text, subnets: SubnetIds) -> None:
    stack.add(sqs.Queue("Reader", QueueName=url))


root = Stack("shop")
network = root.nest("network", network_stack, Network(zones=3))
queue = root.nest("queue", queue_stack, network, days=2)
root.nest("reader", reader_stack, queue.url, network.private_subnets)
root.output("Arn", queue.arn)
root.nested["queue"].find(sqs.Queue, "Letters").QueueName = "letters"

existing = NetworkOutputs(
    vpc=VpcId.parameter("VpcId", Description="An existing VPC"),
    public_subnets=SubnetIds(["subnet-1", "subnet-2"]),
    private_subnets=SubnetIds.parameter("PrivateSubnets"),
    birth_subnets=SubnetIds.parameter("PrivateSubnets"),
    isolated_subnets=SubnetIds([]),
)
service = Service(
    name="web",
    environment={"LETTERS": "literal", "URL": queue.url},
    secrets={"KEY": Secret(arn=SecretArn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf"))},
    release=Release(strategy=Canary(percent=20)),
)
dev = App(
    name="shop",
    services=(service, replace(service, name="admin")),
    database=Database(readers=("web",)),
    pipeline=Pipeline(source=CodeCommit()),
    own_key_for=("logs", "database"),
)
prod = replace(dev, stage="prod", network=replace(dev.network, nat="one per zone"))
assert prod.service("admin").cpu == 256
assert list(render(root)) == ["shop.yaml", "network.yaml", "queue.yaml", "reader.yaml"]
