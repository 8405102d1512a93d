"""Python files that describe an application: what is taken, and what is told when it is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cfngen import App, DescriptionError, Service
from cfngen.load import find, is_description, load, select

HEAD = "from cfngen import App, Service\n"
SHOP = "App(name='shop', services=(Service(name='web'),))"


@pytest.fixture(autouse=True)
def _forget_helpers() -> Iterator[None]:
    """What a description imports from beside it stays imported; tests must not see each other's."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def make(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


# What is taken


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        (f"app = {SHOP}", ["dev"]),
        (f"app = {SHOP}\nstages = (app,)", ["dev"]),
        (f"from dataclasses import replace\napp = {SHOP}\nstages = (app, replace(app, stage='prod'))", ["dev", "prod"]),
        (f"stages = {SHOP}", ["dev"]),
        (f"stages = ({SHOP}, App(name='other', services=(Service(name='web'),)))", ["dev", "dev"]),
    ],
)
def test_stages_of_a_file(tmp_path: Path, text: str, stages: list[str]) -> None:
    make(tmp_path, {"shop.py": HEAD + text})
    assert [app.stage for app in load(tmp_path / "shop.py")] == stages


def test_a_description_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    path = list(sys.path)
    make(tmp_path, {"shop.py": f"{HEAD}from beside import NAME\napp = {SHOP}\n", "beside.py": "NAME = 'x'\n"})
    assert load(tmp_path / "shop.py")
    assert sys.path == path


def test_a_description_is_not_run_as_a_program(tmp_path: Path) -> None:
    make(tmp_path, {"shop.py": f"{HEAD}app = {SHOP}\nif __name__ == '__main__':\n    raise SystemExit(9)\n"})
    assert load(tmp_path / "shop.py")


def test_one_stage_of_several() -> None:
    dev, prod = (App(name="shop", stage=stage, services=(Service(name="web"),)) for stage in ("dev", "prod"))
    assert select((dev, prod), None) == (dev, prod)
    assert select((dev, prod), "prod") == (prod,)


def test_the_one_description_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"services/shop.py": "app = 1\n", "services/helper.py": "apple = 1\n", "services/web/app.py": "app = 1\n"}
    make(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    assert find() == Path("services/shop.py")


def test_what_cannot_be_a_description_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"services/shop.py": "stages = ()\n", "services/old.py": "# caf\xe9\n".encode("latin-1")})
    monkeypatch.chdir(tmp_path)
    assert find() == Path("services/shop.py")


def test_a_folder_and_a_link_to_nothing_are_no_descriptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"services/shop.py": "app = 1\n", "services/web.py/app.py": "app = 1\n"})
    (tmp_path / "services/gone.py").symlink_to("nowhere")
    (tmp_path / "services/round.py").symlink_to("round.py")
    monkeypatch.chdir(tmp_path)
    assert find() == Path("services/shop.py")


# What is refused

ASSIGN = "assign a tuple of App objects to `stages`, or one to `app`"
REFUSED: dict[str, tuple[str, Mapping[str, str | bytes], str]] = {
    "no such file": ("none.py", {}, "none.py: there is no such file; name the application's description"),
    "a stage": ("prod", {}, "services/coffee.py; if prod is a stage, say --stage prod"),
    "a folder": ("services", {"services/a.py": ""}, "services: is a folder; name the description in it"),
    "neither stages nor app": ("a.py", {"a.py": HEAD}, f"a.py: stages: {ASSIGN}"),
    "an empty file": ("a.py", {"a.py": ""}, f"a.py: stages: {ASSIGN}"),
    "no stages": ("a.py", {"a.py": "stages = ()\n"}, f"a.py: stages: (); {ASSIGN}"),
    "something else": ("a.py", {"a.py": "app = 'shop'\n"}, f"a.py: stages: 'shop'; {ASSIGN}"),
    "not all are": ("a.py", {"a.py": f"{HEAD}stages = ({SHOP}, 5)\n"}, ASSIGN),
    "a list": ("a.py", {"a.py": f"{HEAD}stages = [{SHOP}, {SHOP}]\n"}, ASSIGN),
    "a stage twice": (
        "a.py",
        {"a.py": f"{HEAD}stages = ({SHOP}, {SHOP})\n"},
        "a.py: stages: shop dev; stands there twice; give each stage a name of its own",
    ),
    "bad syntax": ("a.py", {"a.py": "x = 1\napp = App(\n"}, "a.py:2: SyntaxError: '(' was never closed"),
    "bad indentation": ("a.py", {"a.py": "x = 1\n  y = 2\n"}, "a.py:2: IndentationError: unexpected indent"),
    "no text": ("a.py", {"a.py": b"x = 1\n\xff\xfe\n"}, "SyntaxError"),
    "bad syntax beside": (
        "a.py",
        {"a.py": "\nimport beside_bad\n", "beside_bad.py": "\n\n\nx = = 1\n"},
        "beside_bad.py:4: SyntaxError: invalid syntax",
    ),
    "an exception": ("a.py", {"a.py": "x = 1\ny = {}['key']\n"}, "a.py:2: KeyError: 'key'"),
    "a misspelt name": ("a.py", {"a.py": "app = Ap()\n"}, "a.py:1: NameError: name 'Ap' is not defined"),
    "a missing package": ("a.py", {"a.py": "\nimport nowhere\n"}, "a.py:2: ModuleNotFoundError: No module named 'nowhere'"),
    "an exception in a function": (
        "a.py",
        {"a.py": "def f():\n    return 1 / 0\n\nx = f()\n"},
        "a.py:2: ZeroDivisionError: division by zero",
    ),
    "an exception beside": (
        "a.py",
        {"a.py": "x = 1\nimport beside_fails\n", "beside_fails.py": "1 / 0\n"},
        "a.py:2: ZeroDivisionError: division by zero",
    ),
    "a message of several lines": ("a.py", {"a.py": "raise ValueError('a\\n  b')\n"}, "a.py:1: ValueError: a b"),
    "an exit": ("a.py", {"a.py": f"{HEAD}app = {SHOP}\nraise SystemExit(0)\n"}, "a.py:3: SystemExit"),
    "an f-string of a value": (
        "a.py",
        {"a.py": "from cfngen import Text\nname = Text('a')\nx = f'{name}-b'\n"},
        "a.py:3: WiringError: Text is known only at deployment",
    ),
    "a parameter's name": (
        "a.py",
        {"a.py": "from cfngen import *\n\nSecret(arn=SecretArn.parameter('api-key'))\n"},
        "a.py:3: SecretArn.parameter: 'api-key'; a name in letters and digits alone, 255 at most, as in 'ApiKey'",
    ),
    "a parameter without a name": (
        "a.py",
        {"a.py": "from cfngen import *\nText.parameter('')\n"},
        "a.py:2: Text.parameter: ''; a name in letters and digits alone, 255 at most, as in 'ApiKeyArn'",
    ),
    "one domain twice": (
        "a.py",
        {
            "a.py": "from dataclasses import replace\nfrom cfngen import App, Balancer, Service\n"
            "dev = App(name='shop', services=(Service(name='web'),), balancer=Balancer(domain='a.example.com'))\n"
            "stages = (dev, replace(dev, stage='prod'))\n"
        },
        "a.py:3: App('shop').balancer.domain: 'a.example.com'; another domain for shop prod; it is that of shop dev",
    ),
    "a problem": ("a.py", {"a.py": "from cfngen import *\nNetwork(zones=1)\n"}, "a.py:2: Network.zones: 1; 2 or 3"),
}  # fmt: skip


def refuse(folder: Path, name: str, files: Mapping[str, str | bytes]) -> None:
    """Load a file that is refused, from the current folder."""
    make(folder, files)
    load(Path(name))


@pytest.mark.parametrize(("name", "files", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(
    name: str, files: Mapping[str, str | bytes], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DescriptionError) as caught:
        refuse(tmp_path, name, files)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300
    assert len(caught.value.problems) == 1


def test_a_parameters_name_is_told_with_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from cfngen import *\nText.parameter('api-key')\nNetwork(zones=1)\n"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DescriptionError) as caught:
        refuse(tmp_path, "a.py", {"a.py": text})
    assert [(each.option, each.line) for each in caught.value.problems] == [("Text.parameter", 2), ("Network.zones", 3)]


def test_stages_may_have_domains_of_their_own(tmp_path: Path) -> None:
    text = (
        "from dataclasses import replace\nfrom cfngen import App, Balancer, Service\n"
        "dev = App(name='shop', services=(Service(name='web'),))\n"
        "own = {stage: Balancer(domain=f'{stage}.example.com') for stage in ('test', 'prod')}\n"
        "stages = (dev, *(replace(dev, stage=stage, balancer=balancer) for stage, balancer in own.items()))\n"
    )
    make(tmp_path, {"a.py": text})
    assert [app.balancer.domain for app in load(tmp_path / "a.py")] == [None, "test.example.com", "prod.example.com"]


def test_an_unknown_stage_is_refused_with_the_closest_one() -> None:
    shop = App(name="shop", services=(Service(name="web"),), stage="prod")
    with pytest.raises(DescriptionError) as caught:
        select((shop,), "prd")
    assert str(caught.value) == "--stage: 'prd'; no stage of the application; did you mean 'prod'?"


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("a.py", "", True),
        ("a.yaml", "name: shop\nservices: {}\n", True),
        ("a.yml", "x: 1\n", True),
        ("a.yaml", "AWSTemplateFormatVersion: '2010-09-09'\n", False),
        ("a.yaml", "# a\nResources:\n  A: {}\n", False),
        ("a.yaml", '{"Resources": {}}', False),
        ("a.json", "{}", False),
    ],
)
def test_descriptions_are_told_from_templates(name: str, text: str, is_one: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert is_description(tmp_path / name) is is_one


NONE = "APP: name the application's description; there is no cfngen.yaml here and no description in services/*.py; cfngen init writes one"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, NONE),
        ({"services/a.py": "x = 1\n"}, NONE),
        (
            {"services/b.py": "app = 1\n", "services/a.py": "stages = 1\n"},
            "APP: name the application's description; there are services/a.py, services/b.py",
        ),
        (
            {"cfngen.yaml": "", "services/a.py": "app = 1\n"},
            "APP: name the application's description; there are cfngen.yaml, services/a.py",
        ),
    ],
)
def test_none_or_several_descriptions(
    files: Mapping[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DescriptionError) as caught:
        find()
    assert str(caught.value) == says


def test_an_interruption_is_not_taken_for_an_error_of_the_description(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path / "a.py")
