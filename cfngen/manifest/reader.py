"""YAML text to nodes that know their places, within bounds, without anything that YAML could run or make.

Only what the vocabulary needs is read: mappings, lists, scalars, anchors, aliases and merge keys. Tags are refused,
so no object of any kind is made; keys that stand twice are refused, since readers drop one of them in silence; size,
depth and what aliases add up to are bounded, so that a small file cannot fill the memory ("billion laughs").
The parser is PyYAML's; the tree is built from its events, without recursion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.errors import DescriptionError, Problem, shown
from cfngen.manifest.scalars import meaning
from cfngen.written import join

MOST_BYTES = 4 * 2**20
MOST_NODES = 500_000
"""Aliases counted as often as they are used: ten times what a thousand services in three stages need."""
MOST_DEPTH = 32


@dataclass
class Node:
    """Something in the file; `line` and `column` count from 1."""

    line: int
    column: int
    size: int = 1


@dataclass
class Scalar(Node):
    """A text, and whether it stands there without quotes."""

    text: str = ""
    is_plain: bool = True


@dataclass
class Items(Node):
    """A list."""

    nodes: list[Node] = field(default_factory=list)


@dataclass
class Entry:
    """A key of a mapping with its value; `layer` is the path of the overlay that it comes from, such as ``stages.prod``."""

    key: Scalar
    value: Node
    layer: str = ""


@dataclass
class Fields(Node):
    """A mapping."""

    entries: dict[str, Entry] = field(default_factory=dict)


class Reader:
    """Reads one file; `problems` holds what is wrong with it, as far as reading could go on."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def read(self, path: Path) -> Fields:
        """The mapping that a file holds; raises `DescriptionError` where there is none."""
        try:
            data = path.read_bytes()
            text = data.decode("utf-8-sig")
        except OSError as error:
            self._stop("", f"{error.strerror}")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._stop(shown(data[error.start : error.start + 1]), "text in UTF-8", line)
        if len(data) > MOST_BYTES:
            self._stop(f"{len(data)} bytes", f"at most {MOST_BYTES}")
        root = self._tree(text)
        if isinstance(root, Fields):
            return root
        self._stop("", "a mapping, beginning with a line such as name: shop", 1)
        raise AssertionError  # it stopped above

    def _tree(self, text: str) -> Node | None:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        builder = _Builder(self)
        try:
            for event in yaml.parse(text, Loader=loader):
                builder.take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = " ".join(filter(None, (error.problem, error.context and f"({error.context})")))
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            since = error.context_mark.line + 1 if error.context_mark else 0
            self._stop(_found(text, line), _kinder(said, text, line, since), line, column)
        except yaml.YAMLError as error:
            said = " ".join(str(error).split())
            self._stop("", f"no YAML: {said}")
        return builder.root

    def tell(self, path: str, given: str, fits: str, node: Node) -> None:
        """Note a problem and go on."""
        self.problems.append(Problem(path, given, fits, self.file, node.line, node.column))

    def _stop(self, given: str, fits: str, line: int = 0, column: int = 0) -> None:
        raise DescriptionError([*self.problems, Problem("YAML", given, fits, self.file, line, column)])

    def stop_at(self, given: str, fits: str, mark: Any) -> None:
        """Give up at a place."""
        self._stop(given, fits, mark.line + 1, mark.column + 1)


@dataclass
class _Open:
    node: Items | Fields
    path: str
    anchor: str | None
    key: Scalar | None = None
    merges: list[tuple[Scalar, Node]] = field(default_factory=list)


class _Builder:
    """Builds the tree from a parser's events."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0

    def take(self, event: Any) -> None:
        """One event of the parser."""
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    self.reader.stop_at(
                        "'---'", "one document in the file; stages stand under the key stages", event.start_mark
                    )
            case "ScalarEvent":
                self._refuse_tag(event)
                node = Scalar(*_place(event), text=event.value, is_plain=event.style is None or event.style == "")
                self._add(node, event, event.anchor)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._begin(event)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._end(event)
            case "AliasEvent":
                self._alias(event)

    def _begin(self, event: Any) -> None:
        self._refuse_tag(event)
        if len(self._open) >= MOST_DEPTH:
            self.reader.stop_at("", f"at most {MOST_DEPTH} levels, one in the other", event.start_mark)
        kind = Fields if type(event).__name__ == "MappingStartEvent" else Items
        if self._open and isinstance(self._open[-1].node, Fields) and self._open[-1].key is None:
            self.reader.stop_at("", "a word as a key, no list and no mapping", event.start_mark)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(kind(*_place(event)), self._path(), event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        if isinstance(done.node, Fields):
            self._merge(done, done.node)
        self._add(done.node, event, done.anchor)

    def _alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self._anchors:
            known = ", ".join(f"&{each}" for each in sorted(self._anchors)) or "none"
            self.reader.stop_at(f"*{name}", f"an anchor that stands before it; there is {known}", event.start_mark)
        target = self._anchors[name]
        if target is None:
            self.reader.stop_at(f"*{name}", "an anchor of something else than what it stands in", event.start_mark)
        elif self._open and isinstance(self._open[-1].node, Fields) and self._open[-1].key is None:
            self.reader.stop_at(f"*{name}", "a word as a key, no alias", event.start_mark)
        else:
            self._add(target, event, None)

    def _add(self, node: Node, event: Any, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        around = self._open[-1]
        if isinstance(around.node, Items):
            around.node.nodes.append(node)
        elif around.key is None:
            around.key = self._key(node)
            return
        elif around.key.text == "<<" and around.key.is_plain:
            around.merges.append((around.key, node))
            around.key = None
        else:
            self._put(around, around.node, around.key, node)
            around.key = None
        around.node.size += node.size
        if around.node.size > MOST_NODES:
            fits = f"at most {MOST_NODES} values, each counted as often as aliases use it"
            self.reader.stop_at("", fits, event.start_mark)

    def _key(self, node: Node) -> Scalar:
        assert isinstance(node, Scalar)  # `_begin` and `_alias` let nothing else through
        if node.is_plain and node.text != "<<":
            found = meaning(node.text)
            if found.kind != "text":
                quoted = f"write '{node.text}' in quotes"
                fits = f"{quoted}; {found.readings}" if found.readings else f"a word; {quoted}"
                self.reader.tell(self._path() or "YAML", f"the key {node.text or 'null'}", fits, node)
        return node

    def _put(self, around: _Open, mapping: Fields, key: Scalar, value: Node) -> None:
        first = mapping.entries.get(key.text)
        if first:
            fits = f"one of them; the other stands on line {first.key.line}, and readers drop one in silence"
            self.reader.tell(join(around.path, key.text), "stands there twice", fits, key)
        mapping.entries.setdefault(key.text, Entry(key, value))

    def _merge(self, around: _Open, mapping: Fields) -> None:
        """What ``<<`` brings: keys that are not there yet, from the first mapping that has them."""
        if len(around.merges) > 1:
            key = around.merges[1][0]
            self.reader.tell(around.path or "YAML", "<< twice", "once, with a list: <<: [*one, *other]", key)
        for key, value in around.merges:
            for each in value.nodes if isinstance(value, Items) else [value]:
                if not isinstance(each, Fields):
                    self.reader.tell(around.path or "YAML", "<<", "an alias of a mapping, or a list of such", key)
                    continue
                for name, entry in each.entries.items():
                    mapping.entries.setdefault(name, entry)

    def _path(self) -> str:
        if not self._open:
            return ""
        around = self._open[-1]
        part = (
            f"[{len(around.node.nodes)}]" if isinstance(around.node, Items) else around.key.text if around.key else ""
        )
        return join(around.path, part)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag and event.tag != "!":
            node = Node(*_place(event))
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            fits = "no tag: a description makes no objects; text that looks like something else stands in quotes"
            self.reader.tell(self._path() or "YAML", tag, fits, node)


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _found(text: str, line: int) -> str:
    lines = text.splitlines()
    return shown(lines[line - 1].strip()) if 0 < line <= len(lines) else ""


def _kinder(said: str, text: str, line: int, since: int) -> str:
    """What the parser says, with what usually is the reason; `since` is the line on which what it reads begins."""
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return "spaces; YAML takes no tabs for indentation"
    if "mapping values are not allowed" in said:
        return "text with a colon and a space in it in quotes, and keys of one mapping at one indentation"
    if "cannot start any token" in said:
        return f"text that begins with this character in quotes ({said})"
    if "did not find expected key" in said or "did not find expected '-' indicator" in said:
        return f"the indentation of what it stands in, which begins on line {since}, or a closed bracket or quote before it"
    return said


def shown_node(node: Node) -> str:
    """A node as an error shows it, in sixty characters at most."""
    if isinstance(node, Scalar):
        text = node.text if node.is_plain else repr(node.text)
        return (text if len(text) <= 60 else f"{text[:57]}...") or "null"
    return "a list" if isinstance(node, Items) else "a mapping"
