"""`cfngen preflight` as a command: its output, its exit statuses, its errors."""

from __future__ import annotations

import json
import socket
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Result, Run
from deployed_shop import FILES, MOVED, account, change_set, deployed, green, in_flight, parameter_of, settle, store

from cfngen import write
from cfngen.operate.finding import MEANINGS


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


def test_a_quiet_stage_ends_with_zero(shop: Path, cfngen: Run) -> None:
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert done == Result(
        0,
        textwrap.dedent("""\
            shop-dev: UPDATE_COMPLETE (account 123456789012, eu-west-1)

            service      live  production        test              tasks           deployment
            order-admin  blue  blue 100 green 0  blue 100 green 0  blue 2 green 0  none
            web          blue  blue 100 green 0  blue 100 green 0  blue 2 green 0  none
            """),
        "shop-dev; errors: 0, warnings: 0, notes: 0\n",
    )


def test_findings_are_told_with_their_mends_and_end_with_one(shop: Path, cfngen: Run) -> None:
    store(shop, in_flight(green(deployed(), "order-admin"), "web", "Ready"))
    write({shop / "dev": MOVED})
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert done.status == 1
    assert done.err == "shop-dev; errors: 1, warnings: 0, notes: 0\n"
    name = parameter_of(MOVED, "order-admin")
    assert done.out.partition("\n\nthe next")[2] == textwrap.dedent(f"""\
         deploy must be given
          --parameter-overrides {name}=green

        ServiceWeb: error P5 {MEANINGS["P5"]}
          seen: deployment d-ABC123 is Ready: it waits for somebody to continue it
          mend: aws deploy get-deployment --deployment-id d-ABC123 --query 'deploymentInfo.[status,deploymentOverview,errorInformation.message]'
                aws deploy continue-deployment --deployment-id d-ABC123 --deployment-wait-type READY_WAIT
                aws deploy stop-deployment --deployment-id d-ABC123 --auto-rollback-enabled
        """)


def test_the_answer_for_programs(shop: Path, cfngen: Run) -> None:
    store(shop, in_flight(deployed(), "web"))
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json", "--format", "json")
    assert done.status == 1
    data = json.loads(done.out)
    assert data.keys() == {"stack", "status", "account", "region", "services", "asked", "others", "overrides", "findings"}  # fmt: skip
    (finding,) = data["findings"]
    assert finding.keys() == {"id", "level", "sentence", "place", "seen", "mend"}
    assert data["services"][0]["live"] == "blue"


def test_a_change_set_with_the_wrong_colour(shop: Path, cfngen: Run) -> None:
    """The whole way: a saved state whose change set gives blue, while green serves."""
    name = parameter_of(MOVED, "order-admin")
    state = green(deployed(), "order-admin")
    store(shop, replace(state, change_set=change_set(parameters={name: "blue"}, changes=())))
    write({shop / "dev": MOVED})
    given = ("preflight", "dev", "--stack", "shop-dev", "--state", "state.json", "--change-set", "look")
    done = cfngen(*given)
    assert done.status == 1
    assert f"shop-dev/{name}: error P7 {MEANINGS['P7']}\n  seen: the change set makes rules with {name}=blue, and green serves\n" in done.out  # fmt: skip
    assert f"ParameterKey={name},ParameterValue=green" in done.out
    told = cfngen(*given, "--format", "json")
    (finding,) = json.loads(told.out)["findings"]
    assert (told.status, finding["id"], finding["level"], len(finding["mend"])) == (1, "P7", "error", 2)
    store(shop, replace(state, change_set=change_set(parameters={name: "green"}, changes=())))
    assert cfngen(*given).status == 0


def test_the_folder_is_optional(shop: Path, cfngen: Run) -> None:
    store(shop, deployed(MOVED, Old="x"))
    assert cfngen("preflight", "--stack", "shop-dev", "--state", "state.json").status == 0
    assert cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json").status == 1


def test_what_was_seen_is_saved(shop: Path, cfngen: Run) -> None:
    done = cfngen("preflight", "--stack", "shop-dev", "--state", "state.json", "--save", "build/seen.json")
    assert done.status == 0
    assert (shop / "build/seen.json").read_bytes() == (shop / "state.json").read_bytes()
    (shop / "file").write_text("")
    done = cfngen("preflight", "--stack", "shop-dev", "--state", "state.json", "--save", "file/seen.json")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: file/seen.json: cannot be written")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--stack", "other", "--state", "state.json"), "--stack: 'other'; the state in state.json is that of 'shop-dev'"),
        (("--stack", "shop-dev", "--state", "state.json", "--change-set", "x"), "--change-set: 'x'; the state in state.json holds no change set"),
        (("--stack", "shop-dev", "--state", "none.json"), "none.json: cannot be read: No such file"),
        (("dev/web", "--stack", "shop-dev", "--state", "state.json"), "ledger.json: cannot be read: No such file"),
        (("--stack", "shop-dev", "--state", "dev/ledger.json"), "dev/ledger.json: "),
        (("--stack", "shop-dev"), "there are no AWS credentials; give them by AWS_PROFILE"),
        ((), "error: --stack: the name of the stage's root stack; or give the stage's folder"),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_two(shop: Path, cfngen: Run, arguments: tuple[str, ...], told: str) -> None:
    done = cfngen("preflight", *arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_root_template_that_is_none(shop: Path, cfngen: Run) -> None:
    (shop / "dev/shop.yaml").write_text("a: [", encoding="utf-8")
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert (done.status, done.out) == (2, "")
    assert "dev/shop.yaml:2: template:" in done.err


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ledger.json", "[]"),
        ("ledger.json", '{"format": 1}'),
        ("ledger.json", '{"format": 1, "births": {"stage": 1}, "rules": {}, "resources": []}'),
        ("ledger.json", '{"format": 1, "births": {}, "rules": {}, "resources": []}'),
        ("ledger.json", "[" * 100_000),
        ("shop.yaml", ""),
        ("shop.yaml", "[a]"),
        ("shop.yaml", "Parameters: [a]"),
        ("shop.yaml", "Parameters: [a]\nResources: {A: {}}"),
        ("shop.yaml", "Resources: {}"),
        ("shop.yaml", "Parameters: {A: 1, [b]: {}}"),
        ("shop.yaml", "&a [*a]"),
    ],
)
def test_a_folder_that_is_damaged_ends_without_a_traceback(shop: Path, cfngen: Run, file: str, text: str) -> None:
    (shop / "dev" / file).write_text(text, encoding="utf-8")
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert (done.status, done.out) == (2, "")
    assert f"dev/{file}" in done.err
    assert "Traceback" not in done.err


def test_a_root_template_of_another_commit_than_its_ledger(shop: Path, cfngen: Run) -> None:
    write({shop / "dev": MOVED | {"shop.yaml": FILES["shop.yaml"]}})
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert (done.status, done.out) == (2, "")
    told = f"dev/shop.yaml: Parameters.{parameter_of(MOVED, 'order-admin')}: not asked for; ledger.json has rules"
    assert told in done.err


def test_without_a_region(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "there is no AWS region; give one by AWS_DEFAULT_REGION" in done.err


def test_an_account_that_does_not_answer(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        for name, value in account(f"http://127.0.0.1:{taken.getsockname()[1]}").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setattr("time.sleep", lambda _: None)
        done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "AWS cannot be asked: Could not connect" in done.err


def test_without_boto3_the_way_to_it_is_told(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cfngen.operate.read", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "preflight needs boto3" in done.err
    assert "pip install 'cfngen[deploy]'" in done.err
    assert cfngen("preflight", "--stack", "shop-dev", "--state", "state.json").status == 0


def test_the_stack_is_called_as_deploy_calls_it(shop: Path, cfngen: Run) -> None:
    named = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert cfngen("preflight", "dev", "--state", "state.json") == named
