"""Commands about change sets, which several findings tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfngen.operate.finding import command
from cfngen.operate.state import ChangeSet, State


def deleted(change_set: ChangeSet) -> str:
    """Delete a change set, with those of nested stacks when it is the root's (K2.1)."""
    return command("aws", "cloudformation", "delete-change-set", "--change-set-name", change_set.id)


def made_again(state: State, change_set: ChangeSet, values: Mapping[str, str] | None = None) -> str:
    """Make the change set anew, with nested ones, with the parameters that it had and other `values` for some."""
    parameters = list(_parameters(state, change_set, values or {}))
    return command(
        "aws", "cloudformation", "create-change-set", "--stack-name", state.root.name, "--change-set-name", "preflight",
        "--template-body", "file://PACKAGED_TEMPLATE", "--include-nested-stacks", "--capabilities", "CAPABILITY_IAM",
        *(["--parameters", *parameters] if parameters else []),
    )  # fmt: skip


def _parameters(state: State, change_set: ChangeSet, values: Mapping[str, str]) -> Iterator[str]:
    kept = state.root.parameters
    for name in sorted({*kept, *change_set.parameters, *values}):
        value = values.get(name, change_set.parameters.get(name))
        if value is None or value == kept.get(name):
            yield f"ParameterKey={name},UsePreviousValue=true"
        else:
            yield f"ParameterKey={name},ParameterValue={_quoted(value)}"


def _quoted(value: str) -> str:
    """A value in the AWS command line's shorthand, where a comma ends it."""
    if not set(value) & set("\"', =[]{}\\"):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
