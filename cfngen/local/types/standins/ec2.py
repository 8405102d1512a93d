"""EC2: moto keeps no description of a rule that names another group, and takes the folder in a flow log's destination
for a part of the bucket's name.
"""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("ec2")


@ROOM.operation("AuthorizeSecurityGroupIngress")
def _authorize_ingress(self: Standins, arguments: Body, through: Through) -> Body:
    return _authorize(self, arguments, through("ec2", "AuthorizeSecurityGroupIngress", arguments))


@ROOM.operation("AuthorizeSecurityGroupEgress")
def _authorize_egress(self: Standins, arguments: Body, through: Through) -> Body:
    return _authorize(self, arguments, through("ec2", "AuthorizeSecurityGroupEgress", arguments))


def _authorize(self: Standins, arguments: Body, answer: Body) -> Body:
    told = [
        each.get("Description")
        for permission in arguments.get("IpPermissions", [])
        for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
        for each in permission.get(key, [])
    ]
    rules = answer.get("SecurityGroupRules", [])
    if len(told) == len(rules) == 1 and told[0]:
        self.records["rule description"][rules[0]["SecurityGroupRuleId"]] = {"Description": told[0]}
    return answer


@ROOM.operation("ModifySecurityGroupRules")
def _modify_rules(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "ModifySecurityGroupRules", arguments)
    for each in arguments["SecurityGroupRules"]:
        told = {"Description": each["SecurityGroupRule"].get("Description", "")}
        self.records["rule description"][each["SecurityGroupRuleId"]] = told
    return answer


@ROOM.operation("DescribeSecurityGroupRules")
def _describe_rules(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "DescribeSecurityGroupRules", arguments)
    for each in answer["SecurityGroupRules"]:
        each.update(self.records["rule description"].get(each["SecurityGroupRuleId"], {}))
    return answer


@ROOM.operation("CreateFlowLogs")
def _create_flow_logs(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    if "LogDestination" in told and told.get("LogDestinationType") == "s3":
        told["LogDestination"] = told["LogDestination"].partition("/")[0]
    answer = through("ec2", "CreateFlowLogs", told)
    kept: Body = {name: arguments[name] for name in ("LogDestination", "MaxAggregationInterval") if name in arguments}
    for each in answer["FlowLogIds"]:
        self.records["flow log"][each] = kept
    return answer


@ROOM.operation("DescribeFlowLogs")
def _describe_flow_logs(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "DescribeFlowLogs", arguments)
    for each in answer["FlowLogs"]:
        each.update(self.records["flow log"].get(each["FlowLogId"], {}))
    return answer
