"""What a Dockerfile says of the container: its port, user, health check, volumes. Of the last stage, or of a named one.

A small reader of our own: dockerfile-parse, the library for it, had its last release in 2023 and reads no here-documents.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")


@dataclass(frozen=True)
class Image:
    """What a stage of a Dockerfile ends as. `ports` are those exposed by TCP, `user` is empty where it is the base's."""

    base: str = ""
    ports: tuple[int, ...] = ()
    user: str = ""
    health: str = ""
    volumes: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def read_dockerfile(text: str, target: str = "") -> Image:
    """The image of the stage `target`, of the last one without it; an empty one for a text without FROM."""
    stages: dict[str, Image] = {}
    arguments: dict[str, str] = {}
    last = Image()
    name = ""
    for word, rest in _instructions(text):
        known = {**arguments, **last.variables}
        value = _expanded(rest, known)
        match word:
            case "FROM":
                base, name = _from(value)
                last = stages.get(base, Image(base=base))
            case "ARG":
                key, _, default = value.partition("=")
                arguments.setdefault(key.strip(), default.strip().strip("\"'"))
            case "ENV":
                last = replace(last, variables={**last.variables, **_pairs(value)})
            case "EXPOSE":
                last = replace(last, ports=tuple(dict.fromkeys((*last.ports, *_ports(value)))))
            case "USER":
                last = replace(last, user=value.strip())
            case "HEALTHCHECK":
                last = replace(last, health="" if value.strip().upper() == "NONE" else value)
            case "VOLUME":
                last = replace(last, volumes=(*last.volumes, *_words(value)))
        if name:
            stages[name] = last
    return stages.get(target.lower(), last) if target else last


def health_path(check: str) -> str:
    """The path that a health check asks on the container itself, such as ``/up``; empty for one that asks otherwise."""
    found = re.search(
        r"(?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(?:\d+|\$\{?\w+\}?))?(/[\w\-./~%+]*)", check
    )
    return found[1] if found else ""


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    escape = "`" if re.match(r"#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    lines = iter(text.splitlines())
    for line in lines:
        whole = line.strip()
        if not whole or whole.startswith("#"):
            continue
        while whole.endswith(escape):
            following = next(lines, "").strip()
            while following.startswith("#"):
                following = next(lines, "").strip()
            whole = f"{whole[:-1].rstrip()} {following}"
        for end in _HEREDOC.findall(whole) if re.match(r"(RUN|COPY|ADD)\b", whole, re.IGNORECASE) else ():
            for inner in lines:
                if inner.strip() == end:
                    break
        word, _, rest = whole.partition(" ")
        yield word.upper(), rest.strip()


def _expanded(text: str, known: dict[str, str]) -> str:
    return _VARIABLE.sub(
        lambda m: known.get(m[1] or m[3]) or (m[2] or "") if (m[1] or m[3]) in known or m[2] else m[0], text
    )


def _from(value: str) -> tuple[str, str]:
    words = [word for word in value.split() if not word.startswith("--")]
    name = words[2] if len(words) == 3 and words[1].upper() == "AS" else ""
    return (words[0] if words else ""), name.lower()


def _ports(value: str) -> list[int]:
    found = (re.fullmatch(r"(\d{1,5})(?:-\d+)?(?:/tcp)?", word, re.IGNORECASE) for word in value.split())
    return [int(match[1]) for match in found if match and 0 < int(match[1]) <= 65535]


def _words(value: str) -> list[str]:
    return re.findall(r'"([^"]+)"', value) if value.startswith("[") else value.split()


def _pairs(value: str) -> dict[str, str]:
    try:
        words = shlex.split(value)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}
    return dict(word.split("=", 1) for word in words if "=" in word)
