"""Which conditions of rules a request fulfils, and which requests show what a rule does."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import translate
from functools import lru_cache
from itertools import product
from typing import Any

from cfngen.request import Request

Condition = Mapping[str, Any]


def holds(condition: Condition, request: Request) -> bool:
    """Whether a request fulfils a condition of a rule: one of its values is enough (ELB-AG rule-condition-types)."""
    values, patterns = values_of(condition), _own(condition).get("RegexValues", condition.get("RegexValues", ()))
    match condition["Field"]:
        case "path-pattern":
            return _fits(values, patterns, request.path)
        case "host-header":
            return _fits(map(str.lower, values), patterns, request.host.lower())
        case "http-header":
            name = str(_own(condition)["HttpHeaderName"]).lower()
            sent = [value for key, value in request.headers if key.lower() == name]
            return any(_fits(map(str.lower, values), patterns, each.lower()) for each in sent)
        case "http-request-method":
            return request.method in values
        case "query-string":
            return any(_has(request, str(each.get("Key", "")), str(each["Value"])) for each in values)
        case "source-ip":
            return any(ipaddress.ip_address(request.address) in _network(each) for each in values)
    raise ValueError(f"a condition on {condition['Field']!r} is none that listener rules have")


def values_of(condition: Condition) -> list[Any]:
    """The values of a condition, in either of its two spellings."""
    return list(_own(condition).get("Values", condition.get("Values", [])))


def of_rule(conditions: Iterable[Condition]) -> Iterator[Request]:
    """Requests that fulfil a rule's conditions: each of its paths and hosts; none where it has regular expressions."""
    choices = [list(_fulfilling(condition)) for condition in conditions]
    for chosen in product(*choices):
        told: dict[str, Any] = {}
        for key, value in (pair for each in chosen for pair in each.items()):
            # Several headers, or pairs of a query, each in a condition of its own.
            told[key] = told[key] + value if key in told and isinstance(value, tuple) else value
        yield replace(Request("/x"), **told)


def near(request: Request) -> Iterator[Request]:
    """A request, and others that a rule of like paths could take: what follows the path, and what only begins like it."""
    yield request
    if request.path.endswith("/x"):
        yield replace(request, path=request.path[:-1])
    yield replace(request, path=f"{request.path.rstrip('x').rstrip('/') or '/'}istrator")


def every_kind(conditions: Iterable[Condition]) -> Iterator[Request]:
    """Requests that a rule could take, from other hosts and addresses too where it leaves them open."""
    named = {each["Field"] for each in conditions}
    hosts: dict[str, Any] = {} if "host-header" in named else {"host": "elsewhere.example.org"}
    addresses: dict[str, Any] = {} if "source-ip" in named else {"address": "192.0.2.77"}
    for request in of_rule(conditions):
        for each in near(request):
            yield from (each, replace(each, **hosts), replace(each, **addresses), replace(each, **hosts, **addresses))


def _fulfilling(condition: Condition) -> Iterator[dict[str, Any]]:
    values = values_of(condition)
    match condition["Field"]:
        case "path-pattern":
            yield from ({"path": plain(each)} for each in values)
        case "host-header":
            yield from ({"host": plain(each)} for each in values)
        case "http-header":
            name = str(_own(condition)["HttpHeaderName"])
            yield from ({"headers": ((name, plain(each)),)} for each in values[:1])
        case "http-request-method":
            yield from ({"method": each} for each in values)
        case "query-string":
            yield from ({"query": ((plain(each.get("Key", "x")), plain(each["Value"])),)} for each in values[:1])
        case "source-ip":
            yield from ({"address": str(_network(each)[0])} for each in values[:1])


def plain(pattern: str) -> str:
    """A text that a pattern of a condition matches."""
    return pattern.replace("*", "x").replace("?", "x") or "/"


def _own(condition: Condition) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next((value for key, value in condition.items() if key.endswith("Config")), {})
    return found


def _has(request: Request, key: str, value: str) -> bool:
    """Whatever the case; a backslash makes a wildcard a letter (ELB API QueryStringConditionConfig)."""
    wanted, key_wanted = _unescaped(value), _unescaped(key)
    return any((not key or key_wanted.fullmatch(name)) and wanted.fullmatch(given) for name, given in request.query)


def _fits(values: Iterable[str], patterns: Iterable[str], given: str) -> bool:
    return any(_glob(each).match(given) for each in values) or any(re.fullmatch(each, given) for each in patterns)


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


@lru_cache(maxsize=4096)
def _unescaped(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\[*?]|.", pattern)
    told = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(told, re.IGNORECASE)


@lru_cache(maxsize=4096)
def _network(text: str) -> Any:
    return ipaddress.ip_network(text)
