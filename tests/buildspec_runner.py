"""Runs a buildspec as CodeBuild does, with a `docker`, `aws` and `sleep` that only say what they were told to.

CodeBuild's guide promises one shell for all commands of version 0.2. Its sister's published runner shows that each
entry of `commands` is a script that gets the folder and the environment of the one before it: options of the shell are
lost, and whether a variable needs its `export` is nowhere said. `SHELLS` are both readings, the second in its strictest
sense; a build has to work, and to fail, in either.
"""

from __future__ import annotations

import json
import shlex
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
    """One run of a command: `environment` is what it got, as bash's `export -p` tells it."""

    words: tuple[str, ...]
    stdin: str
    environment: str

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


class _MissingError(Exception):
    pass


# Notes the call; the first pattern that its words match has the answers, of which the last one holds for ever.
# Written for speed, since a build calls it dozens of times.
_FAKE = """\
#!/bin/bash
words=("${{0##*/}}" "$@")
given=
[[ " $* " != *" --password-stdin "* ]] || IFS= read -rd '' given
printf '%s\\0' "${{#words[@]}}" "${{words[@]}}" "$given" "$(export -p)" >> {here}/calls
case "${{words[*]}}" in
{cases}
*) echo "nobody told what to answer to: ${{words[*]}}" >&2; exit 1 ;;
esac
count=0
[ ! -e {here}/count-$number ] || read -r count < {here}/count-$number
echo $((count + 1)) > {here}/count-$number
[ $count -lt $answers ] || count=$((answers - 1))
answer={here}/answer-$number-$count
if [ -e $answer.json ]; then exec {here}/bin/python3 -IS {here}/query $answer.json "$@"; fi
if [ -e $answer.failure ]; then cat $answer.failure >&2; exit 1; fi
printf '%s\\n' "$(< $answer.text)"
"""
_QUERY = """\
import json, sys
sys.path.append({packages!r})
import jmespath
assert sys.argv[sys.argv.index("--output") + 1] == "text"
with open(sys.argv[1], encoding="utf-8") as response:
    found = jmespath.search(sys.argv[sys.argv.index("--query") + 1], json.load(response))
print("\\t".join(map(str, found)) if isinstance(found, list) else found)
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
        except _MissingError as missing:
            failed, log = "UPLOAD_ARTIFACTS", f"{log}no matching artifact paths found: {missing}\n"
    exported = {name: environment[name] for name in spec["env"].get("exported-variables", ()) if name in environment}
    return Build(failed, log, tuple(_calls(place / "calls")), exported, artifacts)


def _fakes(place: Path, answers: Mapping[str, Answer | Sequence[Answer]]) -> None:
    cases = []
    for number, (pattern, given) in enumerate(answers.items()):
        told = [given] if isinstance(given, str | Fails | Mapping) else given
        for count, answer in enumerate(told):
            kind, text = _plain(answer)
            (place / f"answer-{number}-{count}.{kind}").write_text(text, encoding="utf-8")
        quoted = "*".join(map(shlex.quote, pattern.split("*")))
        cases.append(f"{quoted}) number={number} answers={len(told)} ;;")
    packages = str(Path(jmespath.__file__).parents[1])
    (place / "query").write_text(_QUERY.format(packages=packages), encoding="utf-8")
    (place / "bin").mkdir()
    fake = _FAKE.format(here=place, cases="\n".join(cases))
    for name, program in {
        **dict.fromkeys(("aws", "docker", "sleep"), fake),
        "python3": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n',
    }.items():
        (place / "bin" / name).write_text(program, encoding="utf-8")
        (place / "bin" / name).chmod(0o755)


def _plain(answer: Answer) -> tuple[str, str]:
    match answer:
        case Fails():
            return "failure", f"{answer.says}\n"
        case str():
            return "text", answer
    return "json", json.dumps(answer)


def _commands(place: Path, phases: Mapping[str, Mapping[str, Any]], source: Path, shell: str) -> None:
    """Write the driver, which notes in `end` the phase that failed and the environment that is left."""
    state = place / "state"
    state.mkdir()
    (state / "folder").write_text(f"{source}\n", encoding="utf-8")
    (state / "environment").write_text("", encoding="utf-8")
    (state / "each").write_text(_EACH.format(state=state), encoding="utf-8")
    # A shell that an entry ends, with whatever status, does not get to the end.
    ended = f'[ "$r_done" ] || r_failed=${{r_failed:-$r_phase}}; . {state}/environment; {{ printf "%s\\0" "$r_failed"; env -0; }} > {place}/end'
    lines = [f"trap {shlex.quote(ended)} EXIT"]
    assert set(phases) <= set(PHASES)
    for phase in PHASES:
        body = phases.get(phase, {})
        assert set(body) <= {"on-failure", "runtime-versions", "commands", "finally"}
        assert body.get("on-failure", "ABORT") == "ABORT", "the runner knows no other"
        lines.append(f"r_phase={phase}; r_before=$r_failed; r_broken=")
        if phase == "post_build" and "on-failure" not in phases.get("build", {}):
            lines.append('[ "$r_before" != build ] || r_before=')  # it runs after a build that failed (E1.1)
        for key, unless in (("commands", "$r_before$r_broken"), ("finally", "$r_before")):
            for number, command in enumerate(body.get(key, ())):
                assert isinstance(command, str), command
                file = state / f"{phase}-{key}-{number}.sh"
                file.write_text(f"{command}\n", encoding="utf-8")
                do = f". {file}" if shell == "one shell" else f"$BASH {state}/each {file}"
                lines.append(f'[ "{unless}" ] || {do} || {{ r_failed=${{r_failed:-{phase}}}; r_broken=yes; }}')
    lines.append("r_done=yes")
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
            raise _MissingError(base / pattern)
        files |= {str(path.relative_to(base)): path.read_text(encoding="utf-8") for path in matching}
    return files


def _calls(file: Path) -> Iterator[Call]:
    parts = iter(file.read_text(encoding="utf-8").split("\0")[:-1] if file.exists() else ())
    for number in parts:
        words = tuple(next(parts) for _ in range(int(number)))
        yield Call(words, next(parts), next(parts))
