"""Which requests are a service's: what its rules ask for, and how that is shared out where one rule cannot hold it all (A6.15)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import ceil, prod

from cfngen._frozen import dataclass
from cfngen.describe import Finding
from cfngen.spec.network import wrong_range

CONDITION_VALUES = 5
"""Hosts, paths, addresses and values of headers that one listener rule can hold together, and as many wildcards (A6.15)."""
HEADERS_OF_A_SERVICE = 2
_BESIDE_PATHS = 3
"""What is shared out takes so many values of a rule, which leaves two for paths: services have `/a` and `/a/*`."""

Headers = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Requests:
    """Requests that somebody wants: to any of the hosts and any of the paths, from any of the addresses, with each of the headers."""

    paths: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    headers: Headers = ()


@dataclass(frozen=True)
class Share:
    """What one rule asks for beside its paths: any of the hosts, any of the addresses, of each header any of its values."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    headers: Headers

    @property
    def values(self) -> int:
        """How many of a rule's values it takes."""
        return len(self.hosts) + len(self.addresses) + sum(len(values) for _, values in self.headers)

    @property
    def wildcards(self) -> int:
        """How many of a rule's wildcards it takes."""
        return sum(map(wildcards, (*self.hosts, *(value for _, values in self.headers for value in values))))


def shares(requests: Requests) -> tuple[Share, ...]:
    """One share where a rule has room for all of it and a path, else as many as are needed, each in a rule of its own.

    How they are cut does not depend on the number of paths, so that a path more replaces no rule.
    """
    named = sorted(requests.headers, key=lambda each: each[0].lower())
    parts = [sorted(requests.hosts), sorted(requests.addresses), *(sorted(values) for _, values in named)]
    whole = _share(parts, named)
    most = max(map(wildcards, requests.paths), default=0)
    if whole.values < CONDITION_VALUES and (not whole.wildcards or whole.wildcards + most <= CONDITION_VALUES):
        return (whole,)
    sizes = _sizes([len(part) for part in parts])
    cut = [list(_cut(part, size)) for part, size in zip(parts, sizes, strict=True)]
    return tuple(_share(chosen, named) for chosen in product(*cut))


def _share(parts: Iterable[Iterable[str]], named: Iterable[tuple[str, object]]) -> Share:
    hosts, addresses, *values = map(tuple, parts)
    return Share(hosts, addresses, tuple((name, each) for (name, _), each in zip(named, values, strict=True)))


def _sizes(lengths: list[int]) -> tuple[int, ...]:
    """How many of each part stand in one rule, so that there are as few rules as can be."""
    room = max(_BESIDE_PATHS, sum(map(bool, lengths)))
    choices = product(*(range(1, min(length, room) + 1) if length else (0,) for length in lengths))
    fitting = [sizes for sizes in choices if sum(sizes) <= room]
    return min(fitting, key=lambda sizes: prod(ceil(n / size) for n, size in zip(lengths, sizes, strict=True) if n))


def _cut(part: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Pieces of a part; one with many wildcards is smaller."""
    piece: list[str] = []
    for each in part:
        if piece and (len(piece) == size or sum(map(wildcards, [*piece, each])) > _BESIDE_PATHS):
            yield tuple(piece)
            piece = []
        piece.append(each)
    yield tuple(piece)


def wildcards(pattern: str) -> int:
    """The wildcards of a pattern; of them a rule holds few."""
    return pattern.count("*") + pattern.count("?")


def wrong_requests(requests: Requests) -> Iterator[Finding]:
    """What is wrong with the options of a service or a redirect that say which requests are its."""
    paths, hosts, addresses, headers = requests.paths, requests.hosts, requests.addresses, dict(requests.headers)
    yield from _wrong_paths(paths)
    for index, host in enumerate(hosts):
        if not re.fullmatch(r"(?=.{1,128}$)([a-z0-9*?-]+\.)+[a-z]+", host, re.ASCII):
            yield (
                f"hosts[{index}]",
                f"{host!r}: a host name in lower case, without port or scheme, as in 'shop.example.com' or '*.example.com'",
            )
    for index, address in enumerate(addresses):
        if fits := wrong_range(address, "203.0.113.7/32"):
            yield f"allowed_addresses[{index}]", fits
    for option, values in (("paths", paths), ("hosts", hosts), ("allowed_addresses", addresses)):
        if len(set(values)) < len(values):
            yield option, f"{max(values, key=values.count)!r} stands there twice"
    if wrong := list(_wrong_headers(headers)):
        yield from wrong
        return
    beside = max(each.wildcards for each in shares(requests))
    with_it = "a host" + (" and a value of each header" if headers else "")
    for index, path in enumerate(paths if beside else ()):
        if beside + wildcards(path) > CONDITION_VALUES:
            fits = f"{path!r}: at most {CONDITION_VALUES} wildcards in it and {with_it} together"
            yield f"paths[{index}]", fits  # A6.15


def _wrong_paths(paths: tuple[str, ...]) -> Iterator[Finding]:
    if not paths:
        yield "paths", "at least one, such as '/*'"
    for index, path in enumerate(paths):
        if not re.fullmatch(r"/[\w\-.$/~\"'@:+&*?]{0,127}", path, re.ASCII):
            yield (
                f"paths[{index}]",
                f"{path!r}: begins with a slash, at most 128 of the characters A-Z a-z 0-9 _ - . $ / ~ \" ' @ : + & and the wildcards * ?",  # H17
            )
        elif wildcards(path) > CONDITION_VALUES:
            yield f"paths[{index}]", f"{path!r}: at most {CONDITION_VALUES} wildcards"


def _wrong_headers(headers: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    if len(headers) > HEADERS_OF_A_SERVICE:
        yield "headers", f"{len(headers)} of them; at most {HEADERS_OF_A_SERVICE}, each with any number of values"
    for index, (name, values) in enumerate(headers.items()):
        twins = [other for other in list(headers)[:index] if other.lower() == name.lower()]
        if not re.fullmatch(r"[\w!#$%&'+.^`|~-]{1,40}", name, re.ASCII):
            yield (
                f"headers[{name!r}]",
                "the name of a header, at most 40 letters, digits and hyphens, as in 'X-Version'",
            )
        elif name.lower() == "host":
            yield f"headers[{name!r}]", "another header; hosts say for which host names a service is"
        elif twins:
            yield f"headers[{name!r}]", f"another header; {twins[0]!r} is the same one"
        for fits in _wrong_values(values):
            yield f"headers[{name!r}]", fits


def _wrong_values(values: tuple[str, ...]) -> Iterator[str]:
    if not values:
        yield "at least one value, such as '*' for any"
    for index, value in enumerate(values):
        if not re.fullmatch(r"[ -~]{1,128}", value) or value != value.strip():
            yield f"{value!r}: at most 128 printable characters of ASCII, with the wildcards * and ?"
        elif wildcards(value) > CONDITION_VALUES - 1:
            yield f"{value!r}: at most {CONDITION_VALUES - 1} wildcards"
        elif value.lower() in {each.lower() for each in values[:index]}:
            yield f"{value!r} stands there twice, in any case of letters"
