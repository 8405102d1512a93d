"""Runs a buildspec as CodeBuild does, with a `docker`, `aws` and `sleep` that only say what they were told to.

CodeBuild's guide promises one shell for all commands of version 0.2. Its sister's published runner shows that each
entry of `commands` is a script that gets the folder and the environment of the one before it: options of the shell are
lost, and whether a variable needs its `export` is nowhere said. `SHELLS` are both readings, the second in its strictest
sense; a build has to work, and to fail, in either.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped,unused-ignore]
import yaml  # type: ignore[import-untyped,unused-ignore]

SHELLS = ("one shell", "a script each")
PHASES = ("install", "pre_build", "build", "post_build")


@dataclass(frozen=True)
class Fails:
    """A command's failure, and what it says."""

    says: str = "told to fail"


Answer = str | Fails | Mapping[str, Any]
"""What a command prints; a mapping is a response of AWS, of which it prints what --query asks for."""


@dataclass(frozen=True)
class Call:
    """One run of a command, in the order of the calls."""

    words: tuple[str, ...]
    stdin: str
    environment: Mapping[str, str]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Build:
    """How a build ended: `failed` is the phase that did, `artifacts` are files by artifact and name."""

    failed: str
    log: str
    calls: tuple[Call, ...]
    exported: Mapping[str, str]
    artifacts: Mapping[str, Mapping[str, str]]

    def called(self, start: str) -> list[Call]:
        return [call for call in self.calls if call.text.startswith(start)]


class _Missing(Exception):
    pass


# Notes the call; the first pattern that its words match has the answers, of which the last one holds for ever.
_FAKE = """\
#!{python} -IS
import fnmatch, json, os, pathlib, sys
here = pathlib.Path({here!r})
words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
given = sys.stdin.read() if "--password-stdin" in words else ""
with open(here / "calls", "a", encoding="utf-8") as calls:
    calls.write(json.dumps([words, given, dict(os.environ)]) + "\\n")
answers = json.loads((here / "answers.json").read_text(encoding="utf-8"))
for number, (pattern, told) in enumerate(answers):
    if fnmatch.fnmatchcase(" ".join(words), pattern):
        with open(here / f"count-{{number}}", "a+b") as count:
            count.write(b"x")
            kind, said = told[min(count.tell(), len(told)) - 1]
        if kind == "fails":
            sys.exit(said)
        if kind == "responds":
            sys.path.append({packages!r})
            import jmespath
            found = jmespath.search(words[words.index("--query") + 1], said)
            assert words[words.index("--output") + 1] == "text"
            said = "\\t".join(map(str, found)) if isinstance(found, list) else str(found)
        print(said)
        sys.exit()
sys.exit(f"nobody told what to answer to: {{' '.join(words)}}")
"""

# What CodeBuild makes of an entry of `commands`, but that it exports every variable that the entry sets.
_EACH = """\
cd "$(cat {state}/folder)" || exit 1
. {state}/environment
. "$1"
code=$?
export -p > {state}/environment
pwd > {state}/folder
exit $code
"""


def run(
    text: str,
    source: Path,
    place: Path,
    variables: Mapping[str, str],
    answers: Mapping[str, Answer | Sequence[Answer]],
    shell: str = SHELLS[1],
) -> Build:
    """Build `source` by a buildspec; `variables` are the build project's, `place` is a new folder to work in.

    `answers` are those of docker, aws and sleep, by pattern of the whole command.
    """
    spec = yaml.safe_load(text)
    assert set(spec) <= {"version", "env", "phases", "reports", "artifacts"}
    assert spec["version"] == 0.2
    assert set(spec["env"]) <= {"shell", "variables", "exported-variables"}
    place.mkdir()
    _fakes(place, answers)
    _commands(place, spec["phases"], source, shell)
    own = {"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place), "CODEBUILD_SRC_DIR": str(source)}
    done = subprocess.run(
        [spec["env"].get("shell", "sh"), f"{place}/driver"],
        cwd=source,
        env={**spec["env"].get("variables", {}), **own, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    failed, *left = (place / "end").read_text(encoding="utf-8").split("\0")
    environment = dict(each.split("=", 1) for each in left if each)
    artifacts, log = {}, done.stdout
    if not failed:
        try:
            artifacts = dict(_artifacts(source, spec["artifacts"]))
        except _Missing as missing:
            failed, log = "UPLOAD_ARTIFACTS", f"{log}no matching artifact paths found: {missing}\n"
    exported = {name: environment[name] for name in spec["env"].get("exported-variables", ()) if name in environment}
    return Build(failed, log, _calls(place / "calls"), exported, artifacts)


def _fakes(place: Path, answers: Mapping[str, Answer | Sequence[Answer]]) -> None:
    told = [
        (pattern, [_plain(each) for each in ([given] if isinstance(given, str | Fails | Mapping) else given)])
        for pattern, given in answers.items()
    ]
    (place / "answers.json").write_text(json.dumps(told), encoding="utf-8")
    (place / "bin").mkdir()
    fake = _FAKE.format(python=sys.executable, here=str(place), packages=str(Path(jmespath.__file__).parents[1]))
    for name, program in {
        **dict.fromkeys(("aws", "docker", "sleep"), fake),
        "python3": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n',
    }.items():
        (place / "bin" / name).write_text(program, encoding="utf-8")
        (place / "bin" / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash, "the tests of the build need bash"
    (place / "bin/bash").symlink_to(bash)


def _plain(answer: Answer) -> tuple[str, Any]:
    match answer:
        case Fails():
            return "fails", answer.says
        case str():
            return "prints", answer
    return "responds", answer


def _commands(place: Path, phases: Mapping[str, Mapping[str, Any]], source: Path, shell: str) -> None:
    """Write the driver, which notes in `end` the phase that failed and the environment that is left."""
    state = place / "state"
    state.mkdir()
    (state / "folder").write_text(f"{source}\n", encoding="utf-8")
    (state / "environment").write_text("", encoding="utf-8")
    (state / "each").write_text(_EACH.format(state=state), encoding="utf-8")
    ended = f'code=$?; [ $code = 0 ] || failed=${{failed:-$phase}}; . {state}/environment; {{ printf "%s\\0" "$failed"; env -0; }} > {place}/end'
    lines = [f"trap {shlex.quote(ended)} EXIT", "failed="]
    assert set(phases) <= set(PHASES)
    for phase in PHASES:
        body = phases.get(phase, {})
        assert set(body) <= {"on-failure", "runtime-versions", "commands", "finally"}
        assert body.get("on-failure", "ABORT") == "ABORT", "the runner knows no other"
        lines.append(f"phase={phase}; before=$failed")
        if phase == "post_build" and "on-failure" not in phases.get("build", {}):
            lines.append("[ $before != build ] || before=")  # it runs after a build that failed (E1.1)
        for key in ("commands", "finally"):
            for number, command in enumerate(body.get(key, ())):
                assert isinstance(command, str), command
                file = state / f"{phase}-{key}-{number}.sh"
                file.write_text(f"{command}\n", encoding="utf-8")
                do = f". {file}" if shell == "one shell" else f"$BASH {state}/each {file}"
                guard = '[ "$before$broken" ] || ' if key == "commands" else ""
                lines.append(f"{guard}{do} || {{ failed=${{failed:-{phase}}}; broken=yes; }}")
        lines.append("broken=")
    lines.append('[ -z "$failed" ]')
    (place / "driver").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _artifacts(source: Path, given: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where there are secondary ones, the primary is no artifact, but its files have to be there (E1.4)."""
    primary = {key: value for key, value in given.items() if key != "secondary-artifacts"}
    secondary = given.get("secondary-artifacts", {})
    found = _files(source, primary)
    yield from (
        {name: _files(source, block) for name, block in secondary.items()}.items() if secondary else [("", found)]
    )


def _files(source: Path, block: Mapping[str, Any]) -> dict[str, str]:
    assert set(block) <= {"files", "base-directory"}
    base = source / block.get("base-directory", ".")
    files = {}
    for pattern in block["files"]:
        matching = [path for path in sorted(base.glob(pattern)) if path.is_file()]
        if not matching:
            raise _Missing(base / pattern)
        files |= {str(path.relative_to(base)): path.read_text(encoding="utf-8") for path in matching}
    return files


def _calls(file: Path) -> tuple[Call, ...]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return tuple(Call(tuple(words), given, environment) for words, given, environment in map(json.loads, lines))
