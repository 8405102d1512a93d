"""`cfngen check`, the command: what it looks at, tells and refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from breaking import (
    QUICK,
    ROOT,
    TASKDEF,
    Files,
    found,
    listener,
    stage_of_coffee,
)

from cfngen import (
    checks,
)
from cfngen._yaml import dump
from cfngen.checks import CHECKS


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with coffee's description and what was generated from it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "services").mkdir()
    shutil.copy(ROOT / "services" / "coffee.py", folder / "services")
    _python(folder, "generate")
    return folder


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cfngen", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("stage", "notes"), [("dev", ["C402"]), ("prod", [])])
def test_coffee_passes(
    stage: str, notes: list[str], project: Path, cfngen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    said = cfngen("check", "--stage", stage)
    assert re.findall(r"^\S+:\d+: info (\w+) ", said.out, re.MULTILINE) == notes
    assert (len(said.out.splitlines()), said.status) == (len(notes), 0)
    counted = f"errors: 0, warnings: 0, notes: {len(notes)}"
    *progress, last = said.err.splitlines()  # a slow machine is told of some files on the way
    assert re.fullmatch(rf"templates/coffee/{stage}; {counted} \([\d.]+ s\)", last)
    assert all(re.fullmatch(r"\d+/\d+ [\w-]+\.yaml", each) for each in progress)


def test_a_folder_is_checked_as_it_is_and_told_as_json(tmp_path: Path, project: Path, cfngen: Any) -> None:
    shutil.copytree(project / "templates" / "coffee" / "dev", tmp_path / "coffee" / "dev")
    broken = tmp_path / "coffee" / "dev" / TASKDEF
    broken.write_text(broken.read_text(encoding="utf-8").replace('"family"', '"familie"'), encoding="utf-8")
    said = cfngen("check", tmp_path, "--format", "json")
    findings = json.loads(said.out)
    assert said.status == 1
    assert {each["check"] for each in findings} == {"C201", "C203", "C303", "C402"}
    assert all(list(each) == ["check", "level", "file", "line", "path", "message"] for each in findings)
    assert next(each for each in findings if each["check"] == "C201") == {
        "check": "C201",
        "level": "error",
        "file": broken.as_posix(),
        "line": 2,
        "path": "familie",
        "message": "unknown key 'familie'; did you mean 'family'?",
    }
    assert [each["file"] for each in findings] == sorted(each["file"] for each in findings)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder that is soon checked: one note, C402, and a warning, W2001."""
    data = listener()
    data["Parameters"]["Unused"] = {"Type": "String"}
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "cluster.yaml").write_text(dump(data))
    return folder


def test_a_warning_fails_unless_it_is_allowed(small: Path, cfngen: Any) -> None:
    plain, allowed = cfngen("check", small), cfngen("check", small, "--allow", "C403", "--allow", "W2001")
    assert (plain.status, allowed.status) == (1, 0)
    assert plain.out == allowed.out
    assert plain.out.splitlines() == sorted(plain.out.splitlines(), key=lambda line: int(line.split(":")[1]))
    assert {line.split()[1] for line in plain.out.splitlines()} == {"warning", "info"}


def test_an_error_fails_beside_an_allowed_warning(small: Path, cfngen: Any) -> None:
    (small / "more.yaml").write_text("Resources: [\n")
    assert cfngen("check", small, "--allow", "W2001").status == 1


@pytest.mark.parametrize(("allow", "hint"), [
    ("E3012", "an error cannot be allowed"),
    ("C301", "an error cannot be allowed"),
    ("W20011", "no check has this id; did you mean 'W2001'?"),
    ("c401", "no check has this id; did you mean 'C401'?"),
])  # fmt: skip
def test_only_a_warning_can_be_allowed(allow: str, hint: str, small: Path, cfngen: Any) -> None:
    said = cfngen("check", small, "--allow", allow)
    assert (said.status, said.out) == (2, "")
    assert f"--allow: {allow!r}; {hint}" in said.err


def test_a_description_whose_folder_is_missing_or_stale_is_told_the_command(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files, only = stage_of_coffee("dev"), [check for check in CHECKS if check.id == "C001"]
    folder = Path("out/coffee/dev")

    def told(number: int) -> list[str]:
        stages = checks.rendered({folder: files}, tmp_path / str(number), "cfngen generate services/coffee.py")
        return [str(each) for each in checks.check(stages, only)]

    run = "run: cfngen generate services/coffee.py"
    assert told(1) == [f"out/coffee/dev:1: error C001 the folder is not there; {run}"]
    shutil.copytree(project / "templates" / "coffee" / "dev", folder)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert told(2) == []
    (folder / TASKDEF).write_text("{}")
    (folder / "old.yaml").write_text("")
    assert told(3) == [
        f"out/coffee/dev:1: error C001 the folder is not what the description says ({TASKDEF}, old.yaml); {run}"
    ]


def test_a_stale_folder_fails_the_command(
    project: Path, cfngen: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(project / "services", tmp_path / "services")
    (tmp_path / "services" / "tiny.py").write_text(
        "from cfngen import App, Balancer, Service\n"
        "app = App(name='tiny', services=(Service(name='web'),), balancer=Balancer(https=False))\n"
    )
    monkeypatch.chdir(tmp_path)
    said = cfngen("check", "services/tiny.py", "--out", "out")
    assert (said.status, re.findall(r"(\w+) C001", said.out)) == (1, ["error"])
    assert said.out.startswith("out/tiny/dev:1: ")
    assert "run: cfngen generate services/tiny.py --out out\n" in said.out
    assert not Path("out").exists()
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("arguments", "told"), [
    (("nowhere.py",), "there is no such file"),
    (("empty",), "there are no templates in it"),
    (("empty", "--out", "x"), "belongs to APP"),
    (("some", "--stage", "dve"), "no stage in some; did you mean 'dev'?"),
    (("some", "--stage", "prod"), "there are no templates in it"),
    ((), "name the application's description"),
    (("--format", "xml"), "Invalid value for '--format'"),
    (("bad.py",), "assign a tuple of App objects"),
])  # fmt: skip
def test_wrong_input_is_refused(
    arguments: tuple[str, ...], told: str, cfngen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"empty/notes.txt": "", "bad.py": "stages = 7\n", "some/dev/a.yaml": "Resources: {}\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for stage in ("dev", "prod"):
        (tmp_path / "some" / stage).mkdir(exist_ok=True)
        (tmp_path / "some" / stage / "ledger.json").write_text("{}")
    said = cfngen("check", *arguments)
    assert (said.status, said.out) == (2, "")
    assert told in said.err


def test_what_is_wrong_in_any_stage_is_told_at_once(
    cfngen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(
        "from cfngen import App, Balancer, Service\n"
        "twice = tuple(Service(name=name, paths=('/*',)) for name in ('one', 'two'))\n"
        "stages = tuple(App(name='shop', stage=stage, services=twice) for stage in ('dev', 'prod'))\n"
    )
    said = cfngen("check", "app.py")
    assert (said.status, said.out, said.err.count("claims the same requests")) == (2, "", 1)


def test_hidden_folders_are_nobodys_stages(tmp_path: Path) -> None:
    for folder in ("dev", ".dev.old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ledger.json").write_text("{}")
        (tmp_path / folder / "a.yaml").write_text("Resources: {}\n")
    assert [each.name for each in checks.generated(tmp_path)] == [f"{tmp_path}/dev"]


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path, coffee: Files) -> None:
    found(tmp_path, coffee)
    (tmp_path / "stage" / TASKDEF).write_bytes(b"\xff\xfe")
    findings = checks.check(checks.generated(tmp_path / "stage"), QUICK)
    assert [each.check for each in findings if each.level == "error"] == ["C002"]


def test_a_missing_linter_is_told_with_its_remedy(small: Path) -> None:
    blocked = "import sys; sys.modules['cfnlint'] = None; from cfngen.__main__ import main; main()"
    made = subprocess.run(
        [sys.executable, "-c", blocked, "check", str(small)], capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr == "error: check needs cfnlint; run: make install, or pip install 'cfngen[check]'\n"


def test_other_commands_do_not_wait_for_the_linter() -> None:
    look = "import sys, cfngen.cli; print({'cfnlint', 'botocore', 'cfngen.checks'} & set(sys.modules))"
    made = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert made.stdout == "set()\n"


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_terminal_gets_colours_and_progress(no_colour: bool, small: Path) -> None:
    outside, inside = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    made = subprocess.Popen(
        [sys.executable, "-m", "cfngen", "check", str(small)],
        stdout=inside,
        stderr=inside,
        env=environment | ({"NO_COLOR": "1"} if no_colour else {}),
    )
    os.close(inside)
    said = b""
    try:
        while part := os.read(outside, 4096):
            said += part
    except OSError:
        pass  # a terminal whose other end is closed ends so
    os.close(outside)
    assert made.wait() == 1
    assert b"1/1 cluster.yaml" in said
    assert (b"\x1b[33mwarning\x1b[0m" in said) is not no_colour
    assert (re.search(rb"\x1b\[[\d;]*m", said) is None) is no_colour
