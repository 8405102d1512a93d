"""Names that do not exist."""

from dataclasses import replace

from troposphere import ec2

import cfngen
from cfngen import App, Database, Network, Release, Service, Stack, VpcId, network_stack

root = Stack("shop")
network = root.nest("network", network_stack, Network())

network.vpcs  # E: "NetworkOutputs" has no attribute "vpcs"
network.private_subnet  # E: maybe "private_subnets"
network.vpc.arn  # E: "VpcId" has no attribute "arn"
root.nested["network"].template_  # E: "Stack" has no attribute "template_"
root.find(ec2.Vpc, "Vpc")  # E: has no attribute "Vpc"
cfngen.Vpcid  # E: Module has no attribute "Vpcid"
VpcId.from_stack("Network", "Vpc")  # E: "type[VpcId]" has no attribute "from_stack"

Service(name="web", memory=512)  # E: Unexpected keyword argument "memory" for "Service"
Service(name="web", path="/a")  # E: Unexpected keyword argument "path" for "Service"; did you mean "paths"?
Service(Name="web")  # E: Unexpected keyword argument "Name" for "Service"
Network(nats="one")  # E: did you mean "nat"?
Database(multiaz=True)  # E: did you mean "multi_az"?
Release(stategy=None)  # E: did you mean "strategy"?

app = App(name="shop", services=(Service(name="web"),))
replace(app, stages="prod")  # E: Unexpected keyword argument "stages" for "replace" of "App"; did you mean "stage"?
replace(app.service("web"), cpus=512)  # E: Unexpected keyword argument "cpus" for "replace" of "Service"; did you mean "cpu"?
app.services[0].release.strateg  # E: maybe "strategy"
app.stage = "prod"  # E: Property "stage" defined in "App" is read-only
network.vpc = VpcId("vpc-1")  # E: Property "vpc" defined in "NetworkOutputs" is read-only
