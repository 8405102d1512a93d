"""`cfngen simulate --update`: when a change of the templates hurts, and when waiting is enough."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run
from specimens import Body, Mistake, by_hand, by_parameter, by_reference, edited, files, forward

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


def _by_hand(tmp_path: Path, before: Iterable[Mistake], after: Iterable[Mistake]) -> tuple[Path, Path]:
    for name, mistakes in (("old", before), ("new", after)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "system.json").write_text(files(by_hand(), *mistakes).texts["system.yaml"], encoding="utf-8")
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
    assert {each["invariant"] for each in data["in_release"]} == {"T3", "T5", "T12"}


def test_an_update_that_fails_is_played_at_each_of_its_writes(cfngen: Run, tmp_path: Path) -> None:
    """A priority is changed and, after it, an alarm; when the alarm fails the rule is written back, to blue."""
    edits = (edited("AdminRule", Priority=99), edited("AdminAlarm", Threshold=1))
    done = cfngen("simulate", "--update", *_by_hand(tmp_path, (), edits), "--format", "json")
    assert done.status == 1
    (data,) = json.loads(done.out)
    assert any("AdminRule is written" in each["after"] for each in data["hurts"])
    assert data["played"] > 27 + 2 * 2


COLOURS = ("--ssm", "admin-colour=blue", "--ssm", "admin-blue=100", "--ssm", "admin-green=0")
EDITS = (edited("AdminRule", Priority=99), edited("AdminAlarm", Threshold=1))


@pytest.mark.parametrize(("mistake", "edits"), [(by_parameter, ()), (by_reference, EDITS)])
def test_a_colour_in_ssm_follows_the_releases_and_hurts_when_the_update_fails(
    cfngen: Run, tmp_path: Path, mistake: Mistake, edits: tuple[Mistake, ...]
) -> None:
    """The update writes what SSM says, which is right; its rollback writes what was read before the release."""
    folders = _by_hand(tmp_path, (mistake,), (mistake, *edits))
    done = cfngen("simulate", "--update", *folders, *COLOURS)
    assert done.status == 1
    assert "where no task of admin runs" in done.out
    assert "UPDATE_ROLLBACK_COMPLETE" in done.out


def test_a_reference_that_no_edit_touches_hurts_in_the_middle_of_no_release_either(cfngen: Run, tmp_path: Path) -> None:
    """As long as CloudFormation looks it up only where its text changes; else it would end a canary."""
    folders = _by_hand(tmp_path, (by_reference,), (by_reference, EDITS[1]))
    done = cfngen("simulate", "--update", *folders, *COLOURS, "--format", "json")
    (data,) = json.loads(done.out)
    assert (done.status, data["hurts"]) == (0, [])


@pytest.mark.parametrize("values", [("admin-blue=90", "admin-green=10"), ("admin-blue=100", "admin-green=0")])
def test_a_value_in_ssm_that_is_no_colour_stays(cfngen: Run, tmp_path: Path, values: tuple[str, str]) -> None:
    """A number that decides about no weight is none, even if it looks like one."""

    def retained(body: Body) -> None:
        for value in values:
            name = value.partition("=")[0]
            body["Resources"][name.replace("-", "")] = {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": f"{{{{resolve:ssm:{name}}}}}"},
            }

    told = [word for value in values for word in ("--ssm", value)]
    done = cfngen("simulate", "--update", *_by_hand(tmp_path, (retained,), (retained, EDITS[1])), *told)
    assert (done.status, done.out) == (0, "")


def _with_colour(body: Body) -> None:
    """A rule that replaces one, and is told the colour that serves by a parameter."""
    body["Parameters"]["Live"] = {"Type": "String", "AllowedValues": ["blue", "green"]}
    body["Mappings"] = {"Weights": {"blue": {"Blue": 100, "Green": 0}, "green": {"Blue": 0, "Green": 100}}}
    blue, green = ({"Fn::FindInMap": ["Weights", {"Ref": "Live"}, each]} for each in ("Blue", "Green"))
    old = body["Resources"].pop("AdminRule")
    body["Resources"]["AdminRule2"] = {
        **old,
        "Properties": {**old["Properties"], "Priority": 101, "Actions": forward(blue, green, "Admin")},
    }
    body["Resources"]["AdminService"]["DependsOn"] = ["AdminRule2", "AdminTestRule"]


def _before(body: Body) -> None:
    body["Parameters"]["Live"] = {"Type": "String"}


def test_the_new_templates_may_have_parameters_of_their_own(cfngen: Run, tmp_path: Path) -> None:
    """Blue serves before the first release and after the second, green after the first: one value is never right."""
    folders = _by_hand(tmp_path, (_before,), (_with_colour,))
    given = ("--parameter", "Live=old", "--format", "json")
    for colour, empty in (("green", "AdminGreen"), ("blue", "AdminBlue")):
        done = cfngen("simulate", "--update", *folders, *given, "--new-parameter", f"Live={colour}")
        (data,) = json.loads(done.out)
        seen = [each["seen"] for each in data["hurts"] if each["invariant"] == "T1"]
        assert seen
        assert all(f"/{empty}-" in each and "where no task of admin runs" in each for each in seen), seen


def test_a_parameter_of_the_new_templates_is_one_of_theirs(cfngen: Run, tmp_path: Path) -> None:
    folders = _by_hand(tmp_path, (_before,), ())
    done = cfngen("simulate", "--update", *folders, "--new-parameter", "Live=blue")
    assert done.status == 2
    assert "--new-parameter: 'Live'; no root has such a parameter; known: Certificate" in done.err
    alone = cfngen("simulate", folders[1], "--new-parameter", "Certificate=two")
    assert alone.status == 2
    assert "belongs to --update OLD NEW" in alone.err


def test_an_update_in_the_middle_of_a_release_is_played_in_the_reading_that_it_depends_on(
    cfngen: Run, tmp_path: Path
) -> None:
    """Where CodeDeploy looks for its rules once, at the start, it never moves a rule that comes later."""
    more = replace(ADMIN, paths=("/admin", "/admin/*", "/staff"))
    old, new = _write(tmp_path, _shop(WEB, ADMIN), _shop(WEB, more))
    (data,) = json.loads(cfngen("simulate", "--update", old, new, "--format", "json").out)
    assert {each["readings"] for each in data["in_release"]} >= {"rules_are_found=at the start"}


def test_an_update_that_fails_is_played_in_the_other_order_too(cfngen: Run, tmp_path: Path) -> None:
    """The alarm is written before the rule in the believed order, and after it in the other one."""
    edits = (edited("AdminAlarm", Threshold=1), edited("WebAlarm", Threshold=1))
    done = cfngen("simulate", "--update", *_by_hand(tmp_path, (), edits), "--format", "json")
    (data,) = json.loads(done.out)
    assert (done.status, data["hurts"]) == (0, [])
    assert data["played"] == 27 + 2 * 2 + 2 * 6


def test_a_log_hears_of_long_work_now_and_then(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on a terminal nothing is said while it is quick; here every life seems to take an hour."""
    folders = _write(tmp_path, _shop(WEB), _shop(WEB))
    assert "after 0 releases" not in cfngen("simulate", "--update", *folders).err
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(hours)))
    lines = cfngen("simulate", "--update", *folders).err.splitlines()
    assert len(lines) > 27
    assert "in the middle of a release, step 1 of " in lines[27]
