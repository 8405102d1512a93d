"""A value of a wrong kind."""

from troposphere import Ref, ec2

from cfngen import KeyArn, Network, SecretArn, SecurityGroupId, Stack, SubnetIds, Text, VpcId, network_stack
from cfngen.values import BucketName

root = Stack("shop")
network = root.nest("network", network_stack, Network())


def in_vpc(stack: Stack, vpc: VpcId) -> SecurityGroupId:
    return SecurityGroupId(stack.add(ec2.SecurityGroup("Group", GroupDescription="x", VpcId=vpc)).ref())


root.nest("a", in_vpc, network.vpc)
root.nest("b", in_vpc, Text("vpc-1"))  # E: "Text"; expected "VpcId"
root.nest("c", in_vpc, network.private_subnets)  # E: "SubnetIds"; expected "VpcId"
root.nest("d", in_vpc, "vpc-1")  # E: "str"; expected "VpcId"
root.nest("e", in_vpc, Ref("Vpc"))  # E: "Ref"; expected "VpcId"
root.nest("f", in_vpc, SecurityGroupId("sg-1"))  # E: "SecurityGroupId"; expected "VpcId"
root.nest("g", in_vpc, Text.parameter("VpcId"))  # E: "Text"; expected "VpcId"
in_vpc(root, network.public_subnets)  # E: "SubnetIds"; expected "VpcId"
root.nest("h", network_stack, Network(), logs=network.vpc)  # E: "VpcId"; expected "BucketName | None"
root.nest("i", network_stack, Network(), BucketName("logs"))

VpcId(3)  # E: "int"; expected "str | AWSHelperFn"
VpcId(["vpc-1"])  # E: "list[str]"; expected "str | AWSHelperFn"
SubnetIds("subnet-1")[0]  # E: "SubnetIds" is not indexable
root.output("Vpc", "vpc-1")  # E: "str"; expected "Value"

secret: SecretArn = KeyArn("arn")  # E: expression has type "KeyArn", variable has type "SecretArn"
group: VpcId = root.nest("j", in_vpc, network.vpc)  # E: "SecurityGroupId", variable has type "VpcId"
