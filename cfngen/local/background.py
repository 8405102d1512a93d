"""Targets that run in the background: each has a name, a lock that it holds while it lives, and a file that says where.

Who holds the lock wrote the file, so its pid is that of a target and of nobody else. Nothing here loads boto3 or moto.
"""

from __future__ import annotations

import difflib
import fcntl
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cfngen.errors import CfngenError
from cfngen.local.regions import regions

NAME = "default"
REGION = "eu-west-1"
NEEDS = ("boto3", "cfnlint", "flask", "flask_cors", "jmespath", "moto", "werkzeug", "yaml")
"""What a target loads beside the generator; the extra `local` brings it."""
_START_SECONDS, _END_SECONDS, _PAUSE_SECONDS = 60.0, 10.0, 0.05
_started: dict[int, subprocess.Popen[bytes]] = {}
"""Of this process: whoever starts a process and stays must wait for its end."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class LocalError(CfngenError):
    """A target cannot be started, reached or ended."""

    exit_status = 1


@dataclass(frozen=True)
class Running:
    """A target that runs. `started` is in ISO 8601, `log` a path; empty where the target writes to its terminal."""

    name: str
    pid: int
    port: int
    region: str
    seed: str
    started: str
    log: str = ""

    @property
    def url(self) -> str:
        # moto tells a bucket in the path from one in the host by the word localhost.
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes the AWS command line and every SDK talk to it, and to nobody else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
        }

    def stacks(self) -> list[dict[str, str]]:
        """Its stacks, each with region, name, status and parent; raises `LocalError` when it does not answer."""
        url = f"http://127.0.0.1:{self.port}/_cfngen/status"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                told: dict[str, Any] = json.load(answer)
        except (OSError, ValueError) as error:
            raise LocalError(f"{self.name}: pid {self.pid} does not answer at port {self.port} ({error})") from None
        return list(told["stacks"])


def check_name(name: str) -> None:
    """Raise `LocalError` for what cannot name a target."""
    if not _NAME.fullmatch(name):
        error = LocalError(f"--name: {name!r}; 1 to 32 of a-z, 0-9 and -, and no - in front")
        error.exit_status = 2
        raise error


def check_region(name: str) -> None:
    """Raise `LocalError` for what is no region."""
    if name not in regions():
        near = difflib.get_close_matches(name, sorted(regions()), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ", such as 'eu-west-1'"
        error = LocalError(f"--region: {name!r}; a region of AWS{hint}")
        error.exit_status = 2
        raise error


def missing() -> list[str]:
    """Modules that a target needs and that are not installed."""
    return [each for each in NEEDS if importlib.util.find_spec(each) is None]


def find(name: str = NAME) -> Running | None:
    """The target of that name, if it runs."""
    check_name(name)
    _reap()
    return _read(_folder() / f"{name}.json") if _is_held(name) else None


def _reap() -> None:
    """Take note of targets of this process that somebody else has ended."""
    for pid, process in list(_started.items()):
        if process.poll() is not None:
            del _started[pid]


def every() -> list[Running]:
    """All targets of this user that run, by name."""
    names = sorted(file.stem for file in _folder().glob("*.json"))
    return [each for each in map(find, names) if each]


def start(name: str, port: int, region: str, seed: str) -> Running:
    """Start a target in the background and wait until it answers; raises `LocalError` with what it said last."""
    log = _folder() / f"{name}.log"
    words = ["local", "up", "--foreground", "--name", name, "--port", str(port), "--region", region, "--seed", seed]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [sys.executable, "-m", "cfngen", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        )
    until = time.monotonic() + _START_SECONDS
    try:
        while time.monotonic() < until and process.poll() is None:
            running = find(name)
            if running and running.pid == process.pid:
                _started[process.pid] = process
                return _write(replace(running, log=str(log)))
            time.sleep(_PAUSE_SECONDS)
    except BaseException:
        process.terminate()
        raise
    process.terminate()
    process.wait(timeout=_END_SECONDS)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    raise LocalError("\n".join([f"{name}: the local AWS did not start; it said", *last, f"log: {log}"]))


def stop(running: Running) -> None:
    """End a target by its own pid and wait until it is gone; one that does not go in ten seconds is killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _is_held(running.name):
            break
        os.kill(running.pid, number)
        until = time.monotonic() + _END_SECONDS
        while _is_held(running.name) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
    if _is_held(running.name):
        raise LocalError(f"{running.name}: pid {running.pid} does not end")
    if running.pid in _started:
        child = _started.pop(running.pid)
        try:
            child.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:  # its ports are free and its lock is gone; a busy machine lets it linger
            child.kill()
            child.wait()
    (_folder() / f"{running.name}.json").unlink(missing_ok=True)


def forget(name: str) -> None:
    """Remove what a target that runs no more leaves for people who look at it later: its log, and its lock."""
    if not _is_held(name):
        for ending in ("log", "lock"):
            (_folder() / f"{name}.{ending}").unlink(missing_ok=True)


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Be the one target of that name; raises `LocalError` when there is one. What `tell` wrote goes at the end."""
    check_name(name)
    with (_folder() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"{name}: runs already; end it by: cfngen local down --name {name}") from None
        try:
            yield
        finally:
            (_folder() / f"{name}.json").unlink(missing_ok=True)


def tell(running: Running) -> None:
    """Say that a target answers from now on, by whoever is `alone` with its name."""
    _write(running)


def _write(running: Running) -> Running:
    """Whole or not at all: others read it at any time."""
    file = _folder() / f"{running.name}.json"
    beside = file.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(asdict(running), indent=2) + "\n", encoding="utf-8")
    beside.replace(file)
    return running


def _read(file: Path) -> Running | None:
    try:
        return Running(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_held(name: str) -> bool:
    file = _folder() / f"{name}.lock"
    if not file.exists():
        return False
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _folder() -> Path:
    """The user's own folder for what runs; raises `LocalError` when somebody else owns it."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(given) / "cfngen" if given else Path(tempfile.gettempdir()) / f"cfngen-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise LocalError(f"{folder}: belongs to somebody else; set XDG_RUNTIME_DIR to a folder of yours")
    return folder
