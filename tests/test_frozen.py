"""Frozen classes are to all who ask what `dataclasses.dataclass` makes, only sooner there."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from kinds import kinds

import cfngen
from cfngen import App, Scaling, Service, Worker
from cfngen._frozen import dataclass


@dataclass(frozen=True)
class Ours:
    name: str
    number: int = dataclasses.field(default=1, compare=False)
    hidden: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class Theirs:
    name: str
    number: int = dataclasses.field(default=1, compare=False)
    hidden: str = dataclasses.field(default="", repr=False)


QUESTIONS: tuple[Callable[[Any], object], ...] = (
    lambda kind: repr(kind("a", 2, "b")).partition("(")[2],
    lambda kind: hash(kind("a", 2, "b")),
    lambda kind: [kind("a", 2) == other for other in (kind("a", 3), kind("b", 2), kind("a", 2, "x"), "a")],
    lambda kind: dataclasses.asdict(dataclasses.replace(kind("a"), hidden="c")),
    lambda kind: [copy.deepcopy(kind("a")) == kind("a"), pickle.loads(pickle.dumps(kind("a"))) == kind("a")],  # noqa: S301
    lambda kind: [(each.name, each.default) for each in dataclasses.fields(kind)],
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_answers_as_the_standard_one(question: Callable[[Any], object]) -> None:
    assert question(Ours) == question(Theirs)


@pytest.mark.parametrize("made", [Ours("a"), Theirs("a"), Scaling(), Service(name="a"), Worker(name="a")])
def test_nothing_of_it_changes(made: Any) -> None:
    name = dataclasses.fields(made)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(made, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(made, name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.other = 1


@pytest.mark.parametrize("base", [Ours, Scaling])
def test_standard_ones_inherit_from_it(base: Any) -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(base):  # type: ignore[misc]
        more: str = "more"

    given = {"name": "a"} if base is Ours else {}
    assert Mine(**given, more="b") == Mine(**given, more="b") != Mine(**given)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mine(**given).more = "c"


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_descriptions_share_their_methods(kind: type[Any]) -> None:
    """Each that is compiled for a class of its own costs everybody a third of a millisecond."""
    for name in ("__init__", "__eq__", "__hash__", "__repr__"):
        assert getattr(kind, name) is getattr(App, name), name


def test_whatever_is_public_shares_how_it_is_compared_and_shown() -> None:
    public = {name: getattr(cfngen, name) for name in cfngen.__all__}
    classes = {name: each for name, each in public.items() if isinstance(each, type) and dataclasses.is_dataclass(each)}
    own = [
        (name, method)
        for name, each in classes.items()
        for method in ("__eq__", "__hash__", "__repr__")
        if getattr(each, method) is not getattr(App, method)
    ]
    assert (own, len(classes) > 40) == ([], True)
