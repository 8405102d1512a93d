"""Runs a buildspec as the rehearsal does, with a `docker`, `aws` and `sleep` that only say what they were told to.

A build has to work, and to fail, in either reading of what CodeBuild makes of an entry (`cfngen.rehearse.buildspec.READINGS`).
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped,unused-ignore]
import yaml  # type: ignore[import-untyped,unused-ignore]

from cfngen.rehearse import buildspec

SHELLS = buildspec.READINGS


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


@lru_cache
def _spec(text: str) -> Any:
    return yaml.safe_load(text)


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
    spec = _spec(text)
    place.mkdir()
    _fakes(place, answers)
    own = {"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place)}
    log = place / "log"
    made = buildspec.run(spec, source, place / "out", log, own | dict(variables), _no_secret, 60, shell)
    artifacts = {} if made.failed else {name: dict(_texts(folder)) for name, folder in made.artifacts.items()}
    told = log.read_text(encoding="utf-8")
    return Build(made.failed, told, tuple(_calls(place / "calls")), made.exported, artifacts)


def _no_secret(kind: str, name: str) -> str:
    raise AssertionError(f"nobody gave a {kind} {name}")


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield str(file.relative_to(folder)), file.read_text(encoding="utf-8")


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


def _calls(file: Path) -> Iterator[Call]:
    parts = iter(file.read_text(encoding="utf-8").split("\0")[:-1] if file.exists() else ())
    for number in parts:
        words = tuple(next(parts) for _ in range(int(number)))
        yield Call(words, next(parts), next(parts))
