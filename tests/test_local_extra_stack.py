"""A stack that a user writes beside the application: functions, queues, topics, buckets and rules that feed each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deployed_types import unseen
from shells import REGION, fresh
from test_local_everything import resources

from cfngen.local.target import Target

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's

EXTRA = """
Parameters:
  Memory: {Type: Number, Default: 128}
  Version: {Type: String, Default: First}
Conditions:
  Second: !Equals [!Ref Version, Second]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      MemorySize: !Ref Memory
      Code: {ZipFile: "def handler(event, context): return {}"}
  First: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Function, Description: first}}
  SecondVersion:
    Type: AWS::Lambda::Version
    Condition: Second
    DependsOn: First
    Properties: {FunctionName: !Ref Function, Description: second}
  Live:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref Function
      Name: live
      FunctionVersion: !GetAtt First.Version
      RoutingConfig: !If
        - Second
        - AdditionalVersionWeights: [{FunctionVersion: !GetAtt SecondVersion.Version, FunctionWeight: 0.25}]
        - !Ref AWS::NoValue
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !GetAtt Function.Arn, AuthType: AWS_IAM}}
  Orders:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}}
  Dead: {Type: AWS::SQS::Queue}
  FromQueue:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Live, EventSourceArn: !GetAtt Orders.Arn, BatchSize: 5}
  News: {Type: AWS::SNS::Topic}
  ToQueue:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Orders.Arn, RawMessageDelivery: true}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Orders]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: sns.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Orders.Arn
            Condition: {ArnEquals: {"aws:SourceArn": !Ref News}}
  Nightly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Targets: [{Id: function, Arn: !GetAtt Function.Arn}]
  FromRule:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt Nightly.Arn
  FromBucket:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: lambda:InvokeFunction
      Principal: s3.amazonaws.com
      SourceAccount: !Ref AWS::AccountId
      SourceArn: !Sub "arn:${AWS::Partition}:s3:::extra-uploads-${AWS::AccountId}"
  Uploads:
    Type: AWS::S3::Bucket
    DependsOn: FromBucket
    Properties:
      BucketName: !Sub "extra-uploads-${AWS::AccountId}"
      NotificationConfiguration:
        LambdaConfigurations: [{Event: "s3:ObjectCreated:*", Function: !GetAtt Function.Arn}]
  TlsOnly:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Uploads
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Deny, Principal: "*", Action: "s3:*", Resource: !Sub "${Uploads.Arn}/*",
             Condition: {Bool: {"aws:SecureTransport": "false"}}}
Outputs:
  Address: {Value: !GetAtt Url.FunctionUrl}
  Version: {Value: !GetAtt First.Version}
"""


class Account:
    """CloudFormation of a fresh target, and its services."""

    def __init__(self) -> None:
        target: Target = fresh("http://localhost:1")
        region = target.region(REGION)
        self.api, self.call = region.front.api, region.services.call
        self.provider: Any = self.api.provider

    def deploy(self, operation: str, **parameters: str) -> dict[str, Any]:
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        asked = {"StackName": "extra", "TemplateBody": EXTRA, "Capabilities": ["CAPABILITY_IAM"], "Parameters": given}
        self.api.call(operation, asked)
        [stack] = self.api.call("DescribeStacks", {"StackName": "extra"})["Stacks"]
        return stack  # type: ignore[no-any-return]

    def alias(self, name: str) -> dict[str, Any]:
        return self.call("lambda", "GetAlias", {"FunctionName": name, "Name": "live"})  # type: ignore[no-any-return]


def test_functions_queues_topics_buckets_and_rules_feed_each_other() -> None:
    account = Account()
    made = account.deploy("CreateStack")
    assert made["StackStatus"] == "CREATE_COMPLETE", made["StackStatusReason"]
    state = account.api.register.find("extra").state  # type: ignore[union-attr]
    assert state
    assert [line for each in resources(state) for line in unseen(account.provider, each)] == []
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
    assert outputs["Version"] == "1"
    assert outputs["Address"].startswith("https://")
    ids = {name: each.physical for name, each in state.resources.items()}
    assert account.alias(ids["Function"])["FunctionVersion"] == "1"
    bucket = account.call("s3", "GetBucketNotificationConfiguration", {"Bucket": ids["Uploads"]})
    assert bucket["LambdaFunctionConfigurations"][0]["Events"] == ["s3:ObjectCreated:*"]
    allowed = json.loads(account.call("lambda", "GetPolicy", {"FunctionName": ids["Function"]})["Policy"])
    assert {each["Principal"]["Service"] for each in allowed["Statement"]} == {
        "events.amazonaws.com",
        "s3.amazonaws.com",
    }

    changed = account.deploy("UpdateStack", Version="Second", Memory="256")
    assert changed["StackStatus"] == "UPDATE_COMPLETE", changed["StackStatusReason"]
    assert account.alias(ids["Function"])["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    back = account.deploy("UpdateStack", Version="First", Memory="256")
    assert back["StackStatus"] == "UPDATE_COMPLETE", back["StackStatusReason"]
    versions = account.call("lambda", "ListVersionsByFunction", {"FunctionName": ids["Function"]})["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]

    account.api.call("DeleteStack", {"StackName": "extra"})
    assert account.call("lambda", "ListFunctions", {})["Functions"] == []
    assert account.call("sqs", "ListQueues", {}).get("QueueUrls", []) == []
    assert account.call("s3", "ListBuckets", {})["Buckets"] == []
    assert account.call("events", "ListRules", {})["Rules"] == []
