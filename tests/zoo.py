"""One resource of every type that can change, changes of every property of theirs, and templates of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployed_types import REGION


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def tagged(value: str) -> list[dict[str, str]]:
    return [{"Key": "Stage", "Value": value}]


def policy(service: str, action: str = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Principal": {"Service": f"{service}.amazonaws.com"}, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowed(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def forward(blue: int) -> list[dict[str, Any]]:
    groups = [{"TargetGroupArn": ref("Blue"), "Weight": blue}, {"TargetGroupArn": ref("Green"), "Weight": 100 - blue}]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def subnet(number: int) -> dict[str, Any]:
    block, zone = f"10.1.{number}.0/24", f"{REGION}{'ab'[number]}"
    return {"VpcId": ref("Vpc"), "CidrBlock": block, "AvailabilityZone": zone, "MapPublicIpOnLaunch": False}


def group(**more: Any) -> dict[str, Any]:
    return {"VpcId": ref("Vpc"), "Port": 80, "Protocol": "HTTP", "TargetType": "ip", **more}


def pipeline(repository: str) -> list[dict[str, Any]]:
    def action(category: str, provider: str, configuration: dict[str, Any], **more: Any) -> dict[str, Any]:
        kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
        return {"Name": category, "ActionTypeId": kind, "Configuration": configuration, **more}

    source = action(
        "Source", "CodeCommit", {"RepositoryName": repository, "BranchName": "main"}, OutputArtifacts=[{"Name": "S"}]
    )
    build = action("Build", "CodeBuild", {"ProjectName": ref("Project")}, InputArtifacts=[{"Name": "S"}])
    return [{"Name": "Source", "Actions": [source]}, {"Name": "Build", "Actions": [build]}]


def copies(name: str, days: int) -> dict[str, Any]:
    rule = {
        "RuleName": "weekly",
        "TargetBackupVault": ref("Vault"),
        "ScheduleExpression": "cron(0 5 ? * SUN *)",
        "Lifecycle": {"DeleteAfterDays": days},
    }
    return {"BackupPlanName": name, "BackupPlanRule": [rule]}


def spent(monthly_usd: int) -> dict[str, Any]:
    return {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": monthly_usd, "Unit": "USD"},
        "FilterExpression": {"Tags": {"Key": "Stage", "Values": ["dev"]}},
        "Metrics": ["UnblendedCost"],
    }


ZOO: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Vpc": ("EC2::VPC", {"CidrBlock": "10.1.0.0/16", "EnableDnsHostnames": False, "Tags": tagged("one")}),
    "SubnetA": ("EC2::Subnet", subnet(0)),
    "SubnetB": ("EC2::Subnet", subnet(1)),
    "Gateway": ("EC2::InternetGateway", {"Tags": tagged("one")}),
    "Attachment": ("EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}),
    "Address": ("EC2::EIP", {"Domain": "vpc", "Tags": tagged("one")}),
    "Nat": (
        "EC2::NatGateway",
        {"AllocationId": att("Address", "AllocationId"), "SubnetId": ref("SubnetA"), "Tags": tagged("one")},
    ),
    "Table": ("EC2::RouteTable", {"VpcId": ref("Vpc"), "Tags": tagged("one")}),
    "OtherTable": ("EC2::RouteTable", {"VpcId": ref("Vpc")}),
    "Route": (
        "EC2::Route",
        {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("Gateway")},
    ),
    "Association": ("EC2::SubnetRouteTableAssociation", {"RouteTableId": ref("Table"), "SubnetId": ref("SubnetA")}),
    "Endpoint": (
        "EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "ServiceName": f"com.amazonaws.{REGION}.s3",
            "VpcEndpointType": "Gateway",
            "RouteTableIds": [ref("Table")],
        },
    ),
    "FlowLog": (
        "EC2::FlowLog",
        {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": att("Bucket", "Arn"),
            "Tags": tagged("one"),
        },
    ),
    "Group": (
        "EC2::SecurityGroup",
        {
            "GroupDescription": "g",
            "VpcId": ref("Vpc"),
            "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "nowhere"}],
        },
    ),
    "Ingress": (
        "EC2::SecurityGroupIngress",
        {
            "GroupId": ref("Group"),
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 80,
            "CidrIp": "0.0.0.0/0",
            "Description": "all",
        },
    ),
    "Egress": (
        "EC2::SecurityGroupEgress",
        {
            "GroupId": ref("Group"),
            "IpProtocol": "tcp",
            "FromPort": 81,
            "ToPort": 81,
            "DestinationSecurityGroupId": ref("Group"),
            "Description": "own",
        },
    ),
    "Balancer": (
        "ElasticLoadBalancingV2::LoadBalancer",
        {
            "Subnets": [ref("SubnetA"), ref("SubnetB")],
            "SecurityGroups": [ref("Group")],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "61"}],
        },
    ),
    "Blue": (
        "ElasticLoadBalancingV2::TargetGroup",
        group(
            HealthCheckPath="/one",
            TargetGroupAttributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "31"}],
        ),
    ),
    "Green": ("ElasticLoadBalancingV2::TargetGroup", group()),
    "Listener": (
        "ElasticLoadBalancingV2::Listener",
        {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        },
    ),
    "Rule": (
        "ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": ref("Listener"),
            "Priority": 17,
            "Conditions": [{"Field": "path-pattern", "Values": ["/one"]}],
            "Actions": forward(91),
        },
    ),
    "Cluster": (
        "ECS::Cluster",
        {
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
            "CapacityProviders": ["FARGATE"],
            "Tags": tagged("one"),
        },
    ),
    "Tasks": (
        "ECS::TaskDefinition",
        {
            "Family": "zoo",
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "256",
            "Memory": "512",
            "ContainerDefinitions": [{"Name": "web", "Image": "web:1", "PortMappings": [{"ContainerPort": 80}]}],
            "Tags": tagged("one"),
        },
    ),
    "Service": (
        "ECS::Service",
        {
            "Cluster": ref("Cluster"),
            "TaskDefinition": ref("Tasks"),
            "DesiredCount": 1,
            "DeploymentController": {"Type": "CODE_DEPLOY"},
            "HealthCheckGracePeriodSeconds": 61,
            "LoadBalancers": [{"ContainerName": "web", "ContainerPort": 80, "TargetGroupArn": ref("Blue")}],
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {"Subnets": [ref("SubnetA")], "SecurityGroups": [ref("Group")]}
            },
        },
    ),
    "Scaled": (
        "ApplicationAutoScaling::ScalableTarget",
        {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": {"Fn::Join": ["/", ["service", ref("Cluster"), att("Service", "Name")]]},
            "MinCapacity": 2,
            "MaxCapacity": 7,
            "ScheduledActions": [
                {
                    "ScheduledActionName": "night",
                    "Schedule": "cron(0 1 * * ? *)",
                    "ScalableTargetAction": {"MinCapacity": 1},
                }
            ],
        },
    ),
    "Scaling": (
        "ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("Scaled"),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 61,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        },
    ),
    "Deploy": ("CodeDeploy::Application", {"ComputePlatform": "ECS", "Tags": tagged("one")}),
    "DeployConfig": (
        "CodeDeploy::DeploymentConfig",
        {
            "ComputePlatform": "ECS",
            "TrafficRoutingConfig": {
                "Type": "TimeBasedLinear",
                "TimeBasedLinear": {"LinearPercentage": 20, "LinearInterval": 2},
            },
        },
    ),
    "DeployGroup": (
        "CodeDeploy::DeploymentGroup",
        {
            "ApplicationName": ref("Deploy"),
            "ServiceRoleArn": att("Role", "Arn"),
            "DeploymentConfigName": ref("DeployConfig"),
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ECSServices": [{"ClusterName": ref("Cluster"), "ServiceName": att("Service", "Name")}],
        },
    ),
    "Role": (
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": policy("codepipeline"),
            "Description": "one",
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "Policies": [{"PolicyName": "p", "PolicyDocument": allowed("s3:GetObject")}],
            "Tags": tagged("one"),
        },
    ),
    "Policy": (
        "IAM::Policy",
        {"PolicyName": "apart", "PolicyDocument": allowed("s3:PutObject"), "Roles": [ref("Role")]},
    ),
    "Managed": ("IAM::ManagedPolicy", {"PolicyDocument": allowed("s3:ListBucket"), "Roles": [ref("Role")]}),
    "Key": (
        "KMS::Key",
        {
            "KeyPolicy": policy("logs", "kms:*", Resource="*"),
            "Description": "one",
            "EnableKeyRotation": True,
            "PendingWindowInDays": 7,
            "Tags": tagged("one"),
        },
    ),
    "Alias": ("KMS::Alias", {"AliasName": "alias/zoo", "TargetKeyId": ref("Key")}),
    "OtherKey": ("KMS::Key", {"KeyPolicy": policy("logs", "kms:*", Resource="*")}),
    "Bucket": (
        "S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": [{"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 31}]},
            "Tags": tagged("one"),
        },
    ),
    "BucketPolicy": (
        "S3::BucketPolicy",
        {
            "Bucket": ref("Bucket"),
            "PolicyDocument": policy("delivery.logs", "s3:GetBucketAcl", Resource=att("Bucket", "Arn")),
        },
    ),
    "Topic": ("SNS::Topic", {"DisplayName": "one", "Tags": tagged("one")}),
    "TopicPolicy": (
        "SNS::TopicPolicy",
        {"Topics": [ref("Topic")], "PolicyDocument": policy("events", "sns:Publish", Resource=ref("Topic"))},
    ),
    "Subscription": (
        "SNS::Subscription",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn"), "RawMessageDelivery": True},
    ),
    "Queue": ("SQS::Queue", {"VisibilityTimeout": 31, "Tags": tagged("one")}),
    "QueuePolicy": (
        "SQS::QueuePolicy",
        {"Queues": [ref("Queue")], "PolicyDocument": policy("sns", "sqs:SendMessage", Resource=att("Queue", "Arn"))},
    ),
    "Secret": (
        "SecretsManager::Secret",
        {
            "Description": "one",
            "GenerateSecretString": {"SecretStringTemplate": '{"username": "u"}', "GenerateStringKey": "password"},
            "Tags": tagged("one"),
        },
    ),
    "Parameter": ("SSM::Parameter", {"Name": "/zoo", "Type": "String", "Value": "one", "Tags": {"Stage": "one"}}),
    "Repository": (
        "ECR::Repository",
        {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}, "Tags": tagged("one")},
    ),
    "Logs": ("Logs::LogGroup", {"RetentionInDays": 30, "KmsKeyId": att("Key", "Arn"), "Tags": tagged("one")}),
    "Filter": (
        "Logs::MetricFilter",
        {
            "LogGroupName": ref("Logs"),
            "FilterPattern": "one",
            "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}],
        },
    ),
    "Alarm": (
        "CloudWatch::Alarm",
        {
            "Namespace": "AWS/RDS",
            "MetricName": "CPUUtilization",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 3,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 81,
            "Tags": tagged("one"),
        },
    ),
    "Composite": (
        "CloudWatch::CompositeAlarm",
        {"AlarmRule": {"Fn::Sub": 'ALARM("${Alarm}")'}, "AlarmDescription": "one", "Tags": tagged("one")},
    ),
    "Mute": (
        "CloudWatch::AlarmMuteRule",
        {
            "Rule": {"Schedule": {"Expression": "cron(0 1 * * *)", "Duration": "PT1H"}},
            "MuteTargets": {"AlarmNames": [ref("Composite")]},
            "Description": "one",
            "Tags": tagged("one"),
        },
    ),
    "Dashboard": (
        "CloudWatch::Dashboard",
        {"DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "one"}}]}', "Tags": tagged("one")},
    ),
    "Bus": ("Events::EventBus", {"Name": "zoo", "Description": "one", "Tags": tagged("one")}),
    "Event": (
        "Events::Rule",
        {
            "EventPattern": {"source": ["one"]},
            "Description": "one",
            "Targets": [{"Id": "t", "Arn": ref("Topic")}],
            "Tags": tagged("one"),
        },
    ),
    "Schedule": (
        "Scheduler::Schedule",
        {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(1 hour)",
            "Target": {"Arn": ref("Topic"), "RoleArn": att("Role", "Arn")},
        },
    ),
    "Machine": (
        "StepFunctions::StateMachine",
        {
            "RoleArn": att("Role", "Arn"),
            "Definition": {"Comment": "one", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}},
            "Tags": tagged("one"),
        },
    ),
    "Function": (
        "Lambda::Function",
        {
            "Code": {"ZipFile": "def handler(*_): pass"},
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Role": att("Role", "Arn"),
            "MemorySize": 129,
            "Environment": {"Variables": {"A": "one"}},
            "Tags": tagged("one"),
        },
    ),
    "Permission": (
        "Lambda::Permission",
        {
            "FunctionName": ref("Function"),
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": att("Event", "Arn"),
        },
    ),
    "Mapping": (
        "Lambda::EventSourceMapping",
        {"FunctionName": ref("Function"), "EventSourceArn": att("Queue", "Arn"), "BatchSize": 5},
    ),
    "Release": ("Lambda::Version", {"FunctionName": ref("Function"), "Description": "one"}),
    "Live": (
        "Lambda::Alias",
        {
            "FunctionName": ref("Function"),
            "Name": "live",
            "FunctionVersion": att("Release", "Version"),
            "Description": "one",
        },
    ),
    "Url": (
        "Lambda::Url",
        {"TargetFunctionArn": att("Function", "Arn"), "AuthType": "AWS_IAM", "Cors": {"MaxAge": 61}},
    ),
    "Source": (
        "CodeCommit::Repository",
        {"RepositoryName": "zoo", "RepositoryDescription": "one", "Tags": tagged("one")},
    ),
    "Project": (
        "CodeBuild::Project",
        {
            "ServiceRole": att("Role", "Arn"),
            "Source": {"Type": "CODEPIPELINE"},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "BUILD_GENERAL1_SMALL"},
            "Description": "one",
            "Tags": tagged("one"),
        },
    ),
    "Pipeline": (
        "CodePipeline::Pipeline",
        {
            "RoleArn": att("Role", "Arn"),
            "ArtifactStore": {"Type": "S3", "Location": ref("Bucket")},
            "Stages": pipeline("one"),
            "Tags": tagged("one"),
        },
    ),
    "Connection": (
        "CodeConnections::Connection",
        {"ConnectionName": "zoo", "ProviderType": "GitHub", "Tags": tagged("one")},
    ),
    "Ide": (
        "Cloud9::EnvironmentEC2",
        {"Name": "one", "InstanceType": "t3.small", "ImageId": "amazonlinux-2023-x86_64", "Tags": tagged("one")},
    ),
    "Subnets": (
        "RDS::DBSubnetGroup",
        {"DBSubnetGroupDescription": "one", "SubnetIds": [ref("SubnetA"), ref("SubnetB")], "Tags": tagged("one")},
    ),
    "Parameters": (
        "RDS::DBParameterGroup",
        {"Description": "one", "Family": "mysql8.4", "Parameters": {"long_query_time": "1"}, "Tags": tagged("one")},
    ),
    "Database": (
        "RDS::DBInstance",
        {
            "Engine": "mysql",
            "EngineVersion": "8.4.8",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "MasterUsername": "admin",
            "ManageMasterUserPassword": True,
            "DBSubnetGroupName": ref("Subnets"),
            "DBParameterGroupName": ref("Parameters"),
            "BackupRetentionPeriod": 3,
            "VPCSecurityGroups": [ref("Group")],
            "Tags": tagged("one"),
        },
    ),
    "ClusterParameters": (
        "RDS::DBClusterParameterGroup",
        {
            "Description": "one",
            "Family": "aurora-mysql8.0",
            "Parameters": {"long_query_time": "1"},
            "Tags": tagged("one"),
        },
    ),
    "Aurora": (
        "RDS::DBCluster",
        {
            "Engine": "aurora-mysql",
            "EngineVersion": "8.0.mysql_aurora.3.10.3",
            "MasterUsername": "admin",
            "ManageMasterUserPassword": True,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2},
            "DBSubnetGroupName": ref("Subnets"),
            "DBClusterParameterGroupName": ref("ClusterParameters"),
            "BackupRetentionPeriod": 3,
            "PreferredBackupWindow": "09:00-09:30",
            "VpcSecurityGroupIds": [att("Group", "GroupId")],
            "Tags": tagged("one"),
        },
    ),
    "Member": (
        "RDS::DBInstance",
        {
            "Engine": "aurora-mysql",
            "DBClusterIdentifier": ref("Aurora"),
            "DBInstanceClass": "db.serverless",
            "PromotionTier": 1,
            "Tags": tagged("one"),
        },
    ),
    "Vault": (
        "Backup::BackupVault",
        {"BackupVaultName": "zoo", "EncryptionKeyArn": att("Key", "Arn"), "BackupVaultTags": {"Kind": "one"}},
    ),
    "Plan": (
        "Backup::BackupPlan",
        {"BackupPlan": copies("one", 35), "BackupPlanTags": {"Kind": "one"}},
    ),
    "Selection": (
        "Backup::BackupSelection",
        {
            "BackupPlanId": ref("Plan"),
            "BackupSelection": {
                "SelectionName": "database",
                "IamRoleArn": att("Role", "Arn"),
                "Resources": [att("Database", "DBInstanceArn")],
            },
        },
    ),
    "Budget": (
        "Budgets::Budget",
        {
            "Budget": spent(500),
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": "ACTUAL",
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": 80,
                        "ThresholdType": "PERCENTAGE",
                    },
                    "Subscribers": [{"SubscriptionType": "SNS", "Address": ref("Topic")}],
                }
            ],
            "ResourceTags": tagged("one"),
        },
    ),
    "Zone": (
        "Route53::HostedZone",
        {
            "Name": "zoo.internal",
            "HostedZoneConfig": {"Comment": "one"},
            "VPCs": [{"VPCId": ref("Vpc"), "VPCRegion": ref("AWS::Region")}],
            "HostedZoneTags": tagged("one"),
        },
    ),
    "Record": (
        "Route53::RecordSet",
        {
            "HostedZoneName": "zoo.example.",
            "Name": "www.zoo.example.",
            "Type": "A",
            "TTL": "61",
            "ResourceRecords": ["192.0.2.1"],
        },
    ),
    "Handle": ("CloudFormation::WaitConditionHandle", {}),
}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "Vpc": {"EnableDnsHostnames": True, "Tags": tagged("two")},
    "SubnetA": {"MapPublicIpOnLaunch": True, "Tags": tagged("two")},
    "Gateway": {"Tags": tagged("two")},
    "Address": {"Tags": tagged("two")},
    "Nat": {"Tags": tagged("two")},
    "Table": {"Tags": tagged("two")},
    "Endpoint": {"RouteTableIds": [ref("OtherTable")], "Tags": tagged("two")},
    "FlowLog": {"Tags": tagged("two")},
    "Group": {
        "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}],
        "Tags": tagged("two"),
    },
    "Ingress": {"Description": "everybody"},
    "Zone": {"HostedZoneConfig": {"Comment": "two"}, "HostedZoneTags": tagged("two")},
    "Egress": {"Description": "ourselves"},
    "Balancer": {
        "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "62"}],
        "Tags": tagged("two"),
    },
    "Blue": {
        "HealthCheckPath": "/two",
        "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "32"}],
    },
    "Green": {"HealthCheckPath": "/added", "Tags": tagged("two")},
    "Listener": {
        "Port": 81,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}],
        "Tags": tagged("two"),
    },
    "Rule": {"Priority": 18, "Conditions": [{"Field": "path-pattern", "Values": ["/two"]}], "Actions": forward(92)},
    "Cluster": {
        "ClusterSettings": [{"Name": "containerInsights", "Value": "enhanced"}],
        "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "Tags": tagged("two"),
    },
    "Tasks": {"Tags": tagged("two")},
    "Service": {"DesiredCount": 3, "HealthCheckGracePeriodSeconds": 62, "Tags": tagged("two")},
    "Scaled": {
        "MaxCapacity": 9,
        "ScheduledActions": [
            {"ScheduledActionName": "day", "Schedule": "cron(0 2 * * ? *)", "ScalableTargetAction": {"MinCapacity": 3}}
        ],
        "Tags": tagged("two"),
    },
    "Scaling": {
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 62,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"},
        }
    },
    "Deploy": {"Tags": tagged("two")},
    "DeployGroup": {
        "DeploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": ref("Alarm")}]},
        "Tags": tagged("two"),
    },
    "Role": {
        "AssumeRolePolicyDocument": policy("ec2"),
        "Description": "two",
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "Policies": [{"PolicyName": "q", "PolicyDocument": allowed("s3:GetBucketAcl")}],
        "Tags": tagged("two"),
        "MaxSessionDuration": 7200,
    },
    "Policy": {"PolicyDocument": allowed("s3:DeleteObject")},
    "Managed": {"PolicyDocument": allowed("s3:ListAllMyBuckets")},
    "Key": {
        "KeyPolicy": policy("logs", "kms:Decrypt", Resource="*"),
        "Description": "two",
        "EnableKeyRotation": False,
        "Tags": tagged("two"),
    },
    "Alias": {"TargetKeyId": ref("OtherKey")},
    "Bucket": {
        "VersioningConfiguration": {"Status": "Suspended"},
        "LifecycleConfiguration": {
            "Rules": [{"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 32, "Prefix": "a/"}]
        },
        "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 33}]},
        "Tags": tagged("two"),
    },
    "BucketPolicy": {"PolicyDocument": policy("delivery.logs", "s3:ListBucket", Resource=att("Bucket", "Arn"))},
    "Topic": {
        "DisplayName": "two",
        "KmsMasterKeyId": ref("Key"),
        "Tags": tagged("two"),
        "Subscription": [{"Protocol": "email", "Endpoint": "a@example.com"}],
    },
    "TopicPolicy": {"PolicyDocument": policy("cloudwatch", "sns:Publish", Resource=ref("Topic"))},
    "Subscription": {"RawMessageDelivery": False},
    "Queue": {"VisibilityTimeout": 32, "DelaySeconds": 5, "Tags": tagged("two")},
    "QueuePolicy": {"PolicyDocument": policy("events", "sqs:SendMessage", Resource=att("Queue", "Arn"))},
    "Secret": {"Description": "two", "KmsKeyId": ref("Key"), "Tags": tagged("two")},
    "Parameter": {"Value": "two", "Description": "d", "Tags": {"Stage": "two"}},
    "Repository": {
        "ImageTagMutability": "MUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": False},
        "LifecyclePolicy": {
            "LifecyclePolicyText": '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 7}, "action": {"type": "expire"}}]}'
        },
        "Tags": tagged("two"),
    },
    "Logs": {"RetentionInDays": 60, "KmsKeyId": att("OtherKey", "Arn"), "Tags": tagged("two")},
    "Filter": {"FilterPattern": "two"},
    "Alarm": {"Threshold": 82, "AlarmDescription": "two", "Tags": tagged("two")},
    "Composite": {"AlarmDescription": "two", "AlarmActions": [ref("Topic")], "Tags": tagged("two")},
    "Mute": {
        "Description": "two",
        "Rule": {"Schedule": {"Expression": "cron(0 2 * * *)", "Duration": "PT2H"}},
        "Tags": tagged("two"),
    },
    "Dashboard": {
        "DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "two"}}]}',
        "Tags": tagged("two"),
    },
    "Bus": {"Description": "two", "Tags": tagged("two")},
    "Event": {
        "EventPattern": {"source": ["two"]},
        "Description": "two",
        "State": "DISABLED",
        "Targets": [{"Id": "u", "Arn": ref("Topic")}],
        "Tags": tagged("two"),
    },
    "Schedule": {"ScheduleExpression": "rate(2 hours)", "State": "DISABLED", "Description": "two"},
    "Machine": {
        "Definition": {"Comment": "two", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}},
        "Tags": tagged("two"),
    },
    "Live": {"Description": "two", "FunctionVersion": "$LATEST"},
    "Url": {"AuthType": "NONE", "Cors": {"MaxAge": 62}},
    "Mapping": {"BatchSize": 7},
    "Function": {"MemorySize": 256, "Timeout": 9, "Environment": {"Variables": {"A": "two"}}, "Tags": tagged("two")},
    "Source": {"RepositoryName": "zoo-two", "RepositoryDescription": "two", "Tags": tagged("two")},
    "Project": {"Description": "two", "TimeoutInMinutes": 31, "Tags": tagged("two")},
    "Pipeline": {"Stages": pipeline("two"), "ExecutionMode": "QUEUED", "Tags": tagged("two")},
    "Connection": {"Tags": tagged("two")},
    "Ide": {"Name": "two", "Description": "two", "Tags": tagged("two")},
    "Subnets": {"DBSubnetGroupDescription": "two", "Tags": tagged("two")},
    "Parameters": {"Parameters": {"long_query_time": "2", "slow_query_log": "1"}, "Tags": tagged("two")},
    "Database": {
        "DBInstanceClass": "db.t4g.small",
        "AllocatedStorage": "30",
        "BackupRetentionPeriod": 4,
        "MultiAZ": True,
        "EnableCloudwatchLogsExports": ["error"],
        "Tags": tagged("two"),
    },
    "ClusterParameters": {"Parameters": {"long_query_time": "2", "slow_query_log": "1"}, "Tags": tagged("two")},
    "Aurora": {
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1, "MaxCapacity": 4},
        "BackupRetentionPeriod": 4,
        "PreferredBackupWindow": "10:00-10:30",
        "Tags": tagged("two"),
    },
    "Member": {"PromotionTier": 2, "Tags": tagged("two")},
    "Vault": {"BackupVaultTags": {"Kind": "two"}},
    "Plan": {"BackupPlan": copies("two", 70), "BackupPlanTags": {"Kind": "two"}},
    "Budget": {"Budget": spent(900), "ResourceTags": tagged("two")},
    "Record": {"TTL": "62", "ResourceRecords": ["192.0.2.2"]},
}


def zoo(changes: Mapping[str, Mapping[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    resources = {
        name: {"Type": f"AWS::{kind}", "Properties": {**properties, **(changes or {}).get(name, {})}}
        for name, (kind, properties) in ZOO.items()
    }
    resources["Rule"]["DependsOn"] = "Attachment"
    resources["Service"]["DependsOn"] = "Rule"
    return {"Resources": {**resources, **more}}


def balanced(**more: Any) -> dict[str, Any]:
    """A balancer with a service behind it, in words of the zoo."""
    names: tuple[str, ...] = (
        "Vpc",
        "SubnetA",
        "SubnetB",
        "Gateway",
        "Attachment",
        "Group",
        "Balancer",
        "Blue",
        "Green",
    )
    names += ("Listener", "Rule", "Cluster", "Tasks", "Service")
    resources = {**{name: zoo()["Resources"][name] for name in names}, **more}
    return {"Resources": {name: each for name, each in resources.items() if each}}


def with_properties(name: str, **changes: Any) -> dict[str, Any]:
    there = zoo()["Resources"][name]
    return {**there, "Properties": {**there["Properties"], **changes}}
