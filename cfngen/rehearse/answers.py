"""What a listener's rule answers by itself, a fixed response or a redirect, as haproxy says it (ELB guide, rule action types)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cfngen.rehearse.conditions import quoted
from cfngen.rehearse.errors import RehearsalError

_KEPT = {
    "protocol": "%[ssl_fc,iif(https,http)]",
    "host": "%[req.hdr(host),field(1,:)]",
    "port": "%[dst_port]",
    "path": "%[path,bytes(1)]",
    "query": "%[query]",
}
"""What a word such as ``#{host}`` keeps of a request; the path is told without its slash."""


def last(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """The action that answers; raises `RehearsalError` where one before it would have to let pass."""
    actions: Sequence[Mapping[str, Any]] = rule["Actions"]
    ordered = sorted(actions, key=lambda action: action.get("Order", 0))
    if len(ordered) > 1:
        raise RehearsalError(f"a rule's action {ordered[0]['Type']} is not played by the rehearsal")
    if rule.get("Transforms"):
        raise RehearsalError("a rule's Transforms are not played by the rehearsal")
    return ordered[-1]


def own(action: Mapping[str, Any]) -> list[str]:
    """The lines of a backend that answers for itself."""
    match action["Type"]:
        case "fixed-response":
            told = action["FixedResponseConfig"]
            kind, body = told.get("ContentType") or "text/plain", _escaped(told.get("MessageBody") or "")
            return [f'http-request return status {told["StatusCode"]} content-type {kind} string "{body}"']
        case "redirect":
            return _redirect(action["RedirectConfig"])
    raise RehearsalError(f"a rule's action {action['Type']} is not played by the rehearsal")


def _redirect(told: Mapping[str, Any]) -> list[str]:
    def part(name: str, usual: str) -> str:
        # A literal percent sign would begin something to fill in.
        text = str(told.get(name.capitalize()) or usual).replace("%", "%%")
        return re.sub(r"#\{(\w+)\}", lambda match: _KEPT[match[1]], text)

    protocol = part("protocol", "#{protocol}")
    protocol = protocol if protocol.startswith("%") else protocol.lower()
    place = f"{protocol}://{part('host', '#{host}')}:{part('port', '#{port}')}{part('path', '/#{path}')}"
    code, query = str(told["StatusCode"]).removeprefix("HTTP_"), part("query", "#{query}")
    with_query = f"http-request redirect code {code} location {quoted(f'{place}?{query}')}"
    if query != _KEPT["query"]:
        return [with_query]
    # A question mark only where something follows it.
    return [f"{with_query} if {{ query -m len gt 0 }}", f"http-request redirect code {code} location {quoted(place)}"]


def _escaped(text: str) -> str:
    for letter, told in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\r", "\\r"), ("\n", "\\n")):
        text = text.replace(letter, told)
    return text
