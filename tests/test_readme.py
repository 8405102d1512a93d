"""What the pages tell a newcomer is true: examples run, excerpts exist, commands and names are real."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from inspect import getdoc
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jmespath
import pytest
from click.testing import CliRunner
from kinds import kinds

import cfngen
from cfngen import (
    S3,
    App,
    Balancer,
    Connection,
    Pipeline,
    Promotion,
    PromotionTarget,
    Service,
    Stack,
    application_stack,
    plan,
)
from cfngen.cli import cli
from cfngen.describe import Description
from cfngen.load import load

ROOT = Path(__file__).parents[1]
README, OPTIONS = ROOT / "README.md", ROOT / "docs" / "options.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
NODE = shutil.ignore_patterns("node_modules", "reports")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(text: str, page: str, *languages: str) -> list[Block]:
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if not languages or match[1] in languages
    ]


def every(*languages: str) -> list[Block]:
    return [
        block
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)), *languages)
    ]


def code(text: str) -> str:
    """What a page sets as code in its sentences, and its commands."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*spans, *(block.text for block in blocks(text, "", "sh"))])


# Examples


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for folder in ("services", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=NODE)
    return tmp_path


def run_example(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "example.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "services", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "example.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("block", every("python"), ids=str)
def test_python_runs(block: Block, clone: Path) -> None:
    if any(block.text in file.read_text(encoding="utf-8") for file in (ROOT / "services").glob("*.py")):
        return  # an excerpt of the description or of its looks, which other tests and the rehearsal run
    assert "\nassert " in block.text, "an example shows what comes out"
    done = run_example(block.text, clone)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", every("python"), ids=str)
def test_examples_use_the_public_names_alone(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cfngen"):
            assert node.module == "cfngen"
            assert {alias.name for alias in node.names} <= set(cfngen.__all__)
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("cfngen") for alias in node.names)


def test_a_failing_example_is_seen(clone: Path) -> None:
    assert run_example("from coffee import dev\nassert dev.stage == 'prod'\n", clone).returncode == 1


PUBLIC = {name: getattr(cfngen, name) for name in cfngen.__all__}
SHOP = """\
name: shop
services:
  web: {paths: [/*]}
  shop: {paths: [/shop]}
  reports: {paths: [/reports]}
  stock: {internal: true}
stages:
  dev:
"""


def in_a_shop(text: str, folder: Path) -> App:
    """The application of a page's words in YAML, of which those of one task are of the service `shop`."""
    if re.match(r"\w+", text)[0] not in {each.name for each in fields(App)}:  # type: ignore[index]
        text = f"services:\n  shop:\n{textwrap.indent(text, ' ' * 4)}"
    (folder / "cfngen.yaml").write_text(SHOP + textwrap.indent(text, " " * 4), encoding="utf-8")
    (app,) = load(folder / "cfngen.yaml")
    return app


def parts(made: object) -> Iterator[object]:
    """A description and all that it holds."""
    yield made
    held = [getattr(made, each.name) for each in fields(made)] if isinstance(made, Description) else []
    for each in [*held, *(made if isinstance(made, tuple) else ())]:
        yield from parts(each)


def rows_by_example() -> list[tuple[str, str]]:
    cells = r"`([A-Z]\w+\(.+\))` \| `(\w+: .+)`"
    return re.findall(rf"^\|[^|]+\| {cells} \|$", README.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("python", "text"), rows_by_example())
def test_options_by_example_say_the_same_in_python_and_yaml(python: str, text: str, tmp_path: Path) -> None:
    wanted = eval(python, PUBLIC)  # noqa: S307  (our own page)
    assert isinstance(wanted, Description)
    if isinstance(wanted, Service) and not wanted.internal and len(wanted.paths) == 1:
        wanted = replace(wanted, paths=("/shop",))  # as the shop's own has it
    assert wanted in parts(in_a_shop(text, tmp_path))


def test_there_are_options_by_example() -> None:
    assert len(rows_by_example()) >= 10


# Excerpts


def missing_excerpts(found: list[Block], texts: list[str]) -> list[str]:
    """Excerpts that no template holds, whatever their depth there."""
    return [
        str(block)
        for block in found
        if not any(
            f"\n{textwrap.indent(textwrap.dedent(block.text), ' ' * depth)}" in f"\n{text}"
            for text in texts
            for depth in range(0, 25, 2)
        )
    ]


def generated() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*") if path.is_file()]


def descriptions() -> list[Block]:
    return [block for block in every("yaml") if block.text.startswith("name: ")]


def fragments() -> list[Block]:
    """What stands in a description beside the rest of it."""
    keys = tuple(f"{each.name}:" for each in fields(App) if each.name != "name")
    return [block for block in every("yaml") if block.text.startswith(keys)]


def twins() -> list[tuple[Block, Block]]:
    """What a page says in Python, and right after it in YAML."""
    every_block = every("python", "yaml")
    pages = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8").splitlines() for page in PAGES}
    found = []
    for one, other in pairwise(every_block):
        between = pages[one.page][one.line + one.text.count("\n") + 1 : other.line - 1]
        if one.page == other.page and "".join(between).startswith("In YAML"):
            found.append((one, other))
    return found


def test_excerpts_are_real() -> None:
    found = [block for block in every("yaml", "json") if block not in [*descriptions(), *fragments()]]
    assert found
    coffee = (ROOT / "services" / "coffee.yaml").read_text(encoding="utf-8")
    assert not missing_excerpts(found, [*generated(), coffee])


@pytest.mark.parametrize("block", descriptions(), ids=str)
def test_descriptions_in_yaml_are_ones(block: Block, tmp_path: Path) -> None:
    (tmp_path / "cfngen.yaml").write_text(block.text, encoding="utf-8")
    assert load(tmp_path / "cfngen.yaml")


@pytest.mark.parametrize("block", fragments(), ids=str)
def test_fragments_in_yaml_fit_a_description(block: Block, tmp_path: Path) -> None:
    assert in_a_shop(block.text, tmp_path).stage == "dev"


@pytest.mark.parametrize(("python", "text"), twins(), ids=str)
def test_python_and_yaml_of_a_page_say_the_same(python: Block, text: Block, tmp_path: Path) -> None:
    said: dict[str, object] = {}
    exec(python.text, said)  # noqa: S102  (our own page)
    if text in fragments():
        app = in_a_shop(text.text, tmp_path)
        for name in re.findall(r"^(\w+):", text.text, re.MULTILINE):
            assert getattr(app, name) == said[name]
    else:
        (tmp_path / "cfngen.yaml").write_text(text.text, encoding="utf-8")
        made = load(tmp_path / "cfngen.yaml")
        assert [*made] == [each for each in said.values() if isinstance(each, App)]


def test_pages_have_such_twins() -> None:
    assert {text.page.removeprefix("docs/") for _, text in twins()} >= {
        "database.md",
        "internal.md",
        "promotion.md",
        "traffic.md",
    }


def spelt() -> list[tuple[str, str]]:
    """What pages say in YAML among their sentences."""
    known = {each.name for cls in (App, Service) for each in fields(cls)}
    return [
        (page.name, span)
        for page in PAGES
        for span in re.findall(
            r"`(\w+: [^`\n]+)`",
            re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL),
        )
        if span.partition(":")[0] in known and "..." not in span
    ]


@pytest.mark.parametrize(("page", "span"), [each for each in spelt() if "romot" not in each[1]])
def test_words_in_yaml_fit_a_description(page: str, span: str, tmp_path: Path) -> None:
    assert page == "yaml.md" or in_a_shop(span, tmp_path).stage == "dev"


def test_words_in_yaml_fit_two_stages(tmp_path: Path) -> None:
    giving, taking = [span for page, span in spelt() if page == "README.md" and "romot" in span]
    text = f"name: shop\nservices: {{web: {{}}}}\npipeline: {{source: CodeCommit}}\nstages:\n  dev: {{{giving}}}\n  prod: {{{taking}}}\n"
    (tmp_path / "cfngen.yaml").write_text(text, encoding="utf-8")
    assert [app.stage for app in load(tmp_path / "cfngen.yaml")] == ["dev", "prod"]


def test_a_changed_excerpt_is_seen() -> None:
    block = every("yaml")[0]
    assert missing_excerpts([replace(block, text=block.text.replace("100", "99"))], generated()) == [str(block)]


def test_the_tree_is_that_of_the_stage() -> None:
    (tree,) = [block for block in every("text") if "ledger.json" in block.text]
    folder = ROOT / "templates" / "coffee" / "dev"
    told = {line.split()[0] for line in tree.text.splitlines()}
    assert told == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# Commands


def unknown_targets(text: str) -> set[str]:
    known = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", code(text))) - known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    assert not unknown_targets(page.read_text(encoding="utf-8"))


def test_an_unknown_target_is_seen() -> None:
    assert unknown_targets("run `make templates`, then `make coffee`") == {"coffee"}


@cache
def answered(command: str) -> tuple[int, str]:
    """The exit status of a command that asks for help, and the help."""
    done = CliRunner().invoke(cli, [command] if command.startswith("--") else [command, "--help"])
    return done.exit_code, done.stdout


def refused_commands(text: str) -> set[str]:
    """Commands and options of cfngen that the command line does not have."""
    refused = set()
    for command, rest in re.findall(r"\bcfngen (--[a-z]+|[a-z]+)([^\n]*)", code(text)):
        status, said = answered(command)
        wrong = [option for option in re.findall(r"--[a-z-]+", rest) if option not in said]
        if status or wrong:
            refused.add(" ".join([command, *wrong]))
    return refused


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_cfngen_exist(page: Path) -> None:
    assert not refused_commands(page.read_text(encoding="utf-8"))


def test_an_unknown_command_is_seen() -> None:
    assert refused_commands("`cfngen brew` and `cfngen generate --strong`") == {"brew", "generate --strong"}


def aws_commands(text: str) -> list[tuple[str, str, str]]:
    """Service, operation and the rest of every call of the AWS command line."""
    joined = "\n".join(block.text for block in blocks(text, "", "sh")).replace("\\\n", " ")
    return re.findall(r"(?:^|\$\()aws ([a-z0-9]+) ([a-z0-9-]+)([^\n]*)", joined, re.MULTILINE)


@cache
def options_of_aws() -> dict[str, list[str]]:
    """What the AWS command line takes, by service and operation; asked in a process of its own."""
    script = textwrap.dedent("""
        import json, sys
        from awscli.clidriver import create_clidriver
        driver, known = create_clidriver(), {}
        everywhere = ["query", "output", "region", "profile"]
        for service, operation in json.loads(sys.argv[1]):
            command = driver._get_command_table().get(service)
            names = lambda: command._get_command_table() if hasattr(command, "_get_command_table") else command.subcommand_table
            found = names().get(operation) if command else None
            if found is not None and operation == "wait":
                known[f"{service} wait"] = sorted({o for each in found.subcommand_table.values() for o in each.arg_table})
            elif found is not None:
                known[f"{service} {operation}"] = [*found.arg_table, *everywhere]
        print(json.dumps(known))
    """)
    wanted = sorted({call[:2] for page in PAGES for call in aws_commands(page.read_text(encoding="utf-8"))})
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(wanted)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def wrong_aws_commands(text: str) -> Iterator[str]:
    for service, operation, rest in aws_commands(text):
        known = options_of_aws().get(f"{service} {operation}")
        if known is None:
            yield f"{service} {operation}"
            continue
        for option in re.findall(r"(?<=\s)--([a-z0-9-]+)", rest):
            if option not in known:
                yield f"{service} {operation} --{option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_aws_exist(page: Path) -> None:
    assert not list(wrong_aws_commands(page.read_text(encoding="utf-8")))


def test_an_unknown_command_of_aws_is_seen() -> None:
    text = "```sh\naws deploy stop-deployment --deployment-id x \\\n  --rollback\naws deploy brew\n```\n"
    assert list(wrong_aws_commands(text)) == ["deploy stop-deployment --rollback", "deploy brew"]


def test_queries_are_sound() -> None:
    queries = [
        query[1] or query[2]
        for block in every("sh")
        for query in re.finditer(r"--query (?:(?:\"([^\"]+)\"|'([^']+)')|(?=\w))", block.text.replace("\\\n", " "))
        if query[1] or query[2]
    ]
    assert len(queries) >= 10
    for query in queries:
        jmespath.compile(query)


AWS = """\
import json, sys
import jmespath
words = sys.argv[1:]
given = dict(zip(words[2::2], words[3::2]))
answers = {
    "describe-stack-resource": {"StackResourceDetail": {"PhysicalResourceId": "arn:child"}},
    "describe-stack-resources": {"StackResources": [
        {"LogicalResourceId": "TestRule1", "PhysicalResourceId": "arn:test-rule"},
        {"LogicalResourceId": "ProductionRule1", "PhysicalResourceId": "arn:rule"},
        {"LogicalResourceId": "BlueTargetGroup", "PhysicalResourceId": "arn:one"},
        {"LogicalResourceId": "GreenTargetGroup", "PhysicalResourceId": "arn:two"}]},
    "describe-rules": {"Rules": [{"Actions": [{"ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": "arn:one", "Weight": BLUE}, {"TargetGroupArn": "arn:two", "Weight": GREEN}]}}]}]},
}
if words[1] == "describe-stack-resources":
    assert given["--stack-name"] == "arn:child"
if words[1] == "describe-rules":
    assert given["--rule-arns"] == "arn:rule"
found = jmespath.search(given["--query"], answers[words[1]])
print(*found if isinstance(found, list) else [found])
"""


@pytest.mark.parametrize(("blue", "green", "told"), [(0, 100, "GreenTargetGroup"), (100, 0, "BlueTargetGroup")])
def test_the_live_colour_is_found(blue: int, green: int, told: str, tmp_path: Path) -> None:
    """The answer goes into a rule for ever, so the commands are run, against a stand-in for AWS."""
    (block,) = [block for block in every("sh") if "describe-rules" in block.text]
    program = tmp_path / "aws"
    body = AWS.replace("BLUE", str(blue)).replace("GREEN", str(green))
    program.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", block.text], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == told


# Names


def root_of(app: App) -> dict[str, Any]:
    stack = Stack(app.name)
    application_stack(stack, plan(app))
    return stack.to_dict()


def variants() -> list[App]:
    dev, prod = load(ROOT / "services" / "coffee.py")
    connected = Pipeline(source=Connection(repository="acme/coffee"))
    uploaded = [replace(dev, pipeline=Pipeline(source=S3(create=create))) for create in (False, True)]
    taking = replace(prod, pipeline=Pipeline(source=Promotion(stage="dev", other_account=True)))
    giving = replace(dev, pipeline=Pipeline(source=S3(create=True), promotes_to=PromotionTarget(stage="prod")))
    named = Balancer(domain="shop.example.com")
    return [
        dev,
        prod,
        *uploaded,
        taking,
        giving,
        replace(prod, permissions_boundary=True, balancer=named, pipeline=connected),
    ]


def table(text: str, head: str) -> dict[str, list[str]]:
    """The rows below the table head that begins with `head`, by the code in their first cell."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows: dict[str, list[str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, *rest = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        rows[first.strip("`")] = rest
    return rows


def test_parameters_and_outputs_are_those_of_the_root() -> None:
    text = README.read_text(encoding="utf-8")
    roots = [root_of(app) for app in variants()]
    parameters = table(text, "root parameter")
    assert set(parameters) == {name for root in roots for name in root.get("Parameters", {})}
    assert set(table(text, "output")) == {name for root in roots for name in root["Outputs"]}
    for stage, root in zip(("dev", "prod"), roots, strict=False):
        told = {name for name, cells in parameters.items() if stage in cells[1].split(", ")}
        assert told == set(root.get("Parameters", {}))


@pytest.mark.parametrize("app", variants()[:2], ids=lambda app: app.stage)
def test_each_stage_is_deployed_with_its_parameters(app: App) -> None:
    calls = [
        rest
        for service, operation, rest in aws_commands(README.read_text(encoding="utf-8"))
        if (service, operation) == ("cloudformation", "deploy") and f"--stack-name {app.name}-{app.stage} " in rest
    ]
    assert len(calls) == 1
    given = re.findall(r"(\w+)=", calls[0].partition("--parameter-overrides")[2])
    assert sorted(given) == sorted(root_of(app).get("Parameters", {}))


def test_the_question_for_the_live_colour_has_such_a_name() -> None:
    dev = variants()[0]
    customer, *others = dev.services
    moved = replace(dev, services=(replace(customer, paths=("/*", "/shop")), *others))
    ((asked, _),) = plan(moved, plan(dev).ledger).live_parameters
    (named,) = set(re.findall(r"\b\w+Rule\w{8}Live\b", README.read_text(encoding="utf-8")))
    shape = re.compile("CustomerRule[0-9a-f]{8}Live")
    assert shape.fullmatch(named)
    assert shape.fullmatch(asked)


def broken_links(text: str, folder: Path) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", path):
            continue
        page = folder / path if path else None
        there = page.read_text(encoding="utf-8") if page and page.is_file() else text if not path else ""
        anchors = {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", there, re.MULTILINE)
        }
        if (page and not page.exists()) or (anchor and anchor not in anchors):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert not broken_links(page.read_text(encoding="utf-8"), page.parent)


def test_a_broken_link_is_seen() -> None:
    assert broken_links("# Roast it\n[a](#roast-it) [b](#brew) [c](nothing.md) [d](README.md)", ROOT) == [
        "#brew",
        "nothing.md",
    ]


def unknown_files(text: str) -> list[str]:
    """Files and folders of the tests that a page names and that are not there."""
    named = set(re.findall(r"(?<![\w/])(?:tests|typing_tests|docs|bench|cfngen)/[\w./-]*\w", code(text)))
    return sorted(name for name in named if not (ROOT / name).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    assert not unknown_files(page.read_text(encoding="utf-8"))


def test_an_unknown_file_is_seen() -> None:
    assert unknown_files("`tests/test_readme.py` `tests/test_coffee.py`") == ["tests/test_coffee.py"]


# The page of options


def described() -> list[type[Description]]:
    """Every class of the description, in the order in which an application leads to them."""
    found: list[type[Description]] = []

    def follow(hint: Any) -> None:
        if isinstance(hint, type) and issubclass(hint, Description) and hint not in found:
            found.append(hint)
            for each in get_type_hints(hint).values():
                follow(each)
        for part in get_args(hint):
            follow(part)

    follow(App)
    return found


def kind(hint: Any) -> str:
    """A type as one would write it, without the modules of its parts."""
    text = hint.__name__ if isinstance(hint, type) and not get_args(hint) else repr(hint)
    text = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    return re.sub(r"Literal\[([^]]+)\]", lambda match: match[1].replace(", ", " | "), text)


def default(field: Any) -> str:
    if field.default_factory is not MISSING:
        made = field.default_factory()
        return f"`{type(made).__name__}()`" if isinstance(made, Description) else f"`{made!r}`"
    return "required" if field.default is MISSING else f"`{field.default!r}`"


def documentation(cls: type) -> str:
    """What a class says of itself, without references to the facts."""
    return re.sub(r" \([A-Z]\d+(\.\d+)*\)", "", getdoc(cls) or "")


def said(doc: str, option: str) -> str:
    """The sentences of a class's documentation that speak of an option."""
    sentences = re.split(r"(?<=\.) (?=[A-Z`])", " ".join(doc.split()))
    return " ".join(each for each in sentences if f"`{option}`" in each)


def options_page(before: str) -> str:
    """The page as it should be. What no documentation says of an option is written by hand in its last cell,
    and stays there.
    """
    parts = [OPTIONS_HEAD]
    for cls in described():
        section = before.partition(f"\n## {cls.__name__}\n")[2].partition("\n## ")[0]
        own = table(section, "option") if "| option |" in section else {}
        doc = documentation(cls)
        parts.append(f"## {cls.__name__}\n\n{doc.partition(chr(10))[0]}")
        rows = []
        for each in (each for each in fields(cls) if each.init):
            cells = own.get(each.name, [])
            meaning = said(doc, each.name).replace("|", r"\|") or (cells[-1] if cells else "")
            shown = kind(get_type_hints(cls)[each.name]).replace("|", r"\|")
            rows.append(f"| `{each.name}` | `{shown}` | {default(each)} | {meaning} |")
        if rows:
            parts.append("\n".join(["| option | type | default | what it does |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts).replace("``", "`") + "\n"


OPTIONS_HEAD = """\
# Options

What a description can say, in the order in which an `App` leads to it. Objects are frozen and take their options by name:
`Service(name="customer")`. A type such as `tuple[str, ...]` is any number of strings in parentheses: `("/admin", "/admin/*")`,
and `("/*",)` for one. In YAML, names and defaults are the same;
[yaml.md](yaml.md) says how each type is spelt there. This page is kept by `tests/test_readme.py`: names, types, defaults and what the classes say themselves
come from the code by `make golden`; the rest of the last column is written here by hand."""


def test_the_page_of_options_is_up_to_date(request: pytest.FixtureRequest) -> None:
    before = OPTIONS.read_text(encoding="utf-8") if OPTIONS.exists() else ""
    page = options_page(before)
    if request.config.getoption("--golden", default=False) or os.environ.get("GOLDEN"):
        OPTIONS.write_text(page, encoding="utf-8")
    assert OPTIONS.read_text(encoding="utf-8") == page
    assert not re.findall(r"^\| `(\w+)` .*\|  \|$", page, re.MULTILINE), "say what these do, in their last cell"


def test_the_page_of_options_tells_all() -> None:
    assert set(described()) == set(kinds())
    assert {cls.__name__ for cls in described()} <= set(cfngen.__all__)


def test_a_changed_option_is_seen() -> None:
    page = OPTIONS.read_text(encoding="utf-8")
    assert options_page(page.replace("`512`", "`1024`")) == page
    assert options_page(page.replace("In CPU units", "In something else")) != page


# The changelog


def test_the_changelog_tells_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (\S+)", text, re.MULTILINE)
    assert releases[0] in (cfngen.__version__, "Unreleased")
    assert cfngen.__version__ in releases
    kinds = {"Added", "Changed", "Fixed", "Templates", "Replaces resources"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
