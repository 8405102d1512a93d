"""What is wrong in a YAML description is told in YAML's words, whichever option it is: nothing here names one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinds import PYTHON, kinds
from refusals import REQUIRED

from cfngen import App, DescriptionError
from cfngen.describe import Description
from cfngen.load import load
from cfngen.manifest.schema import schema
from cfngen.manifest.shapes import Deferred, Kinds, Many, Map, Named, Nullable, One, Plain, Shape, options
from cfngen.manifest.write import dump, tree

Steps = tuple[str | int, ...]
WRONG: dict[str, Any] = {"a list": [["wrong"]], "a mapping": {"wrong": {"wrong": [1]}}}


def places(
    cls: type[Description] = App, above: Steps = (), seen: tuple[type, ...] = ()
) -> Iterator[tuple[type[Description], Steps]]:
    """Each class of a description, and the keys that lead to one of it."""
    yield cls, above
    for name, shape in options(cls).items():
        for each, steps in leads(shape):
            if each not in seen:
                yield from places(each, (*above, name, *steps), (*seen, cls))


def leads(shape: Shape) -> Iterator[tuple[type[Description], Steps]]:
    """The classes of a shape, with the keys below its option."""
    match shape:
        case Nullable(inner):
            yield from leads(inner)
        case One(cls):
            yield cls, ()
        case Named(cls):
            yield cls, ("a",)
        case Kinds(classes):
            yield from ((cls, (cls.__name__,)) for cls in classes)
        case Many(inner):
            yield from ((cls, (0, *steps)) for cls, steps in leads(inner))
        case Map(inner, keys):
            yield from ((cls, (keys[0] if keys else "A", *steps)) for cls, steps in leads(inner))


PLACES = dict(reversed([*places()]))
SPELT = {str(step) for steps in PLACES.values() for step in steps}
CLASSES = re.compile(rf"\b({'|'.join(sorted({cls.__name__ for cls in kinds()} - SPELT))})\b")


def scalar(shape: Shape) -> Any:
    """A word that is none of those that would fit."""
    inner = shape.inner if isinstance(shape, Nullable) else shape
    return 5 if isinstance(inner, Deferred) or (isinstance(inner, Plain) and inner.kind is str) else "wrong"


def written(cls: type[Description], wrong: dict[str, Any]) -> str:
    """A description whose object of that class has these options, and what has to stand around it."""
    below: Any = wrong
    steps = PLACES[cls]
    for index in range(len(steps), 0, -1):
        step = steps[index - 1]
        holder = next((each for each, there in PLACES.items() if there == steps[: index - 1]), None)
        least = tree(holder(**REQUIRED.get(holder, {})), "name") if holder and holder is not App else {}
        below = [below] if isinstance(step, int) else {**least, step: below}
    return dump({"name": "shop", "services": {"web": {}}, **below})


def test_each_class_of_the_schema_has_a_place() -> None:
    assert {name for name in schema()["$defs"] if "." not in name} == {cls.__name__ for cls in PLACES}


@pytest.mark.parametrize("kind", ["a scalar", *WRONG])
@pytest.mark.parametrize("cls", [*filter(options, PLACES)], ids=lambda cls: cls.__name__)
def test_a_wrong_value_of_each_option_is_told_in_words_of_yaml(
    cls: type[Description], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All options of a class are wrong at once, and each is told: place, option, what was given, what would fit."""
    monkeypatch.chdir(tmp_path)
    known = {name: shape for name, shape in options(cls).items() if not (name == "name" and cls is not App)}
    wrong = {name: WRONG.get(kind, scalar(shape)) for name, shape in known.items()}
    file = Path("cfngen.yaml")
    file.write_text(written(cls, wrong), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    with pytest.raises(DescriptionError) as caught:
        load(file)
    steps = [str(step) for step in PLACES[cls]]
    untold = set(known)
    for problem in caught.value.problems:
        text = str(problem)
        assert re.match(r"cfngen\.yaml:\d+:\d+: ", text)
        assert 0 < problem.column <= len(lines[problem.line - 1]) + 1
        assert not PYTHON.search(text), text
        assert not CLASSES.search(text), text
        assert problem.fits
        below = [part for part in re.split(r"[.\[\]]+", problem.option) if part][len(steps) :]
        if below and below[0] in known:
            told = problem.given or " ".join(below[1:])
            shows = {"a scalar": str(wrong[below[0]]), "a list": "a list"}.get(kind, "")
            if (told and shows in told) or "wrong" in text:
                untold.discard(below[0])
    assert untold == set()
