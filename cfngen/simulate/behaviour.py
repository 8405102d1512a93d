"""Rules of AWS's behaviour, each with where it is known from and how sure that is; and the readings of what is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

Sure = Literal["documented", "observed", "believed"]
"""How sure a rule is: AWS says so, people have seen it, or nobody contradicts it (domain facts, D O B)."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Behaviour:
    """One rule that the simulator plays. `source` is a fact's id or a page of AWS."""

    name: str
    source: str
    sure: Sure
    sentence: str


BEHAVIOURS: dict[str, Behaviour] = {}
"""Every rule, by the name of the function that plays it."""


def behaviour(source: str, sure: Sure) -> Callable[[F], F]:
    """Mark a function as one rule of behaviour; its docstring's first line says the rule."""

    def mark(function: F) -> F:
        sentence = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        BEHAVIOURS[function.__name__] = Behaviour(function.__name__, source, sure, sentence)
        return function

    return mark


@dataclass(frozen=True)
class Readings:
    """How AWS behaves where it does not say. The first value of each is what is believed; both are played.

    `idle_group`: whether a shift leaves the old group in the rule with weight 0, or takes it out (A6.4).
    `test_after`: where the test listener points after a deployment, to the new group or to none of the change (A6.8).
    `test_must_match`: whether a deployment wants the primary's group behind the test listener too (Q2), but for the first,
    which is known to work without (A6.7).
    `rules_are_found`: whether CodeDeploy looks for a pair's rules at each step, or once when it starts (Q1).
    `pair_order`: whether the first group of a pair has to be the primary's when nothing was released yet.
    `service_update`: whether ECS takes an update of a service that leaves its task definition as declared, although
    another one is live (A3.3, Q3).
    `dynamic_again`: whether dynamic references are resolved at every update, or only where the text changed.
    `moved_rules`: whether a shift writes every rule of a service, or one and no more (Q1). The second is played apart: no
    service that needs two rules survives it.
    `backwards`: the order in which CloudFormation takes what does not depend on each other.
    """

    idle_group: Literal["weight 0", "taken out"] = "weight 0"
    test_after: Literal["new", "old"] = "new"
    test_must_match: bool = False
    rules_are_found: Literal["at each step", "at the start"] = "at each step"
    pair_order: Literal["free", "primary first"] = "free"
    service_update: Literal["refused", "taken"] = "refused"
    dynamic_again: bool = False
    moved_rules: Literal["every one", "one"] = "every one"
    backwards: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in _deviations(self)) or "as believed"


def every_reading() -> list[Readings]:
    """All combinations that can be true together, the believed one first."""
    found = [Readings()]
    for each in one_at_a_time()[1:]:
        (name,) = _deviations(each)
        found += [replace(other, **{name: getattr(each, name)}) for other in found]
    return [each for each in found if _is_sound(each)]


def _deviations(readings: Readings) -> list[str]:
    plain = Readings()
    return [each.name for each in fields(readings) if getattr(readings, each.name) != getattr(plain, each.name)]


def one_at_a_time() -> list[Readings]:
    """The believed reading, and each deviation from it alone."""
    return [
        Readings(),
        Readings(idle_group="taken out"),
        Readings(test_after="old"),
        Readings(test_must_match=True),
        Readings(rules_are_found="at the start"),
        Readings(pair_order="primary first"),
        Readings(service_update="taken"),
        Readings(dynamic_again=True),
        Readings(backwards=True),
    ]


def _is_sound(readings: Readings) -> bool:
    # If the test listener stayed on the old group and had to show the primary's, no second deployment could ever start.
    return not (readings.test_must_match and readings.test_after == "old")
