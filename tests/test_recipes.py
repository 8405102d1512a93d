"""docs/recipes.md: what each program makes agrees with itself, and the stacks of one's own in it are clean in cfn-lint."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from breaking import LINT, ROOT, data_of, found
from troposphere import GetAtt, sqs

from cfngen import NetworkOutputs, Stack, Text, VpcId, WiringError, outputs_of
from cfngen.checks import CHECKS

OWN = {
    "cache": ("cache.yaml", "cache-access.yaml"),
    "files": ("files.yaml", "files-access.yaml"),
    "replica": ("replica.yaml",),
}
OURS = [each for each in CHECKS if each not in LINT]


@cache
def made(recipe: str) -> Mapping[str, str]:
    """What a recipe's program would write."""
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(programs) == len(OWN)
    module = ModuleType(f"recipe_of_{recipe}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "services"))
        patch.setitem(sys.modules, module.__name__, module)  # where dataclasses look for types
        exec(programs[list(OWN).index(recipe)], module.__dict__)  # noqa: S102  (our own page)
    files: Mapping[str, str] = module.__dict__["files"]
    return files


@pytest.mark.parametrize("recipe", OWN)
def test_a_recipe_agrees_with_the_application(recipe: str, tmp_path: Path) -> None:
    files = made(recipe)
    assert set(OWN[recipe]) <= files.keys()
    assert {each.check for each in found(tmp_path, dict(files), OURS)} <= {"C402"}


def test_the_stacks_of_recipes_are_clean(tmp_path: Path) -> None:
    own = {name: made(recipe)[name] for recipe, names in OWN.items() for name in names}
    assert [str(each) for each in found(tmp_path, own, LINT)] == []


@pytest.mark.parametrize(("recipe", "port"), [("cache", 6379), ("files", 2049)])
def test_a_way_in_has_a_way_out(recipe: str, port: int) -> None:
    file = f"{recipe}-access.yaml"
    ways = data_of(made(recipe)[file], file)["Resources"]
    assert {each["Type"] for each in ways.values()} == {
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SecurityGroupEgress",
    }
    assert {each["Properties"]["FromPort"] for each in ways.values()} == {port}


# Outputs before the stack is there


@dataclass(frozen=True)
class Made:
    address: Text
    vpc: VpcId | None = None
    port: int | Text = 80
    names: tuple[Text, ...] = ()


def made_stack(stack: Stack) -> Made:
    queue = stack.add(sqs.Queue("Queue"))
    return Made(Text("literal"), port=Text(GetAtt(queue, "QueueName")))


def test_outputs_are_known_before_the_stack() -> None:
    root = Stack("shop")
    early = outputs_of(Made, "made")
    root.output("Early", early.port)  # type: ignore[arg-type]
    late = root.nest("made", made_stack)
    root.output("Late", late.port)  # type: ignore[arg-type]
    outputs = root.to_dict()["Outputs"]
    assert outputs["Early"] == outputs["Late"]
    assert early.names == ()


def test_an_output_that_no_stack_returns_is_told() -> None:
    root = Stack("shop")
    root.output("Vpc", outputs_of(Made, "made").vpc)  # type: ignore[arg-type]
    root.nest("made", made_stack)
    with pytest.raises(WiringError, match=r"Vpc uses the output 'Vpc' of the stack 'made', which returns none"):
        root.to_dict()
    alone = Stack("shop")
    alone.output("Vpc", outputs_of(NetworkOutputs, "network").vpc)
    with pytest.raises(WiringError, match="uses 'Network', which is neither a resource nor a parameter"):
        alone.to_dict()


def test_what_has_no_values_has_no_outputs() -> None:
    @dataclass
    class Named:
        name: str

    for kind, says in ((Named, "name is no value, and has no default"), (str, "a dataclass of values")):
        with pytest.raises(WiringError, match=says):
            outputs_of(kind, "made")
