"""Templates in the style of AWS's own samples, and as the CDK makes them."""

from __future__ import annotations

from typing import Any

SAMPLE = """
AWSTemplateFormatVersion: '2010-09-09'
Description: A sample web server behind two listeners, released by CodeDeploy
Parameters:
  EnvironmentName:
    Type: String
    Default: sample
  VpcId:
    Type: AWS::EC2::VPC::Id
  Subnets:
    Type: List<AWS::EC2::Subnet::Id>
  ImageTag:
    Type: String
    MinLength: 3
    AllowedPattern: '[a-z0-9.]*'
Mappings:
  Accounts:
    123456789012:
      Count: 2
Conditions:
  IsProduction: !Equals [!Ref EnvironmentName, production]
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties:
      ClusterName: !Sub ${EnvironmentName}-cluster
  PublicLoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Scheme: internet-facing
      Subnets: !Ref Subnets
  TargetGroupBlue:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Name: !Sub ${EnvironmentName}-tg-1
      Port: 80
      Protocol: HTTP
      TargetType: ip
      VpcId: !Ref VpcId
      TargetGroupAttributes:
        - Key: deregistration_delay.timeout_seconds
          Value: '60'
  TargetGroupGreen:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Name: !Sub ${EnvironmentName}-tg-2
      Port: 80
      Protocol: HTTP
      TargetType: ip
      VpcId: !Ref VpcId
      TargetGroupAttributes:
        - Key: deregistration_delay.timeout_seconds
          Value: '60'
  ProductionListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref PublicLoadBalancer
      Port: 80
      Protocol: HTTP
      DefaultActions:
        - Type: forward
          TargetGroupArn: !Ref TargetGroupBlue
  TestListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref PublicLoadBalancer
      Port: 9000
      Protocol: HTTP
      DefaultActions:
        - Type: forward
          TargetGroupArn: !Ref TargetGroupGreen
  TaskDefinition:
    Type: AWS::ECS::TaskDefinition
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      Family: !Sub ${EnvironmentName}-web
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions:
        - Name: web
          Image: !Sub ${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/web:${ImageTag}
          PortMappings:
            - ContainerPort: 80
  Service:
    Type: AWS::ECS::Service
    DependsOn: [ProductionListener, TestListener]
    Properties:
      ServiceName: !Sub ${EnvironmentName}-web
      Cluster: !Ref Cluster
      TaskDefinition: !Ref TaskDefinition
      DesiredCount: !FindInMap [Accounts, !Ref AWS::AccountId, Count]
      LaunchType: FARGATE
      DeploymentController:
        Type: CODE_DEPLOY
      LoadBalancers:
        - ContainerName: web
          ContainerPort: 80
          TargetGroupArn: !Ref TargetGroupBlue
  Application:
    Type: AWS::CodeDeploy::Application
    Properties:
      ApplicationName: !Sub ${EnvironmentName}-app
      ComputePlatform: ECS
  DeploymentGroup:
    Type: AWS::CodeDeploy::DeploymentGroup
    DependsOn: [Application, Service]
    Properties:
      ApplicationName: !Sub ${EnvironmentName}-app
      DeploymentGroupName: !Sub ${EnvironmentName}-dg
      ServiceRoleArn: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/ecsCodeDeployRole
      DeploymentConfigName: !If
        - IsProduction
        - CodeDeployDefault.ECSLinear10PercentEvery1Minutes
        - CodeDeployDefault.ECSAllAtOnce
      DeploymentStyle:
        DeploymentType: BLUE_GREEN
        DeploymentOption: WITH_TRAFFIC_CONTROL
      AutoRollbackConfiguration:
        Enabled: true
        Events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_REQUEST, DEPLOYMENT_STOP_ON_ALARM]
      BlueGreenDeploymentConfiguration:
        DeploymentReadyOption:
          ActionOnTimeout: CONTINUE_DEPLOYMENT
          WaitTimeInMinutes: 0
        TerminateBlueInstancesOnDeploymentSuccess:
          Action: TERMINATE
          TerminationWaitTimeInMinutes: 5
      ECSServices:
        - ClusterName: !Sub ${EnvironmentName}-cluster
          ServiceName: !Sub ${EnvironmentName}-web
      LoadBalancerInfo:
        TargetGroupPairInfoList:
          - TargetGroups:
              - Name: !GetAtt TargetGroupBlue.TargetGroupName
              - Name: !GetAtt TargetGroupGreen.TargetGroupName
            ProdTrafficRoute:
              ListenerArns: [!Ref ProductionListener]
            TestTrafficRoute:
              ListenerArns: [!Ref TestListener]
  ScalableTarget:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    DependsOn: Service
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Join [/, [service, !Sub '${EnvironmentName}-cluster', !GetAtt Service.Name]]
      MinCapacity: 1
      MaxCapacity: 10
      RoleARN: !Sub arn:aws:iam::${AWS::AccountId}:role/scaling
Outputs:
  ExternalUrl:
    Value: !Sub http://${PublicLoadBalancer.DNSName}
    Export:
      Name: !Sub ${EnvironmentName}:ExternalUrl
"""


def _cdk_alarm(colour: str, metric: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Dimensions": [
                {
                    "Name": "LoadBalancer",
                    "Value": {"Fn::Join": ["", [
                        {"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "ServiceLBPublicListener46709EAA"}]}]}, "/",
                        {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "ServiceLBPublicListener46709EAA"}]}]}, "/",
                        {"Fn::Select": [3, {"Fn::Split": ["/", {"Ref": "ServiceLBPublicListener46709EAA"}]}]},
                    ]]},
                },
                {"Name": "TargetGroup", "Value": {"Fn::GetAtt": [f"{colour}TG", "TargetGroupFullName"]}},
            ],
            "EvaluationPeriods": 2,
            "MetricName": metric,
            "Namespace": "AWS/ApplicationELB",
            "Period": 60,
            "Statistic": "Average",
            "Threshold": 1,
        },
    }  # fmt: skip


def _cdk_group() -> dict[str, Any]:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "Port": 80,
            "Protocol": "HTTP",
            "TargetGroupAttributes": [
                {"Key": "deregistration_delay.timeout_seconds", "Value": "10"},
                {"Key": "stickiness.enabled", "Value": "false"},
            ],
            "TargetType": "ip",
            "VpcId": {"Ref": "Vpc8378EB38"},
        },
    }


def _cdk_listener(port: int, group: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "DefaultActions": [{"TargetGroupArn": {"Ref": group}, "Type": "forward"}],
            "LoadBalancerArn": {"Ref": "ServiceLBE9A1ADBC"},
            "Port": port,
            "Protocol": "HTTP",
        },
    }


def cdk() -> dict[str, Any]:
    """As ApplicationLoadBalancedFargateService and EcsDeploymentGroup come out, with an alarm for each colour."""
    alarms = [f"{colour}{metric}" for colour in ("Blue", "Green") for metric in ("Unhealthy", "Errors")]
    names = {"Unhealthy": "UnHealthyHostCount", "Errors": "HTTPCode_Target_5XX_Count"}
    return {
        "Resources": {
            "Vpc8378EB38": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "EcsDefaultClusterMnL3mNNYNVpc7788A521": {"Type": "AWS::ECS::Cluster"},
            "ServiceLBE9A1ADBC": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {
                    "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "false"}],
                    "Scheme": "internet-facing",
                    "Subnets": [{"Fn::Select": [0, {"Fn::GetAZs": ""}]}],
                    "Type": "application",
                },
            },
            "ServiceLBPublicListener46709EAA": _cdk_listener(80, "BlueTG"),
            "TestListenerD4F1A2B3": _cdk_listener(9002, "GreenTG"),
            "BlueTG": _cdk_group(),
            "GreenTG": _cdk_group(),
            "TaskDef54694570": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "ContainerDefinitions": [
                        {
                            "Essential": True,
                            "Image": {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/cdk:0a1b2c3d"},
                            "Name": "web",
                            "PortMappings": [{"ContainerPort": 80, "Protocol": "tcp"}],
                        }
                    ],
                    "Cpu": "256",
                    "Family": "AppStackTaskDef1A2B3C4D",
                    "Memory": "512",
                    "NetworkMode": "awsvpc",
                },
            },
            "Service9571FDD8": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "Cluster": {"Ref": "EcsDefaultClusterMnL3mNNYNVpc7788A521"},
                    "DeploymentController": {"Type": "CODE_DEPLOY"},
                    "DesiredCount": 2,
                    "EnableECSManagedTags": False,
                    "HealthCheckGracePeriodSeconds": 60,
                    "LaunchType": "FARGATE",
                    "LoadBalancers": [
                        {"ContainerName": "web", "ContainerPort": 80, "TargetGroupArn": {"Ref": "BlueTG"}}
                    ],
                    "TaskDefinition": "AppStackTaskDef1A2B3C4D",
                },
                "DependsOn": [
                    "GreenTG", "ServiceLBPublicListener46709EAA", "TaskDef54694570", "TestListenerD4F1A2B3",
                ],
            },
            "ServiceTaskCountTarget23E25614": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "MaxCapacity": 4,
                    "MinCapacity": 2,
                    "ResourceId": {"Fn::Join": ["", [
                        "service/", {"Ref": "EcsDefaultClusterMnL3mNNYNVpc7788A521"}, "/",
                        {"Fn::GetAtt": ["Service9571FDD8", "Name"]},
                    ]]},
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "ServiceNamespace": "ecs",
                },
            },
            **{f"{colour}{alarm}": _cdk_alarm(colour, names[alarm]) for colour in ("Blue", "Green") for alarm in names},
            "CodeDeployApplication7F2A8E36": {
                "Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "ECS"},
            },
            "BlueGreenDG5E3F2A1B": {
                "Type": "AWS::CodeDeploy::DeploymentGroup",
                "Properties": {
                    "AlarmConfiguration": {"Alarms": [{"Name": {"Ref": each}} for each in alarms], "Enabled": True},
                    "ApplicationName": {"Ref": "CodeDeployApplication7F2A8E36"},
                    "AutoRollbackConfiguration": {
                        "Enabled": True,
                        "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
                    },
                    "BlueGreenDeploymentConfiguration": {
                        "DeploymentReadyOption": {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0},
                        "TerminateBlueInstancesOnDeploymentSuccess": {
                            "Action": "TERMINATE", "TerminationWaitTimeInMinutes": 10,
                        },
                    },
                    "DeploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
                    "DeploymentStyle": {"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "BLUE_GREEN"},
                    "ECSServices": [
                        {
                            "ClusterName": {"Ref": "EcsDefaultClusterMnL3mNNYNVpc7788A521"},
                            "ServiceName": {"Fn::GetAtt": ["Service9571FDD8", "Name"]},
                        }
                    ],
                    "LoadBalancerInfo": {
                        "TargetGroupPairInfoList": [
                            {
                                "ProdTrafficRoute": {"ListenerArns": [{"Ref": "ServiceLBPublicListener46709EAA"}]},
                                "TargetGroups": [
                                    {"Name": {"Fn::GetAtt": [f"{colour}TG", "TargetGroupName"]}}
                                    for colour in ("Blue", "Green")
                                ],
                                "TestTrafficRoute": {"ListenerArns": [{"Ref": "TestListenerD4F1A2B3"}]},
                            }
                        ]
                    },
                },
            },
            "CDKMetadata": {
                "Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:"}, "Condition": "CDKMetadataAvailable",
            },
        },
        "Conditions": {
            "CDKMetadataAvailable": {
                "Fn::Or": [
                    {"Fn::Equals": [{"Ref": "AWS::Region"}, "af-south-1"]},
                    {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
                ]
            }
        },
        "Outputs": {
            "ServiceURL250C0FB6": {"Value": {"Fn::Join": ["", ["http://", {"Fn::GetAtt": ["ServiceLBE9A1ADBC", "DNSName"]}]]}}
        },
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
                "Description": "Version of the CDK Bootstrap resources in this environment. [cdk:skip]",
            }
        },
        "Rules": {
            "CheckBootstrapVersion": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3"], {"Ref": "BootstrapVersion"}]}]},
                        "AssertDescription": "CDK bootstrap stack version 6 required.",
                    }
                ]
            }
        },
    }  # fmt: skip
