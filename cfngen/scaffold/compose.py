"""What a compose file says of its services, as the Compose specification merges it: anchors, ``extends``, short and long forms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.errors import DescriptionError, Problem, relative

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:?[-?+])([^}]*))?\}|(\w+))")
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Declared:
    """A service of a compose file. `context` and `dockerfile` are empty for one that is not built here.

    `awaited` are those for whose end it waits. One that `is_front` is where a browser comes to without a port.
    `variables` have their values, `None` where only the machine that runs compose knows them.
    """

    name: str
    image: str = ""
    context: str = ""
    dockerfile: str = ""
    target: str = ""
    has_arguments: bool = False
    ports: tuple[int, ...] = ()
    is_front: bool = False
    command: tuple[str, ...] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    health: str = ""
    user: str = ""
    profiles: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    has_entrypoint: bool = False


def read_compose(path: Path) -> dict[str, Declared]:
    """The services of a compose file; raises `DescriptionError` for a file that is none."""
    known = _dotenv(path.parent / ".env")
    services = _services(path)
    return {name: _declared(name, _extended(path, name, services, ()), path.parent, known) for name in sorted(services)}


def _services(path: Path) -> dict[str, dict[str, Any]]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Every word is text: no port becomes a number to the base of sixty."""

        yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile(r"^<<$"))]}  # noqa: RUF012

    Loader.add_multi_constructor("!", _untagged)
    shown = relative(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        if len(text) > _MOST_BYTES:
            raise DescriptionError([Problem("compose", f"{len(text)} bytes", f"at most {_MOST_BYTES}", shown)])
        data = yaml.load(text, Loader=Loader)  # noqa: S506  (a safe one)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise DescriptionError([Problem("compose", "", f"YAML: {error.problem}", shown, *place)]) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise DescriptionError([Problem("compose", "", " ".join(str(error).split()), shown)]) from None
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict):
        raise DescriptionError([Problem("compose", "", "a mapping with the key services", shown)])
    return {str(name): each for name, each in services.items() if isinstance(each, dict)}


def _untagged(loader: Any, _suffix: str, node: Any) -> Any:
    kind = type(node).__name__
    if kind == "MappingNode":
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if kind == "SequenceNode" else loader.construct_scalar(node)


def _extended(
    path: Path, name: str, services: dict[str, dict[str, Any]], above: tuple[tuple[Path, str], ...]
) -> dict[str, Any]:
    own = services.get(name, {})
    extends = own.get("extends")
    if not extends or (path, name) in above:
        return own
    wanted = extends if isinstance(extends, dict) else {"service": extends}
    file, base = path, str(wanted.get("service", ""))
    if given := wanted.get("file"):
        file = path.parent / str(given)
        if not file.is_file():
            return own
        services = _services(file)
    return _merged(_extended(file, base, services, (*above, (path, name))), own)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = {**base, **own}
    for key in ("environment", "build"):
        if isinstance(base.get(key), dict) and isinstance(own.get(key), dict):
            merged[key] = {**base[key], **own[key]}
    if isinstance(base.get("environment"), dict | list) and isinstance(own.get("environment"), dict | list):
        merged["environment"] = {**_pairs(base["environment"]), **_pairs(own["environment"])}
    return merged


def _declared(name: str, given: dict[str, Any], folder: Path, known: Mapping[str, str]) -> Declared:
    build = given.get("build")
    build = {"context": build} if isinstance(build, str) else build if isinstance(build, dict) else {}
    health = given.get("healthcheck")
    test = health.get("test", "") if isinstance(health, dict) else ""
    return Declared(
        name=name,
        image=_text(given.get("image"), known),
        context=_text(build.get("context") or ("." if build else ""), known),
        dockerfile=_text(build.get("dockerfile"), known),
        target=_text(build.get("target"), known),
        has_arguments=bool(build.get("args")),
        ports=tuple(dict.fromkeys([*_ports(given.get("ports"), known), *_ports(given.get("expose"), known)])),
        is_front=any(_is_front(each, known) for each in _list(given.get("ports"))),
        command=_command(given.get("command"), known),
        variables=dict(_variables(given, folder, known)),
        depends_on=tuple(map(str, given.get("depends_on") or ())),
        volumes=tuple(_volumes(given.get("volumes"))),
        health=" ".join(map(str, test)) if isinstance(test, list) else str(test),
        user=_text(given.get("user"), known),
        profiles=tuple(map(str, given.get("profiles") or ())),
        awaited=tuple(_awaited(given.get("depends_on"))),
        has_entrypoint=bool(given.get("entrypoint")),
    )


def _awaited(given: Any) -> Iterator[str]:
    for name, each in given.items() if isinstance(given, dict) else ():
        if isinstance(each, dict) and each.get("condition") == "service_completed_successfully":
            yield str(name)


def _command(given: Any, known: Mapping[str, str]) -> tuple[str, ...]:
    if isinstance(given, list):
        return tuple(_text(each, known) for each in given)
    text = _text(given, known)
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _ports(given: Any, known: Mapping[str, str]) -> Iterator[int]:
    """Ports in the container, of ``8080:80``, ``127.0.0.1:8080:80/tcp``, ``80`` and the long form."""
    for each in _list(given):
        if isinstance(each, dict) and str(each.get("protocol", "tcp")) != "tcp":
            continue
        text = str(each.get("target", "")) if isinstance(each, dict) else _text(each, known)
        found = re.fullmatch(r"(?:.*:)?(\d{1,5})(?:-\d+)?(?:/tcp)?", text)
        if found:
            yield int(found[1])


def _is_front(given: Any, known: Mapping[str, str]) -> bool:
    """Whether a port is published as 80 or 443, on any address or not."""
    if isinstance(given, dict):
        return str(given.get("published", "")) in ("80", "443")
    return re.fullmatch(r"(?:.*:)?(?:80|443):\d{1,5}(?:/tcp)?", _text(given, known)) is not None


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _volumes(given: Any) -> Iterator[str]:
    """Where volumes are that compose keeps; folders of the machine, which bring source to developers, are none."""
    for each in _list(given):
        if isinstance(each, dict):
            found = (
                (str(each.get("source", "")), str(each.get("target", "")))
                if each.get("type") == "volume"
                else ("/", "")
            )
        else:
            parts = str(each).split(":")
            found = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
        if not found[0].startswith((".", "/", "~", "$")):
            yield found[1]


def _variables(given: dict[str, Any], folder: Path, known: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    files = given.get("env_file") or ()
    for each in [files] if isinstance(files, str | dict) else files:
        path = folder / str(each.get("path", "") if isinstance(each, dict) else each)
        yield from _dotenv(path).items()
    for key, value in _pairs(given.get("environment")).items():
        yield key, None if value is None or not _is_known(value, known) else _text(value, known)


def _pairs(given: Any) -> dict[str, str | None]:
    if isinstance(given, dict):
        return {str(key): None if value is None else str(value) for key, value in given.items()}
    items = (str(each).partition("=") for each in given or ())
    return {key: value if equals else None for key, equals, value in items}


def _is_known(text: str, known: Mapping[str, str]) -> bool:
    found = _VARIABLE.finditer(text)
    return all((m[1] or m[4]) in known or (m[2] or "").endswith("-") for m in found if m[1] or m[4])


def _text(given: Any, known: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        name = match[1] or match[4]
        if not name:
            return "$"
        return known.get(name) or ((match[3] or "") if (match[2] or "").endswith("-") else "")

    return _VARIABLE.sub(replaced, str(given)) if given is not None else ""


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = (re.fullmatch(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)", line.strip()) for line in lines)
    return {match[1]: match[2].strip().strip("\"'") for match in found if match}
