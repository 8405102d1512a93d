"""A buildspec, run as CodeBuild's guide says: phases in order, one shell for all commands, reports and artifacts at the end.

Which phase runs after which failed one: a failed install or pre_build ends the build; post_build runs after a failed
build; `on-failure` says otherwise (E1.1). `finally` runs whenever its phase began.

CodeBuild's guide promises one shell for all commands of version 0.2. Its sister's published runner shows that each entry of
`commands` is a script that gets the folder and the environment of the one before it: options of the shell are lost, and
whether a variable needs its `export` is nowhere said. `READINGS` are both, the second in its strictest sense.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.room import BUSY, stop

READINGS = ("one shell", "a script each")
_END_SECONDS = 10.0
_RETRIES = 3
"""How often RETRY without a number tries a phase again."""
PHASES = ("install", "pre_build", "build", "post_build")
_KEYS = {
    "": {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"},
    "env": {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"},
    "phase": {"run-as", "on-failure", "runtime-versions", "commands", "finally"},
    "artifacts": {
        "files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix",
        "secondary-artifacts",
    },
    "report": {"files", "base-directory", "discard-paths", "file-format"},
}  # fmt: skip
_NOT_PLAYED = {"batch", "proxy", "run-as", "exclude-paths", "enable-symlinks", "s3-prefix", "git-credential-helper"}
# Tells after each entry how it ended. An entry that ends the shell leaves what it exported, and the next gets a new one.
_DRIVER = """\
trap 'export -p > "$0.exported"; pwd > "$0.folder"' EXIT
while IFS= read -r cfngen_entry <&9; do . "$cfngen_entry" 8>&- 9<&-; echo $? >&8; done
"""


@dataclass
class Build:
    """How a build ended: `failed` is the first phase that did; `artifacts` are folders by name, "" for the primary.

    `reports` are the files of each report group that were there; a build does not fail for those that are not.
    """

    failed: str = ""
    reason: str = ""
    exported: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)
    reports: dict[str, list[Path]] = field(default_factory=dict)
    phases: list[tuple[str, str]] = field(default_factory=list)


def run(
    spec: Mapping[str, Any], source: Path, place: Path, log: Path, environment: Mapping[str, str],
    secret: Callable[[str, str], str], seconds: float = 1800, reading: str = READINGS[0],
) -> Build:  # fmt: skip
    """Build `source`, which is written to; `place` is a new folder for artifacts and state.

    `environment` is the build project's, with what leads docker and aws to where they should talk. `secret` gives the
    value of a kind, ``parameter-store`` or ``secrets-manager``, by its name. After `seconds` the build is ended. Raises `RehearsalError` for a buildspec that
    CodeBuild would refuse, or that asks for what is not played.
    """
    check(spec)
    place.mkdir(parents=True)
    told = spec.get("env") or {}
    values = {**{key: str(value) for key, value in (told.get("variables") or {}).items()}, **environment}
    for kind in ("parameter-store", "secrets-manager"):
        values |= {key: secret(kind, str(name)) for key, name in (told.get(kind) or {}).items()}
    values |= {"CODEBUILD_SRC_DIR": str(source), "CODEBUILD_BUILD_SUCCEEDING": "1"}
    made = Build()
    with log.open("ab", buffering=0) as out:
        shell = _Shell(str(told.get("shell", "sh")), source, place / "shell", values, out, seconds, reading)
        try:
            _play(spec["phases"], shell, made)
            _report(spec.get("reports") or {}, source, made, shell)
            _gather(spec.get("artifacts") or {}, source, place, made, shell)
        finally:
            shell.end()
    left = shell.variables
    made.exported = {name: left[name] for name in told.get("exported-variables") or () if name in left}
    return made


def check(spec: Any) -> None:
    """Raise `RehearsalError` for keys that CodeBuild does not know, or that are not played, and for odd commands."""
    if not isinstance(spec, Mapping) or str(spec.get("version")) != "0.2" or not spec.get("phases"):
        raise RehearsalError("buildspec: version 0.2 with phases is played, and nothing else")
    artifacts = spec.get("artifacts") or {}
    blocks = [("", spec), ("env", spec.get("env") or {}), ("artifacts", artifacts)]
    blocks += [("artifacts", each) for each in (artifacts.get("secondary-artifacts") or {}).values()]
    blocks += [("phase", each or {}) for each in spec["phases"].values()]
    blocks += [("report", each) for each in (spec.get("reports") or {}).values()]
    for kind, block in blocks:
        for key in block:
            if key not in _KEYS[kind] or key in _NOT_PLAYED:
                known = "not played here" if key in _NOT_PLAYED else "CodeBuild knows no such key"
                raise RehearsalError(f"buildspec: {kind or 'top'} {key}: {known}")
    for name, phase in spec["phases"].items():
        if name not in PHASES:
            raise RehearsalError(f"buildspec: phases {name}: one of {', '.join(PHASES)}")
        if _attempts(str(phase.get("on-failure", "ABORT"))) == 0:
            told = "ABORT, CONTINUE, RETRY or RETRY-number; one that looks for a message is not played here"
            raise RehearsalError(f"buildspec: phases {name} on-failure {phase['on-failure']}: {told}")
        for command in [*(phase.get("commands") or ()), *(phase.get("finally") or ())]:
            if not isinstance(command, str):
                raise RehearsalError(f"buildspec: {name}: {command!r} is no text; a colon made a mapping of it?")


def _play(phases: Mapping[str, Any], shell: _Shell, made: Build) -> None:
    skip = False
    for name in PHASES:
        phase = phases.get(name)
        if phase is None or skip:
            continue
        failure = str(phase.get("on-failure", ""))
        is_good = False
        for _ in range(_attempts(failure)):
            is_good = _commands(name, phase.get("commands") or (), shell)
            is_good = _commands(f"{name} finally", phase.get("finally") or (), shell) and is_good
            if is_good or shell.is_over:
                break
        made.phases.append((name, "SUCCEEDED" if is_good else "FAILED"))
        if not is_good:
            shell.let("CODEBUILD_BUILD_SUCCEEDING", "0")
            made.failed = made.failed or name
            made.reason = made.reason or shell.last
            skip = shell.is_over or failure == "ABORT" or (failure != "CONTINUE" and name != "build")
    if (
        made.failed
        and not shell.is_over
        and all(phases[name].get("on-failure") == "CONTINUE" for name, how in made.phases if how == "FAILED")
    ):
        made.failed = ""


def _attempts(failure: str) -> int:
    """How often a phase is tried at most; 0 for an `on-failure` that is not played."""
    if failure in ("", "ABORT", "CONTINUE"):
        return 1
    kind, _, number = failure.partition("-")
    return 1 + int(number or _RETRIES) if kind == "RETRY" and (number.isdecimal() or failure == kind) else 0


def _commands(name: str, commands: Sequence[str], shell: _Shell) -> bool:
    for command in commands:
        if code := shell.run(command):
            first = command.strip().splitlines()[0][:120]
            shell.last = f"{name}: exit status {code} of: {first}"
            if shell.is_over:
                shell.last = f"{name}: timed out after {shell.seconds:.0f} s in: {first}"
            return False
    return True


class _Shell:
    """The shell of a build; a new one goes on where an entry ended the old one."""

    def __init__(
        self, program: str, source: Path, place: Path, values: Mapping[str, str], out: Any, seconds: float, reading: str
    ) -> None:
        self.program, self.source, self.place, self.out, self.seconds = program, source, place, out, seconds
        self.values = dict(values)
        self.goes_on = reading == READINGS[0]
        self.last = ""
        self.is_over = False
        self.count = 0
        place.mkdir()
        (place / "driver").write_text(_DRIVER, encoding="utf-8")
        (place / "driver.exported").touch()
        (place / "driver.folder").write_text(f"{source}\n", encoding="utf-8")
        self._start(first=True)
        self._clock = threading.Timer(seconds, self._expire)
        self._clock.daemon = True
        self._clock.start()

    def run(self, command: str) -> int:
        """The exit status of an entry."""
        if self.is_over:
            return 1
        self.count += 1
        begun = time.monotonic()
        code = self._ran(command)
        self.out.write(f"# {time.monotonic() - begun:.1f} s\n".encode())
        return code

    def _ran(self, command: str) -> int:
        file = self.place / f"{self.count}.sh"
        file.write_text(f"{command}\n", encoding="utf-8")
        self.out.write(f"\n$ {command.strip()}\n".encode())
        self._tell.write(f"{file}\n".encode())
        answer = self._hear.readline()
        if answer and self.goes_on:
            return int(answer)
        # Either the entry ended the shell, or each has one of its own; it notes what is exported before it goes.
        self._tell.close()
        code = self._process.wait()
        self._hear.close()
        BUSY.discard(self._process)
        self._start(first=False)
        return int(answer) if answer else code

    def _expire(self) -> None:
        """The time of the build is over: what runs of it ends, with all that it started."""
        self.is_over = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def let(self, name: str, value: str) -> None:
        self.run(f"export {name}={value}")

    def end(self) -> None:
        """End the shell; `variables` are what it had exported."""
        self._clock.cancel()
        self._tell.close()
        with suppress(subprocess.TimeoutExpired):
            # It notes what is exported before it goes by itself.
            self._process.wait(_END_SECONDS)
        BUSY.discard(self._process)
        stop(self._process)
        self._hear.close()

    @property
    def variables(self) -> dict[str, str]:
        """What is exported at the end."""
        words = [self.program, "-c", f'. "{self.place}/driver.exported"; env -0']
        printed = subprocess.run(words, env={}, capture_output=True, check=True).stdout  # noqa: S603
        return dict(each.split("=", 1) for each in printed.decode(errors="replace").split("\0") if "=" in each)

    def _start(self, *, first: bool) -> None:
        go_on = "" if first else f'cd "$(cat {self.place}/driver.folder)"; . {self.place}/driver.exported; '
        # The driver's own pipes come as stdin and stderr; 8 and 9 are numbers that every shell knows.
        start = f'exec 8>&2 2>&1 9<&0 </dev/null; {go_on}. "$0"'
        self._process = subprocess.Popen(  # noqa: S603  (the buildspec's shell)
            [self.program, "-c", start, str(self.place / "driver")],
            cwd=self.source, env=self.values, stdin=subprocess.PIPE, stdout=self.out, stderr=subprocess.PIPE,
            bufsize=0, start_new_session=True,
        )  # fmt: skip
        BUSY.add(self._process)
        assert self._process.stdin
        assert self._process.stderr
        self._tell, self._hear = self._process.stdin, self._process.stderr


def _report(reports: Mapping[str, Any], source: Path, made: Build, shell: _Shell) -> None:
    for name, block in reports.items():
        try:
            made.reports[name] = [file for file, _ in _files(block, source)]
        except RehearsalError as missing:
            made.reports[name] = []
            shell.out.write(f"reports {name}: {missing}\n".encode())


def _gather(artifacts: Mapping[str, Any], source: Path, place: Path, made: Build, shell: _Shell) -> None:
    """Copy what the build leaves; a pattern that nothing matches fails the build (E1.4)."""
    if not artifacts:
        return
    secondary = artifacts.get("secondary-artifacts") or {}
    blocks = secondary or {"": artifacts}
    try:
        if secondary and artifacts.get("files"):
            list(_files(artifacts, source))
        for name, block in blocks.items():
            folder = place / (f"artifact-{name}" if name else "artifact")
            for file, below in _files(block, source):
                (folder / below).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, folder / below)
            made.artifacts[name] = folder
    except RehearsalError as missing:
        shell.out.write(f"UPLOAD_ARTIFACTS: {missing}\n".encode())
        made.phases.append(("UPLOAD_ARTIFACTS", "FAILED"))
        made.failed, made.reason = made.failed or "UPLOAD_ARTIFACTS", made.reason or str(missing)
    else:
        made.phases.append(("UPLOAD_ARTIFACTS", "SUCCEEDED"))


def _files(block: Mapping[str, Any], source: Path) -> Iterator[tuple[Path, Path]]:
    base = source / str(block.get("base-directory", "."))
    flat = str(block.get("discard-paths", "no")).lower() in ("yes", "true")
    for pattern in block.get("files") or ():
        found = [path for path in sorted(base.glob(str(pattern))) if path.is_file()]
        if not found:
            raise RehearsalError(f"no matching artifact paths found: {pattern}")
        yield from ((path, Path(path.name) if flat else path.relative_to(base)) for path in found)
