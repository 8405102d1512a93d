"""Cloud9. moto has none; a stand-in keeps the records."""

from __future__ import annotations

from cfngen.local.types.entry import Call, Name, Read, Type, arn, physical, tags, update

TYPES = {
    "AWS::Cloud9::EnvironmentEC2": Type(
        "cloud9",
        Call("CreateEnvironmentEC2", names={"ImageId": "imageId"}),
        "environmentId",
        Name("Name", 60),
        parts=(
            update(
                "UpdateEnvironment",
                "Name",
                "Description",
                given={"environmentId": physical},
                absent={"Description": ""},
            ),
            tags("TagResource", "UntagResource", "ResourceARN", arn("cloud9", "environment:{}")),
        ),
        delete=Call("DeleteEnvironment", given={"environmentId": physical}),
        reads=(
            Read("DescribeEnvironments", {"environmentIds": [physical]}, "environments[0]"),
            Read("ListTagsForResource", {"ResourceARN": arn("cloud9", "environment:{}")}, "Tags"),
        ),
        attributes={"Arn": "arn", "Name": "name"},
        unseen=dict.fromkeys(
            ("InstanceType", "ImageId", "SubnetId", "AutomaticStopTimeMinutes"),
            "is the EC2 instance's, which AWS tells by EC2 alone, and which does not exist here",
        ),
    ),
}
