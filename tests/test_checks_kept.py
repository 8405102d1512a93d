"""What cfn-lint found is kept by all that it depends on; several processes ask it, and can be interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from breaking import LINT, listener

from cfngen import checks
from cfngen._yaml import dump
from cfngen.checks import kept
from cfngen.checks import lint as linter
from cfngen.checks.lint import Found, Job


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that the linter was really asked of; its findings are one line each."""
    files: list[str] = []

    def run(job: Job) -> list[Found]:
        files.append(job.file)
        return [Found("E1", "error", 1, "", f"{job.file} is wrong in eu-west-1")]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "_folder", lambda: tmp_path / "cache" / "cfngen" / "lint")
    monkeypatch.setattr(linter, "_run", run)
    monkeypatch.setattr(linter, "_memory", {})
    return files


def written(folder: Path, files: dict[str, str]) -> list[checks.Stage]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return checks.generated(folder)


def template(name: str, **nested: str) -> str:
    stacks = {
        key: {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": child}}
        for key, child in nested.items()
    }
    return dump({"Description": name, "Resources": {"A": {"Type": "AWS::SQS::Queue"}, **stacks}})


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in another process."""
    monkeypatch.setattr(linter, "_memory", {})


def test_what_did_not_change_is_not_asked_again(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.yaml": template("a"), "b.yaml": template("b")}
    first = checks.check(written(tmp_path / "stage", files), LINT)
    forget(monkeypatch)
    assert checks.check(written(tmp_path / "stage", files), LINT) == first != []
    assert asked == ["a.yaml", "b.yaml"]


def test_what_changed_is_asked_again_and_so_is_whatever_nests_it(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"root.yaml": template("root", Child="a.yaml"), "a.yaml": template("a"), "b.yaml": template("b")}
    checks.check(written(tmp_path / "stage", files), LINT)
    asked.clear()
    forget(monkeypatch)
    checks.check(written(tmp_path / "stage", files | {"a.yaml": template("another")}), LINT)
    assert asked == ["a.yaml", "root.yaml"]


def test_findings_are_told_of_the_folder_that_is_checked_now(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        forget(monkeypatch)
        (finding,) = checks.check(written(tmp_path / name, {"a.yaml": template("a")}), LINT)
        assert finding.file == f"{tmp_path / name}/a.yaml"
    assert asked == ["a.yaml"]


def test_the_linters_version_is_a_part_of_what_findings_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.key("a")
    assert before == kept.key("a") != kept.key("b")
    monkeypatch.setattr(kept, "_linter", lambda: ("0.0.0", 0, ""))
    assert kept.key("a") != before


def test_fresh_asks_again(asked: list[str], tmp_path: Path) -> None:
    stages = written(tmp_path / "stage", {"a.yaml": template("a")})
    for fresh in (False, False, True):
        checks.check(stages, LINT, fresh=fresh)
    assert asked == ["a.yaml", "a.yaml"]


@pytest.mark.parametrize("broken", ["", "[[1]]", "{", '{"a": 1}', "3"])
def test_what_an_interruption_left_is_asked_again(
    broken: str, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = written(tmp_path / "stage", {"a.yaml": template("a")})
    first = checks.check(stages, LINT)
    (file,) = (tmp_path / "cache" / "cfngen" / "lint").iterdir()
    file.write_text(broken, encoding="utf-8")
    forget(monkeypatch)
    assert checks.check(stages, LINT) == first
    assert asked == ["a.yaml", "a.yaml"]


def test_without_a_place_to_keep_anything_it_works_as_ever(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(kept, "_folder", lambda: tmp_path / "file" / "lint")
    stages = written(tmp_path / "stage", {"a.yaml": template("a")})
    assert checks.check(stages, LINT) == checks.check(stages, LINT) != []
    assert asked == ["a.yaml"]


def test_what_nobody_asks_for_goes_in_the_end(asked: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "cfngen" / "lint"
    folder.mkdir(parents=True)
    for name, days in (("old", 61), ("used", 59)):
        (folder / name).write_text("[]")
        os.utime(folder / name, (time.time() - days * 86400,) * 2)
    checks.check(written(tmp_path / "stage", {"a.yaml": template("a")}), LINT)
    assert len([*folder.iterdir()]) == 2
    assert (folder / "used").exists()


def test_several_stages_are_asked_in_one_go_and_each_hears_of_its_own(asked: list[str], tmp_path: Path) -> None:
    from dataclasses import replace

    told: list[str] = []
    stages = [
        replace(stage, tell=lambda file, name=name: told.append(f"{name}/{file}"))
        for name in ("one", "two")
        for stage in written(tmp_path / name, {"a.yaml": template("a"), "b.yaml": template(name)})
    ]
    checks.check(stages, LINT)
    assert sorted(asked) == ["a.yaml", "b.yaml", "b.yaml"]
    assert sorted(told) == ["one/a.yaml", "one/b.yaml", "two/a.yaml", "two/b.yaml"]


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_unchanged_output_never_imports_the_linter(tmp_path: Path) -> None:
    written(tmp_path / "stage", {"a.yaml": dump(listener(Protocol="HTP"))})
    look = (
        "import sys; from cfngen.cli import cli\n"
        "try: cli(['check', *sys.argv[1:]])\n"
        "except SystemExit as end: print(end.code, 'cfnlint' in sys.modules)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", look, str(tmp_path / "stage"), "--allow", "W2001"],
            capture_output=True, text=True, check=True, env=environment(tmp_path),
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert said[0].endswith("1 True\n")
    assert said[1] == said[0].replace("1 True\n", "1 False\n")
    assert "HTP" in said[1]


HERE = os.getpid()


def _answer_of_a_helper(job: Job) -> tuple[str, list[Found]]:
    assert os.getpid() != HERE
    return job.key, linter._run(job)


def test_many_new_templates_are_shared_by_processes_that_find_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"t{number}.yaml": dump(listener(Protocol=f"HTP{number}")) for number in range(3)}
    monkeypatch.setattr(kept, "_folder", lambda: tmp_path / "one")
    monkeypatch.setattr(linter, "_memory", {})
    alone = checks.check(written(tmp_path / "stage", files), LINT)
    monkeypatch.setattr(kept, "_folder", lambda: tmp_path / "two")
    monkeypatch.setattr(linter, "_memory", {})
    monkeypatch.setattr(linter, "AT_ONCE", 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(linter, "_answer", _answer_of_a_helper)
    shared = checks.check(written(tmp_path / "stage", files), LINT)
    assert shared == alone
    assert len(alone) >= 3


@pytest.mark.parametrize("with_helpers", [False, True], ids=["Ctrl-C on a terminal", "a signal to it alone"])
def test_an_interruption_ends_all_processes_without_a_traceback(with_helpers: bool, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    written(stage, {f"t{number}.yaml": dump(listener(Protocol=f"HTP{number}")) for number in range(30)})
    code = "import sys, cfngen.checks.lint as lint; lint.AT_ONCE = 2; from cfngen.__main__ import main; main()"
    made = subprocess.Popen(
        [sys.executable, "-c", code, "check", str(stage)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path), start_new_session=True,
    )  # fmt: skip
    kept_files = tmp_path / "cache" / "cfngen" / "lint"
    while not kept_files.exists() or not any(kept_files.iterdir()):  # the first template is done
        assert made.poll() is None
        time.sleep(0.05)
    (os.kill if with_helpers else os.killpg)(made.pid, signal.SIGINT)
    out, err = made.communicate(timeout=60)
    assert (made.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert err.endswith("interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(made.pid, 0)
    assert all(json.loads(each.read_text()) for each in kept_files.iterdir())
