"""ECR."""

from __future__ import annotations

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, arn, physical, tags, update


def _delete(context: Context) -> None:
    """A repository with images in it stays, unless the template says that they may go with it."""
    may_empty = str(context.properties.get("EmptyOnDelete", False)).lower() == "true"
    context.call("ecr", "DeleteRepository", repositoryName=context.physical, force=may_empty)


_KEY = {"repositoryName": physical}

TYPES = {
    "AWS::ECR::Repository": Type(
        "ecr",
        Call("CreateRepository"),
        "repository.repositoryName",
        Name("RepositoryName", 256, is_lower=True),
        parts=(
            update(
                "PutImageTagMutability",
                "ImageTagMutability",
                "ImageTagMutabilityExclusionFilters",
                given=_KEY,
                absent={"ImageTagMutability": "MUTABLE", "ImageTagMutabilityExclusionFilters": []},
            ),
            update(
                "PutImageScanningConfiguration",
                "ImageScanningConfiguration",
                given=_KEY,
                absent={"ImageScanningConfiguration": {"scanOnPush": False}},
            ),
            Part(
                Call(
                    "PutLifecyclePolicy",
                    ("LifecyclePolicy",),
                    {"LifecyclePolicy": "lifecyclePolicyText"},
                    {"LifecyclePolicy": lambda value: value["LifecyclePolicyText"]},
                    _KEY,
                ),
                unset=Call("DeleteLifecyclePolicy", given=_KEY),
            ),
            Part(
                Call(
                    "SetRepositoryPolicy", ("RepositoryPolicyText",), {"RepositoryPolicyText": "policyText"}, given=_KEY
                ),
                unset=Call("DeleteRepositoryPolicy", given=_KEY),
            ),
            tags("TagResource", "UntagResource", "resourceArn", arn("ecr", "repository/{}")),
        ),
        delete=_delete,
        reads=(
            Read("DescribeRepositories", {"repositoryNames": [physical]}, "repositories[0]"),
            Read("GetLifecyclePolicy", _KEY),
            Read("GetRepositoryPolicy", _KEY, "{RepositoryPolicyText: policyText}"),
            Read("ListTagsForResource", {"resourceArn": arn("ecr", "repository/{}")}, "tags"),
        ),
        attributes={"Arn": "repositoryArn", "RepositoryUri": "repositoryUri"},
        dropped={"EmptyOnDelete": "is sent when the repository is deleted"},
    ),
}
