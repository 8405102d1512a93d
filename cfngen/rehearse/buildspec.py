"""A buildspec, run as CodeBuild's guide says: phases in order, one shell for all commands, artifacts at the end.

Which phase runs after which failed one: a failed install or pre_build ends the build; post_build runs after a failed
build; `on-failure` says otherwise (E1.1). `finally` runs whenever its phase began.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.room import BUSY, stop

_END_SECONDS = 10.0
PHASES = ("install", "pre_build", "build", "post_build")
_KEYS = {
    "": {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"},
    "env": {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"},
    "phase": {"run-as", "on-failure", "runtime-versions", "commands", "finally"},
    "artifacts": {"files", "name", "discard-paths", "base-directory", "exclude-paths", "secondary-artifacts"},
}
_NOT_PLAYED = {"batch", "proxy", "run-as", "exclude-paths", "git-credential-helper"}
# Tells after each entry how it ended. An entry that ends the shell leaves what it exported, and the next gets a new one.
_DRIVER = """\
trap 'export -p > "$0.exported"; pwd > "$0.folder"' EXIT
while IFS= read -r cfngen_entry <&9; do . "$cfngen_entry" 8>&- 9<&-; echo $? >&8; done
"""


@dataclass
class Build:
    """How a build ended: `failed` is the first phase that did; `artifacts` are folders by name, "" for the primary."""

    failed: str = ""
    reason: str = ""
    exported: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)
    phases: list[tuple[str, str]] = field(default_factory=list)


def run(
    spec: Mapping[str, Any], source: Path, place: Path, log: Path, environment: Mapping[str, str],
    secret: Callable[[str, str], str], seconds: float = 1800,
) -> Build:  # fmt: skip
    """Build `source`, which is written to; `place` is a new folder for artifacts and state.

    `environment` is the build project's, with what leads docker and aws to where they should talk. `secret` gives the
    value of a kind, ``parameter-store`` or ``secrets-manager``, by its name. Raises `RehearsalError` for a buildspec that
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
        shell = _Shell(str(told.get("shell", "sh")), source, place / "shell", values, out, seconds)
        try:
            _play(spec["phases"], shell, made)
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
    blocks += [("phase", each) for each in spec["phases"].values()]
    for kind, block in blocks:
        for key in block:
            if key not in _KEYS[kind] or key in _NOT_PLAYED:
                known = "not played here" if key in _NOT_PLAYED else "CodeBuild knows no such key"
                raise RehearsalError(f"buildspec: {kind or 'top'} {key}: {known}")
    for name, phase in spec["phases"].items():
        if name not in PHASES:
            raise RehearsalError(f"buildspec: phases {name}: one of {', '.join(PHASES)}")
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
        attempts = 1 + (int(failure.partition("-")[2] or 1) if failure.startswith("RETRY") else 0)
        is_good = False
        for _ in range(attempts):
            is_good = _commands(name, phase.get("commands") or (), shell)
            is_good = _commands(f"{name} finally", phase.get("finally") or (), shell) and is_good
            if is_good:
                break
        made.phases.append((name, "SUCCEEDED" if is_good else "FAILED"))
        if not is_good:
            shell.let("CODEBUILD_BUILD_SUCCEEDING", "0")
            made.failed = made.failed or name
            made.reason = made.reason or shell.last
            skip = failure == "ABORT" or (failure != "CONTINUE" and name != "build")
    if made.failed and all(
        phases[name].get("on-failure") == "CONTINUE" for name, how in made.phases if how == "FAILED"
    ):
        made.failed = ""


def _commands(name: str, commands: Sequence[str], shell: _Shell) -> bool:
    for command in commands:
        if code := shell.run(command):
            first = command.strip().splitlines()[0][:120]
            shell.last = f"{name}: exit status {code} of: {first}"
            return False
    return True


class _Shell:
    """The shell of a build; a new one goes on where an entry ended the old one."""

    def __init__(
        self, program: str, source: Path, place: Path, values: Mapping[str, str], out: Any, seconds: float
    ) -> None:
        self.program, self.source, self.place, self.out, self.seconds = program, source, place, out, seconds
        self.values = dict(values)
        self.last = ""
        self.count = 0
        place.mkdir()
        (place / "driver").write_text(_DRIVER, encoding="utf-8")
        self._start(first=True)

    def run(self, command: str) -> int:
        """The exit status of an entry."""
        self.count += 1
        file = self.place / f"{self.count}.sh"
        file.write_text(f"{command}\n", encoding="utf-8")
        self.out.write(f"\n$ {command.strip()}\n".encode())
        self._tell.write(f"{file}\n".encode())
        answer = self._hear.readline()
        if answer:
            return int(answer)
        code = self._process.wait(self.seconds)
        self._tell.close()
        self._hear.close()
        self._start(first=False)
        return code

    def let(self, name: str, value: str) -> None:
        self.run(f"export {name}={value}")

    def end(self) -> None:
        """End the shell; `variables` are what it had exported."""
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
