"""What cfn-lint found before, by all that its findings depend on: text, regions, rules and versions.

Kept in the user's cache (``$XDG_CACHE_HOME/cfngen/lint``, else ``~/.cache``), a small file for each. Nothing but time is
lost with it: where it cannot be read or written, the linter runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cfngen._version import VERSION

_UNUSED_DAYS = 60
_FORMAT = 1


def key(*parts: object) -> str:
    """A digest of what findings depend on, the linter and its schemas among it.

    Raises `ModuleNotFoundError` when the linter is not installed.
    """
    told = json.dumps([_FORMAT, VERSION, *_linter(), *parts], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def read(name: str) -> Any:
    """What was kept under a key; `None` for nothing that can be used."""
    place = _folder() / name
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        os.utime(place)
    except (OSError, ValueError):
        return None
    return found


def keep(name: str, found: Any) -> None:
    """Keep it, whole or not at all: another process may read meanwhile."""
    folder = _folder()
    side = folder / f".{name}.{os.getpid()}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        side.write_text(json.dumps(found), encoding="utf-8")
        side.replace(folder / name)


def tidy() -> None:
    """Remove what nobody asked for in two months."""
    oldest = time.time() - _UNUSED_DAYS * 86400
    with suppress(OSError):
        for place in _folder().iterdir():
            if place.stat().st_mtime < oldest:
                place.unlink(missing_ok=True)


def _folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME", "")
    with suppress(RuntimeError):  # a user without a home
        return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "cfngen" / "lint"
    return Path(os.devnull) / "lint"  # where nothing can be kept


@cache
def _linter() -> tuple[str, int, str]:
    """The linter's version, when its schemas were last changed, since they can be brought up to date apart from it, and
    what we make of its findings.
    """
    spec = find_spec("cfnlint")
    try:
        release = version("cfn-lint")
    except PackageNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'cfnlint'", name="cfnlint")
    data = Path(spec.origin).parent / "data"
    changed = max((place.stat().st_mtime_ns for place in data.glob("schemas/*/*")), default=0)
    own = hashlib.sha256(Path(__file__).with_name("lint.py").read_bytes()).hexdigest()
    return release, changed, own
