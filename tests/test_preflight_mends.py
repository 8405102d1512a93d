"""Every finding and permission is on the page, and every command is one that the AWS command line takes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import jmespath
from deployed_shop import (
    MOVED,
    PRODUCTION,
    RULE,
    asked,
    change_set,
    deployed,
    green,
    in_flight,
    parameter_of,
    runs,
    shows,
    with_root,
)

from cfngen.operate.finding import MEANINGS
from cfngen.operate.read import PERMISSIONS
from cfngen.operate.state import Change, Rule

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")


def test_every_finding_is_told_on_the_page() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| P")]
    assert rows == list(MEANINGS)


def test_every_permission_is_told_on_the_page() -> None:
    assert [each for each in PERMISSIONS if f'"{each}"' not in PAGE] == []


OPTIONS = textwrap.dedent("""
    import json, sys
    from awscli.clidriver import create_clidriver
    driver, known = create_clidriver(), {}
    for service, operation, waiter in json.loads(sys.argv[1]):
        command = driver._get_command_table()[service]
        table = command._get_command_table() if hasattr(command, "_get_command_table") else command.subcommand_table
        found = table[operation].subcommand_table[waiter] if operation == "wait" else table[operation]
        known[f"{service} {operation} {waiter}"] = list(found.arg_table)
    print(json.dumps(known))
""")


def test_every_command_is_one_that_the_aws_command_line_takes(tmp_path: Path) -> None:
    ringing = tuple(replace(each, state="ALARM") for each in deployed().alarms)
    changes = change_set(replace(RULE, replacement="True"), tags={"a": "b"}, deployment_mode="REVERT_DRIFT")
    blind = change_set(changes=(Change("Modify", "ServiceWeb", "AWS::CloudFormation::Stack"),))
    states = [
        shows(green(deployed(), "web"), "web", 100, 0),
        runs(deployed(), "web"),
        in_flight(deployed(), "web", "Ready"),
        replace(deployed(), alarms=ringing, rules=()),
        replace(deployed(), change_set=changes),
        replace(deployed(), change_set=blind),
        with_root(deployed(), tags={"a": "b"}),
        replace(deployed(), change_set=change_set(parameters={"WebRule01234567Live": "green", "A": "b,c"})),
        with_root(deployed(), parameters={parameter_of(MOVED, "order-admin"): "green"}),
        *(
            replace(deployed(), deployment_groups=tuple(replace(each, **told) for each in deployed().deployment_groups))
            for told in ({"target_groups": ()}, {"rollback_events": ()}, {"alarms": ()})
        ),
        replace(deployed(), alarms=tuple(replace(each, state="INSUFFICIENT_DATA") for each in ringing)),
        replace(deployed(), target_groups=tuple(replace(each, health={"unhealthy": 1}) for each in deployed().target_groups)),
        replace(deployed(), rules=(Rule("arn:hand", PRODUCTION, 1, "fixed-response"), *deployed().rules)),
        *(
            with_root(deployed(), status=status)
            for status in ("ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_FAILED")
        ),
    ]  # fmt: skip
    lines = {line for state in states for each in asked(state, tmp_path, MOVED).findings for line in each.mend}
    for part in (
        "cloudformation deploy",
        "--load-balancer-info",
        "ParameterKey=WebRule01234567Live,ParameterValue=blue",
    ):
        assert any(part in line for line in lines)
    calls = [words[1:] for line in sorted(lines) if (words := shlex.split(line.partition(" > ")[0]))[0] == "aws"]
    assert len({tuple(words[:2]) for words in calls}) >= 15
    named = [(words[0], words[1], words[2] if words[1] == "wait" else "") for words in calls]
    asked_for = json.dumps(sorted(set(named)))
    done = subprocess.run([sys.executable, "-c", OPTIONS, asked_for], capture_output=True, text=True, check=True)
    known = json.loads(done.stdout)
    for words, name in zip(calls, named, strict=True):
        options = {each.removeprefix("--") for each in words if each.startswith("--")}
        assert options <= {*known[" ".join(name)], "query", "output"}, words
        if "--query" in words:
            jmespath.compile(words[words.index("--query") + 1])
