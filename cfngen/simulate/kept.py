"""A colour that is kept in SSM and read by templates: which parameters are one, and what they say after a release.

Nobody tells the simulator which of the values are colours. It tries: a value such as ``blue`` or ``100`` is one when its
opposite moves weights in the rules and does nothing else to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cfngen.simulate.world import World

_OPPOSITES = {"blue": "green", "Blue": "Green", "BLUE": "GREEN", "0": "100"}
_OTHER = {**_OPPOSITES, **{other: one for one, other in _OPPOSITES.items()}}

Weights = Mapping[str, Mapping[str, int]]
"""What each rule and each default action gives to which group."""


def weights(world: World) -> Weights:
    """All weights of a world."""
    return {arn: dict(action.weights) for listener in world.listeners for arn, action in world.forwards(listener)}


def after_a_release(ssm: Mapping[str, str], play: Callable[[Mapping[str, str]], Weights | None]) -> dict[str, str]:
    """What the parameters that are colours say when the other colour serves; `play` gives the weights that templates
    have with other values in SSM, or None where they cannot be deployed with them.
    """
    turned = {name: _OTHER[value] for name, value in ssm.items() if value in _OTHER}
    before = play(ssm) if turned else None
    if before is None:
        return {}

    def is_colour(name: str) -> bool:
        after = play({**ssm, name: turned[name]})
        return after is not None and after.keys() == before.keys() and after != before

    return {name: other for name, other in turned.items() if is_colour(name)}
