"""Nodes of one stage into the objects of the vocabulary; every problem with its line and column, none twice.

What the type of an option refuses is told here, in YAML's words; what the values have to be, the objects check themselves.
"""

from __future__ import annotations

from typing import Any

from cfngen.describe import Description
from cfngen.errors import Problem, collecting, did_you_mean, no_such_option, reading, writable
from cfngen.manifest.overlay import is_null
from cfngen.manifest.reader import Entry, Fields, Items, Node, Scalar, shown_node
from cfngen.manifest.scalars import meaning
from cfngen.manifest.shapes import (
    Choice,
    Deferred,
    Kinds,
    Many,
    Map,
    Named,
    Nullable,
    One,
    Plain,
    Shape,
    options,
    required,
)
from cfngen.manifest.words import attributes, mapping, words
from cfngen.values import PolicyArn, Value, Values
from cfngen.written import Spot, Written, join

_WRONG: Any = object()
_WHOLE_OR_NUMBER = {int: ("whole",), float: ("whole", "number"), bool: ("bool",)}


class Builder:
    """Builds the objects of one stage; `problems` holds all that is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def build(self, cls: type[Description], root: Fields, **given: Any) -> Any:
        """The object that the root mapping describes, with some options given besides."""
        with collecting() as self.problems:
            return self._object(cls, root, Spot("", root.line, root.column), "", given, {})

    def _object(
        self, cls: type[Description], node: Node, spot: Spot, layer: str, given: dict[str, Any], spots: dict[str, Spot]
    ) -> Any:
        known: dict[str, Shape] = options(cls)
        wrong: set[str] = set()
        for name, entry in _entries(node).items():
            above = entry.layer or layer
            here = Spot(join(_below(above, entry, spot), name), entry.value.line, entry.value.column)
            if name not in known or name in given:
                others = sorted(set(known) - set(given))
                at_key = here._replace(line=entry.key.line, column=entry.key.column)
                self._tell(at_key, "", no_such_option(name, others))
                continue
            spots[name] = here
            value = self._value(known[name], entry.value, here, above, spots, name)
            if value is _WRONG:
                wrong.add(name)
            else:
                given[name] = value
        token = reading.set((self.file, spot.line))
        try:
            return cls.read(given, wrong, Written(self.file, spot, spots))
        finally:
            reading.reset(token)

    def _value(  # noqa: PLR0911  (one line a kind of shape)
        self, shape: Shape, node: Node, spot: Spot, layer: str, spots: dict[str, Spot], notation: str
    ) -> Any:
        match shape:
            case Nullable(inner):
                wants = Plain(inner.kind, words(shape)) if isinstance(inner, Plain) else inner
                return None if is_null(node) else self._value(wants, node, spot, layer, spots, notation)
            case Plain():
                return self._plain(shape, node, spot)
            case Choice(values):
                return self._choice(values, node, spot)
            case Many(inner):
                return self._many(shape, inner, node, spot, layer, spots, notation)
            case Map():
                return self._map(shape, node, spot, layer, spots, notation)
            case Named(cls):
                return self._named(shape, cls, node, spot, layer)
            case One(cls):
                return self._object(cls, node, spot, layer, {}, {}) if self._is(Fields, shape, node, spot) else _WRONG
            case Kinds():
                return self._kind(shape, node, spot, layer)
            case Deferred():
                return self._deferred(shape, node, spot)

    def _plain(self, shape: Plain, node: Node, spot: Spot) -> Any:
        if not isinstance(node, Scalar):
            return self._refuse(node, shape, spot)
        if shape.kind is str:
            return self._text(shape, node, spot)
        kinds, found = _WHOLE_OR_NUMBER[shape.kind], meaning(node.text)
        fits = words(shape)
        if not node.is_plain:
            return self._refuse(node, shape, spot, f"{fits}, without quotes" if found.kind in kinds else "")
        if found.kind in kinds:
            return found.value
        if shape.kind is bool and found.value is not None and found.readings:
            fits = f"{fits}; write {str(found.value).lower()}"
        return self._refuse(node, shape, spot, f"{fits}; {found.readings}" if found.readings else "")

    def _text(self, shape: Plain, node: Scalar, spot: Spot) -> Any:
        found = meaning(node.text)
        if not node.is_plain or found.kind == "text":
            return node.text
        if found.kind == "null":
            return self._refuse(node, shape, spot, f"{words(shape)}; '' is none" if node.text else "")
        if found.kind == "bool" and shape.wanted:
            return self._refuse(node, shape, spot)
        why = found.readings or f"YAML reads {_misread(node.text)}"
        return self._refuse(node, shape, spot, f"{words(shape)}; write '{node.text}' in quotes: {why}")

    def _choice(self, values: tuple[Any, ...], node: Node, spot: Spot) -> Any:
        if isinstance(node, Scalar):
            found = meaning(node.text) if node.is_plain else None
            value = node.text if found is None or found.kind == "text" else found.value
            for each in values:
                if each == value and type(each) is type(value):
                    return each
            fits = words(Choice(values))
            near = did_you_mean(node.text, [each for each in values if isinstance(each, str)])
            return self._refuse(node, Choice(values), spot, f"{fits}; {near}" if near.startswith("did") else fits)
        return self._refuse(node, Choice(values), spot)

    def _many(
        self, shape: Shape, inner: Shape, node: Node, spot: Spot, layer: str, spots: dict[str, Spot], notation: str
    ) -> Any:
        if not self._is(Items, shape, node, spot):
            return _WRONG
        assert isinstance(node, Items)
        found = []
        for index, each in enumerate(node.nodes):
            here = Spot(f"{spot.path}[{index}]", each.line, each.column)
            spots[f"{notation}[{index}]"] = here
            found.append(self._value(inner, each, here, layer, spots, f"{notation}[{index}]"))
        return _WRONG if any(each is _WRONG for each in found) else tuple(found)

    def _map(self, shape: Map, node: Node, spot: Spot, layer: str, spots: dict[str, Spot], notation: str) -> Any:
        if not self._is(Fields, shape, node, spot):
            return _WRONG
        found = {}
        for name, entry in _entries(node).items():
            above = entry.layer or layer
            here = Spot(join(_below(above, entry, spot), f"[{name!r}]"), entry.value.line, entry.value.column)
            spots[f"{notation}[{name!r}]"] = here
            found[name] = _WRONG
            if shape.keys and name not in shape.keys:
                at_key = here._replace(line=entry.key.line, column=entry.key.column)
                self._tell(at_key, "", f"no such key; {did_you_mean(name, shape.keys)}")
            elif not self._is_nothing(entry, here):
                found[name] = self._value(shape.inner, entry.value, here, above, spots, f"{notation}[{name!r}]")
        return _WRONG if any(each is _WRONG for each in found.values()) else found

    def _named(self, shape: Shape, cls: type[Description], node: Node, spot: Spot, layer: str) -> Any:
        if not self._is(Fields, shape, node, spot):
            return _WRONG
        entries, found = _entries(node), []
        if entries and all(name in options(cls) and not isinstance(e.value, Fields) for name, e in entries.items()):
            return self._refuse(node, shape, spot)
        for name, entry in entries.items():
            above = entry.layer or layer
            here = Spot(join(_below(above, entry, spot), name), entry.key.line, entry.key.column)
            made = _WRONG
            if self._is_nothing(entry, here):
                pass
            elif isinstance(entry.value, Fields):
                made = self._object(cls, entry.value, here, above, {"name": name}, {"name": here})
            else:
                self._refuse(entry.value, shape, here, mapping(cls, "name"))
            found.append(made)
        return _WRONG if any(each is _WRONG for each in found) else tuple(found)

    def _kind(self, shape: Kinds, node: Node, spot: Spot, layer: str) -> Any:
        entries = _entries(node)
        if isinstance(node, Scalar) and not is_null(node):
            entries = {node.text: Entry(node, Fields(node.line, node.column))}
        bare = [name for name, cls in shape.by_name.items() if entries and set(entries) <= set(options(cls))]
        if bare:
            return self._refuse(node, shape, spot, f"{words(shape)}, as in {bare[0]}: {{{next(iter(entries))}: ...}}")
        if len(entries) != 1:
            return self._refuse(node, shape, spot)
        name, entry = next(iter(entries.items()))
        if name not in shape.by_name:
            near = did_you_mean(name, shape.by_name)
            return self._refuse(entry.key, shape, spot, f"{words(shape)}; {near}" if near.startswith("did") else "")
        above = entry.layer or layer
        here = Spot(join(_below(above, entry, spot), name), entry.key.line, entry.key.column)
        cls = shape.by_name[name]
        if not self._is(Fields, One(cls), entry.value, here):
            return _WRONG
        return self._object(cls, entry.value, here, above, {}, {})

    def _deferred(self, shape: Deferred, node: Node, spot: Spot) -> Any:
        if isinstance(node, Fields):
            return self._parameter(shape.cls, node, spot)
        if issubclass(shape.cls, Values) and isinstance(node, Items):
            items = [
                self._plain(Plain(str), each, Spot(f"{spot.path}[{i}]", each.line, each.column))
                for i, each in enumerate(node.nodes)
            ]
            return _WRONG if any(each is _WRONG or not each for each in items) else shape.cls(items)
        if not isinstance(node, Scalar):
            return self._refuse(node, shape, spot)
        text = self._plain(Plain(str), node, spot)
        if text is _WRONG or shape.is_plain:
            is_arn = shape.cls is PolicyArn and str(text).startswith("arn:")  # other text names a policy of AWS
            return PolicyArn(text) if is_arn else text
        if not (text or shape.cls.may_be_empty) or not writable(text):
            return self._refuse(node, shape, spot)
        return shape.cls(text)

    def _parameter(self, cls: type[Value], node: Fields, spot: Spot) -> Any:
        known, given, wrong = attributes(), {}, False
        for name, entry in node.entries.items():
            here = Spot(join(spot.path, name), entry.value.line, entry.value.column)
            if name != "parameter" and name not in known:
                self._tell(here, "", no_such_option(name, ["parameter", *known]))
                wrong = True
            else:
                value = self._attribute(entry.value, here, is_text=name == "parameter")
                wrong = wrong or value is _WRONG
                given[name] = value
        if "parameter" not in given and not wrong:
            self._tell(spot, "", f"{words(Deferred(cls, is_plain=False))}; parameter is missing")
            wrong = True
        if wrong:
            return _WRONG
        title = given.pop("parameter")
        token = reading.set((self.file, spot.line))
        try:
            with collecting() as found:
                value = cls.parameter(title, **{known[name]: each for name, each in given.items()})
        except (TypeError, ValueError) as error:
            self._tell(spot, "", f"a parameter as CloudFormation knows it: {' '.join(str(error).split())}")
            return _WRONG
        finally:
            reading.reset(token)
        for each in found:
            self._tell(Spot(join(spot.path, "parameter"), *spot[1:]), each.given, each.fits)
        return _WRONG if found else value

    def _attribute(self, node: Node, spot: Spot, *, is_text: bool = False) -> Any:
        if isinstance(node, Items) and not is_text:
            found = [self._attribute(each, spot) for each in node.nodes]
            return _WRONG if any(each is _WRONG for each in found) else found
        if (
            isinstance(node, Scalar)
            and node.is_plain
            and not is_text
            and meaning(node.text).kind in ("whole", "number", "bool")
        ):
            return meaning(node.text).value
        return self._plain(Plain(str), node, spot)

    def _is(self, kind: type[Node], shape: Shape, node: Node, spot: Spot) -> bool:
        if isinstance(node, kind):
            return True
        must = required(shape.cls) if isinstance(shape, One) else []
        if len(must) == 1 and isinstance(node, Scalar) and not is_null(node):
            self._refuse(node, shape, spot, f"{words(shape)}, as in {{{must[0]}: {shown_node(node)}}}")
        else:
            self._refuse(node, shape, spot)
        return False

    def _is_nothing(self, entry: Entry, spot: Spot) -> bool:
        """Whether nothing stands under a name, which takes away what the shared part has there, and has not."""
        if not is_null(entry.value):
            return False
        fits = (
            "there is nothing of this name to take out"
            if entry.layer
            else "a value, or {} where all its options are defaults"
        )
        self._tell(spot, "null", fits)
        return True

    def _refuse(self, node: Node, shape: Shape, spot: Spot, fits: str = "") -> Any:
        self._tell(spot._replace(line=node.line, column=node.column), shown_node(node), fits or words(shape))
        return _WRONG

    def _tell(self, spot: Spot, given: str, fits: str) -> None:
        self.problems.append(Problem(spot.path, given, fits, self.file, spot.line, spot.column))


def _entries(node: Node) -> dict[str, Entry]:
    return node.entries if isinstance(node, Fields) else {}


def _below(layer: str, entry: Entry, spot: Spot) -> str:
    """The path around an entry: that of the overlay, if it is the first step in there."""
    return join(layer, spot.path) if entry.layer and not spot.path.startswith(entry.layer) else spot.path


def _misread(text: str) -> str:
    found = meaning(text)
    what = {"bool": "true or false", "null": "nothing"}.get(found.kind, "a number")
    return f"{what}, {found.value}" if found.kind == "number" else what
