"""Which requests are a service's: what its rules ask for, and how that is shared out where one rule cannot hold it all (A6.15)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product
from math import ceil, prod

from cfngen._frozen import dataclass
from cfngen.describe import Finding
from cfngen.spec.network import wrong_range

CONDITION_VALUES = 5
"""Hosts, paths, addresses and values of headers that one listener rule can hold together, and as many wildcards (A6.15)."""
NAMED_OF_A_SERVICE = 2
"""Headers, and keys of the query."""
_BESIDE_PATHS = 3
"""What is shared out takes so many values of a rule, which leaves two for paths: services have `/a` and `/a/*`."""

Named = tuple[tuple[str, tuple[str, ...]], ...]
"""Headers, or keys of a query, each with the values of which it has to have one."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Requests that somebody wants: to any of the hosts and any of the paths, from any of the addresses, by any of the methods,
    with any of the values of each header and of each key of the query.
    """

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    headers: Named = ()
    methods: tuple[str, ...] = ()
    query: Named = ()

    @property
    def beside_paths(self) -> tuple[tuple[str, ...], ...]:
        """The values of each condition that a rule has beside its paths."""
        named = (values for _, values in (*self.headers, *self.query))
        return tuple(filter(None, (self.hosts, self.addresses, self.methods, *named)))

    @property
    def values(self) -> int:
        """How many of a rule's values these take."""
        return sum(map(len, self.beside_paths))

    @property
    def wildcards(self) -> int:
        """How many of a rule's wildcards these take."""
        return sum(wildcards(value) for values in self.beside_paths for value in values)


def shares(requests: Requests) -> tuple[Requests, ...]:
    """What rules ask for beside paths: one share where a rule has room for all of it and a path, else as many as are needed,
    each in a rule of its own.

    How they are cut does not depend on the number of paths, so that a path more replaces no rule.
    """
    headers, query = (sorted(each, key=lambda one: one[0].lower()) for each in (requests.headers, requests.query))
    named = (sorted(values) for _, values in (*headers, *query))
    parts = [sorted(requests.hosts), sorted(requests.addresses), *named, sorted(requests.methods)]

    def share(chosen: Iterable[Iterable[str]]) -> Requests:
        hosts, addresses, *values, methods = map(tuple, chosen)
        of_headers = zip((name for name, _ in headers), values, strict=False)
        of_query = zip((name for name, _ in query), values[len(headers) :], strict=True)
        return Requests(
            hosts=hosts, addresses=addresses, headers=tuple(of_headers), methods=methods, query=tuple(of_query)
        )

    whole = share(parts)
    most = max(map(wildcards, requests.paths), default=0)
    if whole.values < CONDITION_VALUES and (not whole.wildcards or whole.wildcards + most <= CONDITION_VALUES):
        return (whole,)
    sizes = _sizes([len(part) for part in parts])
    cut = [list(_cut(part, size)) for part, size in zip(parts, sizes, strict=True)]
    return tuple(map(share, product(*cut)))


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
    yield from _wrong_paths(requests.paths)
    for index, host in enumerate(requests.hosts):
        if not re.fullmatch(r"(?=.{1,128}$)([a-z0-9*?-]+\.)+[a-z]+", host, re.ASCII):
            yield (
                f"hosts[{index}]",
                f"{host!r}: a host name in lower case, without port or scheme, as in 'shop.example.com' or '*.example.com'",
            )
    for index, address in enumerate(requests.addresses):
        if fits := wrong_range(address, "203.0.113.7/32"):
            yield f"allowed_addresses[{index}]", fits
    yield from _wrong_methods(requests.methods)
    options = {
        "paths": requests.paths,
        "hosts": requests.hosts,
        "allowed_addresses": requests.addresses,
        "methods": requests.methods,
    }
    for option, values in options.items():
        if len(set(values)) < len(values):
            yield option, f"{max(values, key=values.count)!r} stands there twice"
    if wrong := [*_wrong_named("headers", requests.headers), *_wrong_named("query", requests.query)]:
        yield from wrong
        return
    if len(requests.beside_paths) >= CONDITION_VALUES:
        option = "query" if requests.query else "headers"
        fits = f"at most {CONDITION_VALUES - 1} of hosts, allowed_addresses, methods, each header and each key of query together, since a rule holds {CONDITION_VALUES} values and one of them is a path"
        yield option, fits  # A6.15
        return
    yield from _wrong_wildcards(requests)


def _wrong_methods(methods: tuple[str, ...]) -> Iterator[Finding]:
    for index, method in enumerate(methods):
        if not re.fullmatch(r"[A-Z_-]{1,40}", method, re.ASCII):
            yield f"methods[{index}]", f"{method!r}: a method in capitals, without wildcards, as in 'GET'"


def _wrong_wildcards(requests: Requests) -> Iterator[Finding]:
    beside = max(each.wildcards for each in shares(requests))
    with_it = "a host" + (" and a value of each header" if requests.headers else "")
    with_it += " and a value of each key" if requests.query else ""
    for index, path in enumerate(requests.paths if beside else ()):
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


def _wrong_named(option: str, named: Named) -> Iterator[Finding]:
    if len(named) > NAMED_OF_A_SERVICE:
        yield option, f"{len(named)} of them; at most {NAMED_OF_A_SERVICE}, each with any number of values"
    wrong_name = _wrong_header if option == "headers" else _wrong_key
    for index, (name, values) in enumerate(named):
        place = f"{option}[{name!r}]"
        twins = [other for other, _ in named[:index] if other.lower() == name.lower()]
        if fits := wrong_name(name):
            yield place, fits
        elif twins:
            yield place, f"another {'header' if option == 'headers' else 'key'}; {twins[0]!r} is the same one"
        for fits in _wrong_values(values, in_query=option == "query"):
            yield place, fits


def _wrong_header(name: str) -> str:
    if not re.fullmatch(r"[\w!#$%&'+.^`|~-]{1,40}", name, re.ASCII):
        return "the name of a header, at most 40 letters, digits and hyphens, as in 'X-Version'"
    return "another header; hosts say for which host names a service is" if name.lower() == "host" else ""


def _wrong_key(name: str) -> str:
    is_right = re.fullmatch(r"[\w.~%+\-\[\]!$'(),;:@/]{1,128}", name, re.ASCII)
    return (
        ""
        if is_right
        else "a key of the query as it is sent, at most 128 characters, without wildcards, as in 'version'"
    )


def _wrong_values(values: tuple[str, ...], *, in_query: bool) -> Iterator[str]:
    if not values:
        yield "at least one value, such as '*' for any"
    for index, value in enumerate(values):
        if not re.fullmatch(r"[ -~]{1,128}", value) or value != value.strip():
            yield f"{value!r}: at most 128 printable characters of ASCII, with the wildcards * and ?"
        elif in_query and re.search(r"[ &#\\]", value):
            yield f"{value!r}: a value as it is sent, without spaces, & and #; a backslash has a meaning there"
        elif wildcards(value) > CONDITION_VALUES - 1:
            yield f"{value!r}: at most {CONDITION_VALUES - 1} wildcards"
        elif value.lower() in {each.lower() for each in values[:index]}:
            yield f"{value!r} stands there twice, in any case of letters"
