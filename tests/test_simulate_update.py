"""`cfngen simulate --update`: when a change of the templates hurts, and when waiting is enough."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run
from specimens import by_hand, edited, files

from cfngen import App, Balancer, Ledger, Service, stage_files, write

WEB = Service(name="web")
ADMIN = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")


def _shop(*services: Service) -> App:
    return App(name="shop", services=services, balancer=Balancer(https=False))


def _write(tmp_path: Path, before: App, after: App) -> tuple[Path, Path]:
    old = stage_files(before)
    new = stage_files(after, Ledger.read(old["ledger.json"]))
    write({tmp_path / "old": old, tmp_path / "new": new})
    return tmp_path / "old", tmp_path / "new"


def test_a_change_that_writes_no_rule_hurts_at_no_step_and_with_no_failure(cfngen: Run, tmp_path: Path) -> None:
    tagged = replace(_shop(WEB, ADMIN), tags={"Team": "beans"})
    done = cfngen("simulate", "--update", *_write(tmp_path, _shop(WEB, ADMIN), tagged))
    assert (done.status, done.out) == (0, "")
    assert "2 services, 2 of them released" in done.err
    assert "nothing hurts\n" in done.err


def test_what_only_hurts_in_the_middle_of_a_release_is_told_and_is_no_failure(cfngen: Run, tmp_path: Path) -> None:
    """A rule that replaces one begins with the colour that serves, without the part that a canary has."""
    guarded = replace(ADMIN, allowed_addresses=("203.0.113.0/24",))
    old, new = _write(tmp_path, _shop(WEB, ADMIN), _shop(WEB, guarded))
    done = cfngen("simulate", "--update", old, new)
    assert done.status == 0
    assert "In the middle of a release this would hurt, too" in done.out
    assert "admin v1 90%, admin v2 10% and now gets admin v1 100%" in done.out
    assert "nothing hurts; " in done.err
    assert "deploy when none is in flight" in done.err
    (data,) = json.loads(cfngen("simulate", "--update", old, new, "--format", "json").out)
    assert data["hurts"] == []
    assert {each["invariant"] for each in data["in_release"]} == {"T3", "T12"}


def test_an_update_that_fails_is_played_at_each_of_its_writes(cfngen: Run, tmp_path: Path) -> None:
    """A priority is changed and, after it, an alarm; when the alarm fails the rule is written back, to blue."""
    for name, mistakes in (("old", ()), ("new", (edited("AdminRule", Priority=99), edited("AdminAlarm", Threshold=1)))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "system.json").write_text(files(by_hand(), *mistakes).texts["system.yaml"], encoding="utf-8")
    done = cfngen("simulate", "--update", tmp_path / "old", tmp_path / "new", "--format", "json")
    assert done.status == 1
    (data,) = json.loads(done.out)
    assert any("AdminRule is written" in each["after"] for each in data["hurts"])
    assert data["played"] > 27 + 2 * 2


def test_a_log_hears_of_long_work_now_and_then(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on a terminal nothing is said while it is quick; here every life seems to take an hour."""
    folders = _write(tmp_path, _shop(WEB), _shop(WEB))
    assert "after 0 releases" not in cfngen("simulate", "--update", *folders).err
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(hours)))
    lines = cfngen("simulate", "--update", *folders).err.splitlines()
    assert len(lines) > 27
    assert "in the middle of a release, step 1 of " in lines[27]
