"""The command line: what it says, how it ends, what it writes, and that the same input gives the same bytes."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from conftest import Golden, Result, Run
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import App, Database, Ledger, Service, stage_files

SHOP = """\
from dataclasses import replace

from cfngen import App, CodeCommit, Database, Pipeline, Service

web = Service(name="web")
admin = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
dev = App(
    name="shop",
    services=(web, admin),
    database=Database(readers=("web",), writers=("admin",)),
    pipeline=Pipeline(source=CodeCommit(create=True)),
)
stages = (dev, replace(dev, stage="prod"))
"""
MINIMAL = """\
from cfngen import App, Service

app = App(name="shop", services=(Service(name="web"),))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a description in services/shop.py, as the current one."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "shop.py").write_text(SHOP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def describe(project: Path, old: str, new: str) -> None:
    file = project / "services" / "shop.py"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def everything(folder: Path) -> Mapping[str, tuple[bytes, int]]:
    """Content and time of every file, but for what Python writes by itself."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def files(folder: Path) -> dict[str, str]:
    return {name: content.decode() for name, (content, _) in everything(folder).items()}


def in_a_process(folder: Path, *arguments: object, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "cfngen", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


# generate


def test_generate_writes_every_stage_and_says_so(project: Path, cfngen: Run) -> None:
    done = cfngen("generate")
    assert done.status == 0
    written = files(project / "templates")
    numbers = {stage: sum(name.startswith(f"shop/{stage}/") for name in written) for stage in ("dev", "prod")}
    assert done.out == "".join(f"templates/shop/{stage}: {numbers[stage]} files, written\n" for stage in numbers)
    assert sum(numbers.values()) == len(written)
    for stage in numbers:
        for name in ("shop.yaml", "ledger.json", "service-web.yaml", "web/taskdef.json", "admin/buildspec.yml"):
            assert f"shop/{stage}/{name}" in written


def test_the_talk_goes_to_stderr(project: Path, cfngen: Run) -> None:
    first = cfngen("generate")
    assert first.err.splitlines() == [
        f"note: no templates/shop/{stage}/ledger.json; this stage starts a new ledger. "
        "Commit it, or the next change cannot know what is live."
        for stage in ("dev", "prod")
    ]
    second = cfngen("generate")
    assert second.err == ""


def test_a_second_run_changes_nothing_and_says_so(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    before = everything(project)
    done = cfngen("generate")
    assert done.status == 0
    assert [line.rpartition(", ")[2] for line in done.out.splitlines()] == ["unchanged", "unchanged"]
    assert everything(project) == before


def test_only_the_stage_that_changed_is_written(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    before = everything(project / "templates" / "shop" / "dev")
    describe(project, 'stage="prod"', 'stage="prod", log_retention_days=365')
    done = cfngen("generate", "services/shop.py")
    assert [line.rpartition(", ")[2] for line in done.out.splitlines()] == ["unchanged", "written"]
    assert everything(project / "templates" / "shop" / "dev") == before


def test_one_stage_elsewhere(project: Path, cfngen: Run) -> None:
    done = cfngen("generate", "--stage", "prod", "--out", "out/here")
    assert done.status == 0
    assert done.out.startswith("out/here/shop/prod: ")
    assert done.out.count("\n") == 1
    assert {path.name for path in project.iterdir()} == {"services", "out"}
    assert [path.name for path in (project / "out" / "here" / "shop").iterdir()] == ["prod"]


SLEEPING = """\
name: inn
balancer: {https: false}
database: {writers: [nightly, hourly, daily]}
off_hours: {timezone: Europe/Berlin}
services: {desk: {}}
scheduled_tasks:
  nightly: {schedule: cron(30 3 ? * TUE-SAT *), timezone: Europe/Berlin}
  hourly: {schedule: rate(1 hour)}
  daily: {schedule: cron(0 12 ? * MON-FRI *)}
  other: {schedule: rate(1 hour)}
"""


def test_a_task_that_would_find_its_database_stopped_is_noted(project: Path, cfngen: Run) -> None:
    (project / "inn.yaml").write_text(SLEEPING, encoding="utf-8")
    noted = [line for line in cfngen("generate", "inn.yaml").err.splitlines() if "database" in line]
    awake = "the stage is awake from 07:00 to 20:00 of MON,TUE,WED,THU,FRI, Europe/Berlin"
    assert noted == [
        f"note: inn dev: {name} uses the database, which off-hours stop, and {when}; {awake}"
        for name, when in (
            ("nightly", "cron(30 3 ? * TUE-SAT *) may be due on TUE at 03:30, Europe/Berlin"),
            ("hourly", "rate(1 hour) may be due on MON at 00:00, UTC"),
        )
    ]


def test_pipelines_that_would_look_elsewhere_are_noted(
    project: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = cfngen("generate", "--stage", "dev", "--out", "out/here")
    looks = "note: the pipelines of shop dev look for their files in templates/shop/dev; where the source has them elsewhere, "
    assert looks + "say so by Pipeline(files='out/here/shop/dev')" in done.err.splitlines()
    done = cfngen("generate", "--stage", "dev", "--out", project.parent / "away")
    assert looks + "say so by Pipeline(files=...)" in done.err.splitlines()
    yaml = "name: shop\nservices: {web: {}}\npipeline: {source: {CodeCommit: {create: true}}}\n"
    (project / "shop.yaml").write_text(yaml, encoding="utf-8")
    told = "say so by pipeline: {files: 'out/here/shop/dev'}"
    assert looks + told in cfngen("generate", "shop.yaml", "--out", "out/here").err.splitlines()
    (project / "shop.yaml").write_text(yaml.replace("source:", "files: 'out/here/shop/dev', source:"), encoding="utf-8")
    assert "look for" not in cfngen("generate", "shop.yaml", "--out", "out/here").err
    (project / "shop.yaml").unlink()
    monkeypatch.chdir(project / "services")
    assert "look for" not in cfngen("generate", "shop.py", "--out", "../templates").err
    assert "look for" in cfngen("generate", "shop.py").err
    monkeypatch.chdir(project)
    describe(project, "create=True)", "create=True), files='out/here'")
    assert "look for" not in cfngen("generate", "--out", "else").err
    describe(project, "    pipeline=", "    pipeline=None and ")
    assert "look for" not in cfngen("generate", "--out", "third").err


def test_the_first_line_of_every_template_names_its_source(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    for name, text in files(project / "templates").items():
        if name.endswith((".yaml", ".yml")):
            first = "# Written by cfngen from services/shop.py. Edit that file, then run: cfngen generate services/shop.py\n"
            assert text.startswith(first), name


def test_a_makefile_makes_no_description_that_lies_elsewhere(project: Path, cfngen: Run) -> None:
    (project / "Makefile").write_text("templates:\n\tcfngen generate\n", encoding="utf-8")
    other = project / "examples/other.py"
    other.parent.mkdir()
    (project / ".git").mkdir()  # marks the project
    other.write_bytes((project / "services/shop.py").read_bytes())
    cfngen("generate", other, "--out", "third")
    first = (project / "third/shop/dev/shop.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert first.endswith("run: cfngen generate examples/other.py")


@pytest.mark.parametrize(
    ("makefile", "text", "command"),
    [
        ("Makefile", "all:\n\ttemplates: x\ntemplates: venv ## write\n\tcfngen generate\n", "make templates"),
        ("makefile", "templates :: venv\n", "make templates"),
        ("Makefile", "templates := a b\n\ttemplates: x\nmore-templates: x\n", "cfngen generate services/shop.py"),
    ],
)
def test_the_first_line_says_what_makes_the_file_again(
    project: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch, makefile: str, text: str, command: str
) -> None:
    (project / makefile).write_text(text, encoding="utf-8")
    cfngen("generate")
    monkeypatch.chdir(project / "services")
    cfngen("generate", "shop.py", "--out", "../second")
    for out in ("templates", "second"):
        for name, made in files(project / out).items():
            if name.endswith((".yaml", ".yml")):
                assert made.partition("\n")[0].endswith(f"Edit that file, then run: {command}"), name
    assert files(project / "second") == files(project / "templates")


def test_the_ledger_is_carried_on(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    describe(project, 'health_path="/admin/health"', 'health_path="/admin/health", allowed_addresses=("10.0.0.0/8",)')
    assert cfngen("generate").status == 0
    ledger = Ledger.read((project / "templates/shop/dev/ledger.json").read_text(encoding="utf-8"))
    assert sum(record.retired for record in ledger.rules["admin"]) == 2
    assert "Live:" in (project / "templates/shop/dev/shop.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_ledger_is_carried_on_after_the_power_failed(project: Path, cfngen: Run, stage: str) -> None:
    """Between the two moves of a swap the folder is away for a moment: what it remembers must not be."""
    cfngen("generate")
    describe(project, 'health_path="/admin/health"', 'health_path="/admin/health", allowed_addresses=("10.0.0.0/8",)')
    cfngen("generate", "--out", "expected")
    for each in ("dev", "prod"):  # what an uninterrupted run makes of the same ledger
        (project / f"expected/shop/{each}/ledger.json").write_bytes(
            (project / f"templates/shop/{each}/ledger.json").read_bytes()
        )
    cfngen("generate", "--out", "expected")
    folder = project / "templates" / "shop" / stage
    folder.rename(folder.with_name(f".{stage}.old"))
    done = cfngen("generate")
    assert done.status == 0
    assert files(project / "templates") == files(project / "expected")
    assert "starts a new ledger" not in done.err


def test_a_projects_own_buildspec_wins(project: Path, cfngen: Run) -> None:
    (project / "buildspecs").mkdir()
    (project / "buildspecs" / "buildspec.yml.j2").write_text("version: 0.2\n# ours\n", encoding="utf-8")
    assert cfngen("generate", "--stage", "dev").status == 0
    text = (project / "templates/shop/dev/web/buildspec.yml").read_text(encoding="utf-8")
    assert "# ours" in text


def test_a_projects_own_buildspec_wins_wherever_the_command_runs(
    project: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "buildspecs").mkdir()
    (project / "buildspecs" / "buildspec.yml.j2").write_text("version: 0.2\n# ours\n", encoding="utf-8")
    monkeypatch.chdir(project / "services")
    assert cfngen("generate", "shop.py", "--out", "../templates").status == 0
    assert "# ours" in (project / "templates/shop/dev/web/buildspec.yml").read_text(encoding="utf-8")


def test_the_bytes_do_not_depend_on_where_they_go(project: Path, cfngen: Run) -> None:
    for out in ("templates", "deep/er", project / "else" / "where"):
        assert cfngen("generate", "--out", out).status == 0
    assert files(project / "deep" / "er") == files(project / "templates")
    assert files(project / "else" / "where") == files(project / "templates")


# What is refused


def refused(project: Path, done: Result, status: int = 2) -> str:
    """Check that a run ended as an error does; return what it said."""
    assert done.status == status
    assert done.out == ""
    assert "Traceback" not in done.err
    return done.err


def test_problems_are_told_one_a_line_and_nothing_is_written(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    describe(project, 'name="web"', 'name="web", cpu=3, portt=1')
    describe(project, "replace(dev,", "replace(dev, log_retention_days=4,")
    before = everything(project)
    said = refused(project, cfngen("generate"))
    assert said == (
        "error: services/shop.py:5: Service('web').portt: no such option; did you mean 'port'?\n"
        "       services/shop.py:5: Service('web').cpu: 3; CPU units of Fargate: 256, 512, 1024, 2048, 4096, 8192, 16384\n"
        "       services/shop.py:13: App('shop').log_retention_days: 4; one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, "
        "365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653\n"
    )
    assert everything(project) == before


def test_problems_of_every_stage_are_told_at_once_and_no_stage_is_written(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    describe(project, 'name="web"', 'name="web", port=9090')
    before = everything(project)
    said = refused(project, cfngen("generate"))
    assert said.count("it was born with 8080 and keeps it") == 2
    assert everything(project) == before


def test_one_bad_stage_keeps_the_good_one_from_being_written(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    (project / "templates" / "shop" / "prod" / "ledger.json").write_text("{", encoding="utf-8")
    describe(project, "services=(web, admin),", "services=(web, admin), log_retention_days=7,")
    before = everything(project)
    said = refused(project, cfngen("generate"))
    assert said.startswith("error: templates/shop/prod/ledger.json: ledger: it cannot be read")
    assert everything(project) == before


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b"[]", b'{"format": 2}', b'{"format": 1, "births": [], "rules": {}, "resources": []}'],
)
def test_a_broken_ledger_is_never_taken_for_none(project: Path, cfngen: Run, content: bytes) -> None:
    cfngen("generate")
    (project / "templates" / "shop" / "dev" / "ledger.json").write_bytes(content)
    before = everything(project)
    assert "templates/shop/dev/ledger.json: " in refused(project, cfngen("generate"))
    assert everything(project) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", "none.py"], "error: none.py: there is no such file; name the application's description"),
        (["generate", "--stage", "prd"], "error: --stage: 'prd'; no stage of the application; did you mean 'prod'?"),
        (["explain", "prd"], "error: STAGE: 'prd'; no stage of the application; did you mean 'prod'?"),
        (["generate", "."], "error: .: is a folder; name the description in it"),
        (["generate", "services"], "error: services: is a folder; name the description in it"),
        (["generate", "--stge", "prod"], "--stage"),
        (["generate", "--out", "services/shop.py"], "is a file"),
        (["generate", "a.py", "b.py"], "unexpected extra argument"),
        (["genrate"], "No such command 'genrate'"),
        (["--verson"], "--version"),
    ],
)
def test_wrong_input_ends_with_2(project: Path, cfngen: Run, arguments: list[str], says: str) -> None:
    before = everything(project)
    assert says in refused(project, cfngen(*arguments))
    assert everything(project) == before


LONG = "a" * 300


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", "--out", "round"], "--out: 'round'; another path: Too many levels of symbolic links"),
        (["generate", "--out", "round/more"], "--out: 'round/more'; another path: Too many levels"),
        (["generate", "--out", LONG], f"--out: '{LONG[:56]}...; another path: File name too long"),
        (["generate", "--out", "a\0b"], "--out: 'a\\x00b'; another path: embedded null byte"),
        (["generate", LONG], f"APP: '{LONG[:56]}...; another path: File name too long"),
        (["generate", "a\0b"], "APP: 'a\\x00b'; another path: embedded null byte"),
        (["check", "--out", "round"], "--out: 'round'; another path: Too many levels of symbolic links"),
        (["check", LONG], "[APP|DIR]: '"),
        (["simulate", LONG], "[APP|DIR]: '"),
        (["preflight", LONG, "--stack", "shop"], "[DIR]: '"),
        (["preflight", "--stack", "shop", "--state", "round"], "--state: 'round'; another path: "),
    ],
)
def test_a_path_that_there_cannot_be_is_told_in_one_line(
    project: Path, cfngen: Run, arguments: list[str], says: str
) -> None:
    (project / "round").symlink_to("round")
    before = everything(project)
    said = refused(project, cfngen(*arguments))
    assert said.startswith(f"error: {says}")
    assert said.count("\n") == 1
    assert everything(project) == before


def test_a_folder_too_long_below_out_is_told_in_one_line(project: Path, cfngen: Run) -> None:
    out = "/".join(["a" * 200] * 20)
    (project / out).mkdir(parents=True)
    said = refused(project, cfngen("generate", "--out", str(project / out)[:4090]), status=1)
    assert "File name too long; nothing was changed" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "births", ['{"stage": {}}', '{"service web": {"bootstrap_image": 7}}', '{"stage": ' + "[" * 900 + "]" * 900 + "}"]
)
def test_a_ledger_with_births_of_another_form_is_told_in_one_line(project: Path, cfngen: Run, births: str) -> None:
    cfngen("generate")
    text = f'{{"format": 1, "births": {births}, "rules": {{}}, "resources": []}}'
    (project / "templates" / "shop" / "dev" / "ledger.json").write_text(text, encoding="utf-8")
    said = refused(project, cfngen("generate"))
    assert said.startswith("error: templates/shop/dev/ledger.json: ledger: it cannot be read (TypeError: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app = 1\n", "services/shop.py: stages: 1; assign a tuple of App objects to `stages`, or one to `app`"),
        ("app = (\n", "services/shop.py:1: SyntaxError: '(' was never closed"),
        ("x = 1\napp = 1 / 0\n", "services/shop.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_a_broken_description_is_told_with_its_line(project: Path, cfngen: Run, text: str, says: str) -> None:
    (project / "services" / "shop.py").write_text(text, encoding="utf-8")
    assert refused(project, cfngen("generate")) == f"error: {says}\n"


def test_a_folder_of_somebody_else_ends_with_1(project: Path, cfngen: Run) -> None:
    (project / "templates" / "shop" / "prod").mkdir(parents=True)
    (project / "templates" / "shop" / "prod" / "thesis.txt").write_text("years of work", encoding="utf-8")
    before = everything(project)
    said = refused(project, cfngen("generate"), status=1)
    assert "error: templates/shop/prod: holds what cfngen did not write: thesis.txt; move that elsewhere" in said
    assert everything(project) == before


def test_a_stage_that_was_never_deployed_may_start_anew_by_deleting_its_ledger(project: Path, cfngen: Run) -> None:
    cfngen("generate")
    describe(project, 'name="web"', 'name="web", port=9090')
    said = refused(project, cfngen("generate"))
    for stage in ("dev", "prod"):
        file = f"templates/shop/{stage}/ledger.json"
        assert f"delete {file} and generate again" in said
        (project / file).unlink()
    assert cfngen("generate").status == 0


def test_a_folder_that_cannot_be_made_ends_with_1(project: Path, cfngen: Run) -> None:
    (project / "templates").mkdir()
    (project / "templates" / "shop").write_text("in the way", encoding="utf-8")
    before = everything(project)
    assert "nothing was changed" in refused(project, cfngen("generate"), status=1)
    assert everything(project) == before


def test_the_note_of_a_new_ledger_comes_only_when_it_is_there(project: Path, cfngen: Run) -> None:
    (project / "templates").mkdir()
    (project / "templates" / "shop").write_text("in the way", encoding="utf-8")
    assert "starts a new ledger" not in refused(project, cfngen("generate"), status=1)
    (project / "templates" / "shop").unlink()
    describe(project, 'health_path="/admin/health"', 'health_path="/nobody"')
    assert "starts a new ledger" not in refused(project, cfngen("generate"))


def test_what_is_wrong_with_every_stage_is_told_once(project: Path, cfngen: Run) -> None:
    describe(project, 'health_path="/admin/health"', 'health_path="/nobody"')
    for command in ("generate", "check"):
        said = refused(project, cfngen(command))
        assert said.count("reaches service 'web'") == 1
        assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["generate", "check"])
def test_a_folder_that_cannot_be_opened_is_told_in_one_line(
    project: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    cfngen("generate")
    real = Path.exists

    def exists(path: Path, **options: bool) -> bool:
        if path.name == "ledger.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "exists", exists)
    said = refused(project, cfngen(command), status=1)
    assert said == "error: templates/shop/dev/ledger.json: Permission denied; nothing was changed\n"


@pytest.mark.parametrize("no_colour", [False, True])
def test_an_error_on_a_terminal_has_a_colour_unless_nobody_wants_one(project: Path, no_colour: bool) -> None:
    outside, inside = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    made = subprocess.run(
        [sys.executable, "-m", "cfngen", "generate", "none.py"],
        stderr=inside,
        env=environment | {"TERM": "xterm"} | ({"NO_COLOR": "1"} if no_colour else {}),
        check=False,
    )
    os.close(inside)
    said = os.read(outside, 4096)
    os.close(outside)
    assert made.returncode == 2
    assert said.startswith(b"error: none.py" if no_colour else b"\x1b[31merror: \x1b[0m")


def test_one_parameter_declared_by_two_tells_by_whom(project: Path, cfngen: Run) -> None:
    describe(project, "CodeCommit,", "CodeCommit, Text,")
    describe(
        project,
        'name="web")',
        'name="web", environment={\n    "A": Text.parameter("Size", Default="1"),\n    "B": Text.parameter("Size"),\n})',
    )
    said = refused(project, cfngen("generate"))
    assert said.startswith(
        "error: parameter 'Size' is declared twice, differently: by services/shop.py:6 and services/shop.py:7; give one"
    )
    describe(project, '"A": Text.parameter("Size", Default="1")', '"A": Text.parameter("TestCidr")')
    assert "differently: by cfngen itself and services/shop.py:6; give one" in refused(project, cfngen("generate"))


def test_an_application_named_like_one_of_its_stacks_is_refused(project: Path, cfngen: Run) -> None:
    describe(project, 'name="shop"', 'name="network"')
    assert "network" in refused(project, cfngen("generate"))


def test_two_open_addresses_that_are_the_same_are_told_as_an_option(project: Path, cfngen: Run) -> None:
    describe(project, "CodeCommit,", "Balancer, CodeCommit,")
    describe(
        project, "    services=(", "    balancer=Balancer(test_addresses=('10.0.0.0/8', '10.0.0.0/8')),\n    services=("
    )
    assert "services/shop.py:9: Balancer.test_addresses" in refused(project, cfngen("generate"))


# --version, --help


def test_version(cfngen: Run) -> None:
    done = cfngen("--version")
    assert done.status == 0
    assert done.err == ""
    name, number = done.out.split()
    assert name == "cfngen"
    assert number.count(".") == 2
    assert in_a_process(Path.cwd(), "--version") == done


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_tells_what_there_is(cfngen: Run, option: str) -> None:
    whole = cfngen(option)
    assert whole.status == 0
    assert whole.err == ""
    assert "  generate  " in whole.out
    assert "  check     " in whole.out
    generate = cfngen("generate", option)
    assert generate.status == 0
    assert "[APP]" in generate.out
    for text in ("--stage", "--out", "default: templates", "services/coffee.py"):
        assert text in generate.out


def test_without_a_command_the_help_is_shown(cfngen: Run) -> None:
    done = cfngen()
    assert done.status == 2
    assert "[OPTIONS] COMMAND" in done.out + done.err


# The same bytes


def test_the_same_bytes_with_any_hash_seed_in_any_folder(project: Path) -> None:
    clone = project / "somewhere" / "else"
    (clone / "services").mkdir(parents=True)
    (clone / "services" / "shop.py").write_text(SHOP, encoding="utf-8")
    runs = {
        "first": in_a_process(project, "generate", "--out", "first", PYTHONHASHSEED="0"),
        "second": in_a_process(project, "generate", "--out", "second", PYTHONHASHSEED="1"),
        "somewhere/else/third": in_a_process(
            clone, "generate", "services/shop.py", "--out", "third", PYTHONHASHSEED="2", LC_ALL="C", TZ="Asia/Tokyo"
        ),
        "fourth": in_a_process(
            project / "services", "generate", "shop.py", "--out", "../fourth", PYTHONHASHSEED="3", LANG="C"
        ),
        "fifth": in_a_process(
            clone, "generate", project / "services" / "shop.py", "--out", project / "fifth", PYTHONHASHSEED="4"
        ),
    }
    for name, done in runs.items():
        assert done.status == 0, done.err
        assert "Traceback" not in done.err
        assert everything(project / name).keys() == everything(project / "first").keys()
    texts = {name: files(project / name) for name in runs}
    for name in runs:
        assert texts[name] == texts["first"], name


def test_an_interruption_ends_without_a_traceback_and_writes_nothing(project: Path) -> None:
    describe(project, "stages = ", "raise KeyboardInterrupt\nstages = ")
    before = everything(project)
    done = in_a_process(project, "generate")
    assert refused(project, done, status=130) == "interrupted\n"
    assert everything(project) == before


def test_an_interruption_while_the_command_is_loaded_is_one_line_too(project: Path) -> None:
    program = (
        "import sys\nclass Finder:\n    def find_spec(self, name, *rest):\n        if name == 'click': raise KeyboardInterrupt\n"
        "import cfngen.__main__ as door\nsys.meta_path.insert(0, Finder())\nsys.argv = ['cfngen', 'generate']\ndoor.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


SERVICES = (
    Service(name="web"),
    Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health"),
    Service(name="blog", paths=("/blog*",), health_path="/blog", hosts=("blog.example.com", "www.example.com")),
    Service(name="api-2", paths=("/api/v?/*", "/api"), health_path="/api", environment={"B": "1", "A": "2"}),
)


def shop(ordered: Sequence[Service], names: Sequence[str], pairs: Mapping[str, str]) -> Mapping[str, str]:
    database = Database(readers=tuple(names))
    return stage_files(App(name="shop", services=tuple(ordered), database=database, tags=pairs))


@cache
def in_one_order() -> Mapping[str, str]:
    return shop(SERVICES, ("web", "blog"), {"Team": "a", "Cost": "b"})


@given(st.permutations(SERVICES), st.permutations(("web", "blog")), st.permutations((("Team", "a"), ("Cost", "b"))))
@settings(max_examples=15)
def test_the_same_bytes_with_services_in_another_order(
    services: list[Service], readers: list[str], tags: list[tuple[str, str]]
) -> None:
    assert shop(services, readers, dict(tags)) == in_one_order()


# A whole small application


def test_minimal_application(project: Path, cfngen: Run, golden: Golden) -> None:
    """One service, no database, no pipeline: what everybody gets."""
    (project / "services" / "shop.py").write_text(MINIMAL, encoding="utf-8")
    assert cfngen("generate").status == 0
    golden("minimal", files(project / "templates" / "shop" / "dev"))
