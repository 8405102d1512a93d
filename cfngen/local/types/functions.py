"""Lambda: what stands around a function: its versions, aliases and URLs. Functions themselves are in `compute`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.types.entry import Call, Context, Read, Type, property_, update


def _weights(routing: Any) -> Any:
    """A list of versions with their weights, as a map."""
    weights = routing.get("AdditionalVersionWeights", [])
    return {"AdditionalVersionWeights": {each["FunctionVersion"]: each["FunctionWeight"] for each in weights}}


def _of_version(context: Context) -> str:
    return context.physical.rpartition(":")[0]


def _qualifier(context: Context) -> str:
    return context.physical.rpartition(":")[2]


_VERSION: Mapping[str, Any] = {"FunctionName": _of_version, "Qualifier": _qualifier}
_ALIAS: Mapping[str, Any] = {"FunctionName": property_("FunctionName"), "Name": property_("Name")}
_URL: Mapping[str, Any] = {"FunctionName": property_("TargetFunctionArn"), "Qualifier": property_("Qualifier")}

TYPES: Mapping[str, Type] = {
    "AWS::Lambda::Version": Type(
        "lambda",
        Call("PublishVersion"),
        "FunctionArn",
        delete=Call("DeleteFunction", given=_VERSION),
        reads=(Read("GetFunction", _VERSION, "Configuration"),),
        attributes={"FunctionArn": "FunctionArn", "Version": "Version"},
    ),
    "AWS::Lambda::Alias": Type(
        "lambda",
        Call("CreateAlias", values={"RoutingConfig": _weights}),
        "AliasArn",
        parts=(
            update(
                "UpdateAlias",
                *("FunctionVersion", "Description", "RoutingConfig"),
                given=_ALIAS,
                values={"RoutingConfig": _weights},
                absent={"Description": "", "RoutingConfig": {"AdditionalVersionWeights": {}}},
            ),
        ),
        delete=Call("DeleteAlias", given=_ALIAS),
        reads=(Read("GetAlias", _ALIAS),),
        attributes={"AliasArn": "AliasArn"},
        unseen={"FunctionName": "is told by the alias's ARN"},
    ),
    "AWS::Lambda::Url": Type(
        "lambda",
        Call("CreateFunctionUrlConfig", names={"TargetFunctionArn": "FunctionName"}),
        "FunctionArn",
        parts=(
            update(
                "UpdateFunctionUrlConfig",
                *("AuthType", "Cors", "InvokeMode"),
                given=_URL,
                absent={"Cors": {}, "InvokeMode": "BUFFERED"},
            ),
        ),
        delete=Call("DeleteFunctionUrlConfig", given=_URL),
        reads=(Read("GetFunctionUrlConfig", _URL),),
        attributes={"FunctionArn": "FunctionArn", "FunctionUrl": "FunctionUrl"},
    ),
}
