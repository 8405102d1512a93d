"""Variables of a container sorted: what can be written, what is secret, what means something on one machine only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_SECRET = re.compile(
    r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|MASTER_?KEY|SALT|DSN|(^|_)KEY$",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_MODES = re.compile(r"(RAILS|NODE|APP|RACK|FLASK|DJANGO|GO|MIX)_ENV")
_OURS = re.compile(r"PORT|DB_(HOST|PORT|NAME|CA)|DB_((ADMIN|READER|WRITER)_)?(USER|PASSWORD)")


@dataclass(frozen=True)
class Variables:
    """`plain` may stand in a file; of `secret` ones only the names."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secret: tuple[str, ...] = ()


def sorted_out(given: Mapping[str, str | None], others: set[str], unsure: Callable[[str], None]) -> Variables:
    """What to do with each variable; `others` are hosts that only compose knows. `unsure` is told what is left out."""
    plain, secret, local, unknown = {}, [], [], []
    for name, value in sorted(given.items()):
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or _OURS.fullmatch(name):
            continue
        if _SECRET.search(name) or (value and _LOGIN.search(value)):
            secret.append(name)
        elif value is None:
            unknown.append(name)
        elif _means(value, others):
            local.append(name)
        elif _MODES.fullmatch(name) and value in ("development", "dev", "local", "test"):
            plain[name] = "production"
            unsure(f"{name} is {value} in compose; production is written")
        else:
            plain[name] = value
    if secret:
        unsure(f"secret variables, whose values are not copied: {', '.join(secret)}; name their secrets under secrets")
    if local:
        unsure(f"variables that name hosts of compose: {', '.join(local)}; left out")
    if unknown:
        unsure(f"variables whose values only your machine knows: {', '.join(unknown)}; left out")
    return Variables(plain, tuple(secret))


def _means(value: str, hosts: set[str]) -> bool:
    return any(
        re.search(rf"(^|[/@,=\s]){re.escape(host)}($|[:/,\s])", value) for host in {*hosts, "localhost", "127.0.0.1"}
    )
