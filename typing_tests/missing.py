"""What was forgotten, or is too much."""

from dataclasses import replace

from cfngen import App, CodeCommit, Connection, Network, NetworkOutputs, Pipeline, Secret, Service, Stack, Text, VpcId, network_stack

root = Stack("shop")


def two(stack: Stack, vpc: VpcId, *, cidr: Text) -> None: ...


def stackless(network: Network) -> None: ...


root.nest("a", network_stack)  # E: Missing positional argument "network"
root.nest("b", two, VpcId("vpc-1"))  # E: Missing named argument "cidr"
root.nest("c", two, VpcId("vpc-1"), Text("x"))  # E: Too many
root.nest("d", two, VpcId("vpc-1"), cidr=Text("x"), more=1)  # E: Unexpected keyword argument "more"
root.nest("e", stackless)  # E: incompatible type
network_stack(Network())  # E: Missing positional argument "network" ;; "Network"; expected "Stack"
NetworkOutputs(vpc=VpcId("vpc-1"))  # E: Missing positional arguments "public_subnets", "private_subnets"
root.add()  # E: Missing positional argument "resource"

Service()  # E: Missing named argument "name"
Service("web")  # E: Too many positional arguments
App(name="shop")  # E: Missing named argument "services"
Pipeline(approval=True)  # E: Missing named argument "source"
Pipeline(CodeCommit())  # E: Too many positional arguments
Connection()  # E: Missing named argument "repository"
Secret(key="password")  # E: Missing named argument "arn"
replace(Service(name="web"), "admin")  # E: Too many positional arguments
