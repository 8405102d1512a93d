"""A first deployment that fails over what is protected: it cannot be taken back, and is deleted once that is free."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shells import REGION, fresh

from cfngen.local.target import Target

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's

CHILD = {
    "Resources": {
        "Database": {
            "Type": "AWS::RDS::DBInstance",
            "DeletionPolicy": "Delete",
            "Properties": {
                "Engine": "mysql",
                "DBInstanceClass": "db.t4g.micro",
                "AllocatedStorage": "20",
                "MasterUsername": "admin",
                "MasterUserPassword": "not-so-secret",
                "DeletionProtection": True,
            },
        }
    }
}
ROOT = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.yaml"}},
        "Bad": {"Type": "AWS::SQS::Queue", "DependsOn": ["Child", "Queue"], "Properties": {"QueueName": "not a name!"}},
    }
}


def test_what_is_protected_is_left_by_the_rollback_and_goes_with_the_stack() -> None:
    target: Target = fresh("http://localhost:1")
    region = target.region(REGION)
    api, call = region.front.api, region.services.call
    api.fetch = lambda _: json.dumps(CHILD)

    def status(name: str = "shop") -> str:
        return str(api.call("DescribeStacks", {"StackName": name})["Stacks"][0]["StackStatus"])

    def resources(name: str = "shop") -> dict[str, Any]:
        told = api.call("DescribeStackResources", {"StackName": name})["StackResources"]
        return {each["LogicalResourceId"]: each for each in told if each["ResourceStatus"] != "DELETE_COMPLETE"}

    api.call("CreateStack", {"StackName": "shop", "TemplateBody": json.dumps(ROOT)})
    assert status() == "ROLLBACK_FAILED"
    child = resources()["Child"]
    assert child["ResourceStatus"] == status(child["PhysicalResourceId"]) == "DELETE_FAILED"
    database = resources(child["PhysicalResourceId"])["Database"]
    assert database["ResourceStatus"] == "DELETE_FAILED"
    assert "Queue" not in resources()
    assert call("sqs", "ListQueues", {}).get("QueueUrls", []) == []

    with pytest.raises(Exception, match="can not continue rolling back"):
        api.call("ContinueUpdateRollback", {"StackName": "shop"})
    api.call("DeleteStack", {"StackName": "shop"})  # still protected
    assert status() == "DELETE_FAILED"
    free = {"DBInstanceIdentifier": database["PhysicalResourceId"], "DeletionProtection": False}
    call("rds", "ModifyDBInstance", {**free, "ApplyImmediately": True})
    api.call("DeleteStack", {"StackName": "shop"})
    assert api.register.find("shop") is None
    assert call("rds", "DescribeDBInstances", {})["DBInstances"] == []
    assert {each.status for each in api.register.records.values()} == {"DELETE_COMPLETE"}
