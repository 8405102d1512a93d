"""`cfngen simulate`: what it says of good and bad templates, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run
from specimens import Body, by_hand, files, forward, properties

from cfngen import App, Balancer, Ledger, Service, stage_files, write
from cfngen.simulate.behaviour import BEHAVIOURS
from cfngen.simulate.watch import INVARIANTS

ROOT = Path(__file__).parent.parent


def test_coffee_is_played_and_nothing_hurts(cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = cfngen("simulate", "services/coffee.py")
    assert (done.status, done.out) == (0, "")
    assert "templates/coffee/dev: 2 services, 2 of them released; 9 histories played; nothing hurts" in done.err
    assert "templates/coffee/prod: 2 services, 2 of them released; 9 histories played; nothing hurts" in done.err


def test_workers_are_counted_apart(cfngen: Run, tmp_path: Path) -> None:
    description = tmp_path / "cfngen.yaml"
    description.write_text(
        "name: shop\nbalancer: {https: false}\nservices: {web: {}}\nworkers: {mailer: {}, packer: {}}\n"
    )
    assert "templates/shop/dev: 1 service and 2 workers, 1 of them released" in cfngen("simulate", description).err


@pytest.mark.parametrize("paths", ["[/admin/*]", "[/admin, /admin/*]", "[/*]"])
def test_a_maintenance_page_before_a_service_hurts_nothing(cfngen: Run, tmp_path: Path, paths: str) -> None:
    """What only resembles the paths of the closed service goes to another one, as it does when it is open."""
    description = tmp_path / "cfngen.yaml"
    closed = f"{{paths: {paths}, hosts: [shop.example.com], health_path: /admin/health, maintenance: Back at six.}}"
    description.write_text(f"name: shop\nbalancer: {{https: false}}\nservices: {{web: {{}}, admin: {closed}}}\n")
    done = cfngen("simulate", description)
    assert (done.status, done.out) == (0, "")
    assert "nothing hurts" in done.err


def test_the_story_shows_rules_and_tasks_over_time(cfngen: Run) -> None:
    done = cfngen("simulate", ROOT / "templates/coffee/prod", "--story")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    at = lines.index(next(line for line in lines if line.endswith("prod, customer")))
    assert lines[at + 1] == "min what happens production test tasks"
    told = lines[at : at + 20]
    assert any("10 % to v1 BBBBBBBBBG blue 90 green 10 blue 0 green 100" in line for line in told)
    assert any("100 % to v1 GGGGGGGGGG blue 0 green 100" in line for line in told)
    assert any("v0 ends" in line and line.endswith("v1 in green x2") for line in told)
    assert any("back to v1" in line for line in told)
    assert "\x1b" not in done.out


def test_one_stage_of_many(cfngen: Run) -> None:
    done = cfngen("simulate", ROOT / "templates", "--stage", "dev")
    assert done.status == 0
    assert "dev:" in done.err
    assert "prod:" not in done.err
    refused = cfngen("simulate", ROOT / "templates", "--stage", "dve")
    assert refused.status == 2
    assert "error: --stage: 'dve'; no stage in" in refused.err
    assert "did you mean 'dev'?" in refused.err


def test_json_is_for_programs(cfngen: Run) -> None:
    data = json.loads(cfngen("simulate", ROOT / "templates/coffee/dev", "--format", "json").out)
    assert [each["name"] for each in data] == [str(ROOT / "templates/coffee/dev")]
    assert data[0].keys() == {"name", "played", "rows", "hurts", "in_release"}
    assert data[0]["hurts"] == []
    last = data[0]["rows"][-1]
    assert last["production"]["customer"] == [{"blue": 0, "green": 100}]
    assert last["tasks"]["customer"] == [{"version": "v1", "group": "green", "running": 1}]


def _write(folder: Path, *mistakes: object) -> Path:
    folder.mkdir()
    (folder / "system.yaml").write_text(files(by_hand(), *mistakes).texts["system.yaml"], encoding="utf-8")  # type: ignore[arg-type]
    return folder


def test_what_hurts_is_told_with_its_story(cfngen: Run, tmp_path: Path) -> None:
    old = _write(tmp_path / "old")
    new = _write(tmp_path / "new", lambda body: properties(body, "AdminRule").update(Priority=99))
    done = cfngen("simulate", "--update", old, new)
    assert done.status == 1
    assert f"T1 {INVARIANTS['T1']}" in done.out
    assert "after: the stack is updated (system/AdminRule is written)" in done.out
    assert "   admin:\n" in done.out
    assert "things hurt" in done.err
    assert cfngen("simulate", "--update", old, old).status == 0


def test_an_update_of_generated_templates_is_judged(cfngen: Run, tmp_path: Path) -> None:
    """Another path is a new rule, which begins with the colour that serves; a new service takes nothing that it may not."""
    web, admin = Service(name="web"), Service(name="admin", paths=("/admin",), health_path="/admin")
    app = App(name="shop", services=(web, admin), balancer=Balancer(https=False))
    before = stage_files(app)
    more = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin")
    after = stage_files(
        App(name="shop", services=(web, more), balancer=Balancer(https=False)), Ledger.read(before["ledger.json"])
    )
    write({tmp_path / "old": before, tmp_path / "new": after})
    done = cfngen("simulate", "--update", tmp_path / "old", tmp_path / "new")
    assert "/admin/x of web gets admin" in done.out  # it moves to another service, as the description wants
    assert "503" not in done.out.partition("In the middle of a release")[0]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", "At least one Resources member must be defined"),
        ("Resources: [", "Template format error: line 2"),
        (
            "Resources: {A: {Type: 'AWS::SNS::Topic', DependsOn: B}, B: {Type: 'AWS::SNS::Topic', DependsOn: A}}",
            "Circular",
        ),
        (
            "Resources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Ref B}}}",
            "Unresolved resource dependencies [B]",
        ),
        (
            "Parameters: {P: {Type: String, AllowedPattern: 'xyz'}}\nResources: {A: {Type: 'AWS::SNS::Topic'}}",
            "matches xyz",
        ),
    ],
)
def test_templates_that_cannot_be_deployed_are_refused(cfngen: Run, tmp_path: Path, text: str, fits: str) -> None:
    (tmp_path / "root.yaml").write_text(text, encoding="utf-8")
    done = cfngen("simulate", tmp_path)
    assert done.status == 2
    assert fits in done.err
    assert "Traceback" not in done.err


def test_a_value_of_ssm_that_nobody_gave_is_named_when_it_fails(cfngen: Run, tmp_path: Path) -> None:
    def by_colour(body: Body) -> None:
        body["Parameters"]["Colour"] = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "live"}
        body["Mappings"] = {"Weights": {"blue": {"Blue": 100}, "green": {"Blue": 0}}}
        weight = {"Fn::FindInMap": ["Weights", {"Ref": "Colour"}, "Blue"]}
        properties(body, "AdminRule")["Actions"] = forward(weight, 0, "Admin")

    done = cfngen("simulate", _write(tmp_path / "shop", by_colour))
    assert done.status == 1
    assert "Made up, since nobody gave them: live (--ssm)" in done.out
    assert "--ssm" not in cfngen("simulate", tmp_path / "shop", "--ssm", "live=blue").out


def test_what_does_not_fit_together_is_refused(cfngen: Run, tmp_path: Path) -> None:
    done = cfngen("simulate", tmp_path, "--update", tmp_path, tmp_path)
    assert done.status == 2
    assert "--update" in done.err
    empty = cfngen("simulate", tmp_path)
    assert empty.status == 2
    assert empty.err.startswith(f"error: {tmp_path}: there are no templates in it")
    nowhere = cfngen("simulate", tmp_path / "nowhere")
    assert nowhere.status == 2
    assert nowhere.err.startswith(f"error: {tmp_path / 'nowhere'}: there is no such file or folder")


def test_each_template_of_an_update_that_is_refused_is_told_with_its_folder(cfngen: Run, tmp_path: Path) -> None:
    """The files of both have the same names, so the folder says which one is meant; all are told at once."""
    old, new = _write(tmp_path / "old"), _write(tmp_path / "new", lambda body: body["Resources"].pop("WebTask"))
    done = cfngen("simulate", "--update", old, new)
    assert done.status == 2
    assert done.err.startswith(f"error: {new}: system.yaml: Template format error: ")
    assert "Unresolved resource dependencies [WebTask]" in done.err
    (old / "system.yaml").write_text("Resources: [", encoding="utf-8")
    both = cfngen("simulate", "--update", old, new).err.splitlines()
    assert [line.removeprefix("error:").strip().partition(": ")[0] for line in both] == [str(old), str(new)]


def test_every_rule_of_behaviour_says_what_it_is_and_where_it_is_from() -> None:
    from cfngen.simulate import pipelines, scenario

    assert pipelines
    assert scenario
    assert len(BEHAVIOURS) > 35
    for each in BEHAVIOURS.values():
        assert each.source
        assert each.sure in ("documented", "observed", "believed")
        assert len(each.sentence) > 20
