"""What the local CloudFormation is held to, and where AWS says so: `expected` marks a test with its sources.

`tests/test_conformance.py` refuses a test of the list without a source and writes docs/conformance.md from what is marked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

Area = Literal["intrinsics", "templates", "lifecycle", "nested stacks", "change sets", "protection", "errors"]
Test = TypeVar("Test", bound=Callable[..., Any])

_GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
_REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
_FUNCTION = f"{_REFERENCE}intrinsic-function-reference-"
_API = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/"

_OPERATIONS = [
    "ChangeSetSummary",
    "ContinueUpdateRollback",
    "CreateChangeSet",
    "CreateStack",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStackResource",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "GetTemplateSummary",
    "ListStackResources",
    "SetStackPolicy",
    "UpdateStack",
    "UpdateTerminationProtection",
    "ValidateTemplate",
]
_FUNCTIONS = ["Base64", "Cidr", "FindInMap", "GetAtt", "ImportValue", "Join", "Length", "Select", "Split", "Sub"]

SOURCES = {
    **{f"API {name}": f"{_API}API_{name}.html" for name in _OPERATIONS},
    "conditions": f"{_GUIDE}conditions-section-structure.html",
    "continue a rollback": f"{_GUIDE}using-cfn-updating-stacks-continueupdaterollback.html",
    "deletion policy": f"{_REFERENCE}aws-attribute-deletionpolicy.html",
    "DependsOn": f"{_REFERENCE}aws-attribute-dependson.html",
    "dynamic references": f"{_GUIDE}dynamic-references.html",
    "exports": f"{_GUIDE}using-cfn-stack-exports.html",
    "names of resources": f"{_REFERENCE}aws-properties-name.html",
    "nested change sets": f"{_GUIDE}change-sets-for-nested-stacks.html",
    "nested stacks": f"{_GUIDE}using-cfn-nested-stacks.html",
    "outputs": f"{_GUIDE}outputs-section-structure.html",
    "parameters": f"{_GUIDE}parameters-section-structure.html",
    "pseudo parameters": f"{_REFERENCE}pseudo-parameter-reference.html",
    "resource tags": f"{_REFERENCE}aws-properties-resource-tags.html",
    "stack policies": f"{_GUIDE}protect-stack-resources.html",
    "stack status codes": f"{_GUIDE}view-stack-events.html",
    "termination protection": f"{_GUIDE}using-cfn-protect-stacks.html",
    "troubleshooting": f"{_GUIDE}troubleshooting.html",
    "update behaviors": f"{_GUIDE}using-cfn-updating-stacks-update-behaviors.html",
    "events of a stack, LambStatus#6": "https://github.com/ks888/LambStatus/issues/6",
    "events of a nested stack, aws-scalable-big-blue-button-example#36": (
        "https://github.com/aws-samples/aws-scalable-big-blue-button-example/issues/36"
    ),
    "Ref": f"{_FUNCTION}ref.html",
    "Fn::GetAZs": f"{_FUNCTION}getavailabilityzones.html",
    "condition functions": f"{_FUNCTION}conditions.html",
    **{f"Fn::{name}": f"{_FUNCTION}{name.lower()}.html" for name in _FUNCTIONS},
}
"""Pages of AWS's documentation, and what stacks of public record show where that says nothing."""


def expected(area: Area, *sources: str) -> Callable[[Test], Test]:
    """A test of the conformance list: its area, and the sources of what it expects, by their names in `SOURCES`."""

    def marked(test: Test) -> Test:
        test.__dict__["conforms"] = (area, sources)
        return test

    return marked
