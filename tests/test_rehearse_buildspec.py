"""A buildspec is run as CodeBuild's guide says, by a real shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse import buildspec
from cfngen.rehearse.errors import RehearsalError


def run(
    place: Path, phases: Mapping[str, Any], reading: str = buildspec.READINGS[0], seconds: float = 60, **more: Any
) -> tuple[buildspec.Build, str]:
    source = place / "source"
    source.mkdir()
    log = place / "log"
    env = {"PATH": "/usr/bin:/bin", "GIVEN": "project"}
    made = buildspec.run(
        {"version": 0.2, "phases": phases, **more}, source, place / "out", log, env, lambda kind, name: f"{kind} {name}",
        seconds, reading,
    )  # fmt: skip
    return made, log.read_text(encoding="utf-8")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_one_shell_keeps_variables_and_folder_through_all_phases(tmp_path: Path, shell: str) -> None:
    made, log = run(
        tmp_path,
        {
            "pre_build": {"commands": ["mkdir inner && cd inner", "kept=yes", "export SHOWN=$GIVEN-$DEFAULT"]},
            "build": {"commands": ['echo "kept is $kept in ${PWD##*/}"']},
        },
        env={
            "shell": shell,
            "variables": {"GIVEN": "buildspec", "DEFAULT": "d"},
            "exported-variables": ["SHOWN", "NONE"],
        },
    )
    assert not made.failed
    assert "kept is yes in inner" in log
    # The project's value goes before the buildspec's.
    assert made.exported == {"SHOWN": "project-d"}


def test_an_entry_that_ends_the_shell_leaves_what_it_exported(tmp_path: Path) -> None:
    made, log = run(
        tmp_path,
        {
            "build": {
                "commands": ["mkdir a; cd a; export LEFT=there; exit 3", "echo never"],
                "finally": ["echo in the end"],
            },
            "post_build": {"commands": ['echo "left $LEFT, ${PWD##*/}, $CODEBUILD_BUILD_SUCCEEDING"']},
        },
    )
    assert (made.failed, made.reason) == ("build", "build: exit status 3 of: mkdir a; cd a; export LEFT=there; exit 3")
    assert "never" not in log.replace("$ echo never", "")
    assert "in the end" in log
    assert "left there, a, 0" in log


@pytest.mark.parametrize(
    ("failing", "how", "runs"),
    [
        ("pre_build", "", "pre_build"),
        ("build", "", "pre_build build post_build"),
        ("build", "ABORT", "pre_build build"),
        ("pre_build", "CONTINUE", "pre_build build post_build"),
    ],
)
def test_which_phases_run_after_one_that_failed(tmp_path: Path, failing: str, how: str, runs: str) -> None:
    phases: dict[str, dict[str, Any]] = {name: {"commands": ["true"]} for name in ("pre_build", "build", "post_build")}
    phases[failing]["commands"] = ["false"]
    if how:
        phases[failing]["on-failure"] = how
    made, _ = run(tmp_path, phases)
    assert " ".join(name for name, _ in made.phases) == runs
    assert made.failed == ("" if how == "CONTINUE" else failing)


def test_a_phase_is_tried_again_as_often_as_it_says(tmp_path: Path) -> None:
    again = 'n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; test "$n" = 2'
    made, _ = run(tmp_path, {"build": {"on-failure": "RETRY-2", "commands": [again]}})
    assert not made.failed


@pytest.mark.parametrize(("how", "tries"), [("RETRY", 4), ("RETRY-1", 2), ("RETRY-0", 1), ("ABORT", 1)])
def test_a_phase_that_never_succeeds_is_tried_so_often(tmp_path: Path, how: str, tries: int) -> None:
    made, _ = run(tmp_path, {"build": {"on-failure": how, "commands": ["echo again >> tries; false"]}})
    assert made.failed == "build"
    assert (tmp_path / "source" / "tries").read_text(encoding="utf-8").split() == ["again"] * tries


@pytest.mark.parametrize("reading", buildspec.READINGS)
def test_what_an_entry_exports_and_its_folder_reach_the_next_in_either_reading(tmp_path: Path, reading: str) -> None:
    commands = ["mkdir a; cd a; export LEFT=there; own=here; set -e", 'false; echo "$LEFT in ${PWD##*/}, own $own"']
    made, log = run(tmp_path, {"build": {"commands": commands}}, reading, env={"exported-variables": ["LEFT"]})
    if reading == "one shell":
        assert made.failed == "build"  # the option of the first entry holds
    else:
        assert not made.failed
        assert "there in a, own \n" in log
    assert made.exported == {"LEFT": "there"}


@pytest.mark.parametrize("reading", buildspec.READINGS)
def test_a_build_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path, reading: str) -> None:
    phases = {
        "build": {"commands": ["sleep 60 & echo $! > started; wait", "echo never"]},
        "post_build": {"commands": ["echo never"]},
    }
    made, log = run(tmp_path, phases, reading, seconds=1)
    assert (made.failed, [name for name, _ in made.phases]) == ("build", ["build", "UPLOAD_ARTIFACTS"][:1])
    assert made.reason == "build: timed out after 1 s in: sleep 60 & echo $! > started; wait"
    assert "$ echo never" not in log
    process = Path("/proc", (tmp_path / "source" / "started").read_text(encoding="utf-8").strip(), "stat")
    # Who adopts it may not have looked yet; then it is a zombie.
    assert not process.exists() or process.read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"


def test_reports_are_looked_for_and_those_that_are_not_there_fail_nothing(tmp_path: Path) -> None:
    made, log = run(
        tmp_path,
        {"build": {"commands": ["mkdir -p app/reports; echo '<testsuites/>' > app/reports/junit.xml"]}},
        reports={
            "tests": {"base-directory": "app", "files": ["reports/junit.xml"], "file-format": "JUNITXML"},
            "coverage": {"files": ["coverage/*.xml"]},
        },
    )
    assert not made.failed
    assert {name: [file.name for file in files] for name, files in made.reports.items()} == {
        "tests": ["junit.xml"],
        "coverage": [],
    }
    assert "reports coverage: no matching artifact paths found: coverage/*.xml" in log


def test_secrets_and_parameters_come_from_the_account(tmp_path: Path) -> None:
    made, _ = run(
        tmp_path,
        {"build": {"commands": ["export ALL=$P-$S"]}},
        env={"parameter-store": {"P": "/p"}, "secrets-manager": {"S": "s:key"}, "exported-variables": ["ALL"]},
    )
    assert made.exported == {"ALL": "parameter-store /p-secrets-manager s:key"}


def test_artifacts_are_the_files_that_patterns_match(tmp_path: Path) -> None:
    make = "mkdir -p o/deep && echo 1 > o/a.json && echo 2 > o/deep/b.json && echo 3 > c"
    made, _ = run(
        tmp_path,
        {"build": {"commands": [make]}},
        artifacts={
            "files": ["c"],
            "secondary-artifacts": {
                "Deep": {"base-directory": "o", "files": ["**/*"]},
                "Flat": {"files": ["o/**/b.json"], "discard-paths": "yes"},
            },
        },
    )
    found = {
        name: sorted(str(p.relative_to(d)) for p in d.rglob("*") if p.is_file()) for name, d in made.artifacts.items()
    }
    assert found == {"Deep": ["a.json", "deep/b.json"], "Flat": ["b.json"]}


def test_an_artifact_that_is_not_there_fails_the_build(tmp_path: Path) -> None:
    made, log = run(tmp_path, {"build": {"commands": ["true"]}}, artifacts={"files": ["none.json"]})
    assert made.failed == "UPLOAD_ARTIFACTS"
    assert "no matching artifact paths found: none.json" in log


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"version": 0.1, "phases": {"build": {}}}, "version 0.2"),
        ({"version": 0.2, "phases": {"biuld": {}}}, "phases biuld"),
        ({"version": 0.2, "phases": {"build": {"on-failure": "RETRY-.*gone.*"}}}, "on-failure RETRY-.*gone.*: ABORT"),
        ({"version": 0.2, "phases": {"build": {}}, "reports": {"t": {"file": []}}}, "report file: CodeBuild knows"),
        ({"version": 0.2, "phases": {"build": {"comands": []}}}, "phase comands: CodeBuild knows no such key"),
        ({"version": 0.2, "phases": {"build": {"commands": [{"echo a": "b"}]}}}, "a colon made a mapping of it?"),
        ({"version": 0.2, "phases": {"build": {}}, "batch": {}}, "batch: not played here"),
        (
            {"version": 0.2, "phases": {"build": {}}, "artifacts": {"secondary-artifacts": {"A": {"fils": []}}}},
            "artifacts fils",
        ),
    ],
)
def test_what_codebuild_would_refuse_is_refused(spec: Mapping[str, Any], told: str) -> None:
    with pytest.raises(RehearsalError, match=told.replace("?", r"\?")):
        buildspec.check(spec)
