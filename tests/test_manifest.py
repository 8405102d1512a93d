"""Descriptions in YAML: the same objects as in Python, errors with line and column, schema, round trip, origins."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import kinds
from strategies import apps

import cfngen
from cfngen import (
    AlarmName,
    AllAtOnce,
    App,
    Canary,
    DescriptionError,
    PolicyArn,
    Release,
    Secret,
    SecretArn,
    Service,
    Text,
)
from cfngen.generated import files_of
from cfngen.load import load
from cfngen.manifest.explain import explain
from cfngen.manifest.schema import schema, schema_text
from cfngen.manifest.shapes import options
from cfngen.manifest.write import write_yaml

ROOT = Path(__file__).parents[1]
COFFEE = ROOT / "services" / "coffee.yaml"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def _read(text: str) -> tuple[App, ...]:
        Path("cfngen.yaml").write_text(text, encoding="utf-8")
        return load(Path("cfngen.yaml"))

    return _read


@pytest.fixture
def refused(read: Any) -> Any:
    def _refused(text: str) -> list[str]:
        with pytest.raises(DescriptionError) as caught:
            read(text)
        return [str(problem).removeprefix("cfngen.yaml:") for problem in caught.value.problems]

    return _refused


def test_coffee_is_the_same_in_yaml_and_python() -> None:
    python = load(ROOT / "services" / "coffee.py")
    assert load(COFFEE) == python
    out = Path("templates")
    in_python = files_of(ROOT / "services" / "coffee.py", python, out)
    in_yaml = files_of(COFFEE, load(COFFEE), out)
    head = ("services/coffee.py", "services/coffee.yaml")
    assert {f: {n: t.replace(*head) for n, t in files.items()} for f, files in in_python.items()} == in_yaml


def test_the_least_description(read: Any) -> None:
    assert read("name: shop\nservices:\n  web: {}\n") == (App(name="shop", services=(Service(name="web"),)),)


def test_every_option_of_every_class_is_spelt() -> None:
    for cls in kinds():
        assert set(options(cls)) == {each.name for each in fields(cls) if each.init}


def test_values_of_the_deployment(read: Any) -> None:
    (app,) = read("""
name: shop
services:
  web:
    environment: {SALT: {parameter: Salt, description: Of the day, no_echo: true}, PLAIN: "on"}
    secrets: {KEY: {Secret: {arn: {parameter: KeyArn}, key: mail}}}
    release: {alarms: [sales, {parameter: Stock}]}
    policies: [AmazonS3ReadOnlyAccess, "arn:aws:iam::123456789012:policy/x", {parameter: OwnArn}]
""")
    (web,) = app.services
    salt = web.environment["SALT"]
    assert isinstance(salt, Text)
    assert salt.declaration
    assert salt.declaration.to_dict() == {"Type": "String", "Description": "Of the day", "NoEcho": True}
    assert salt.declared_at == "cfngen.yaml:5"
    assert web.environment["PLAIN"] == "on"
    assert web.secrets == {"KEY": Secret(arn=SecretArn.parameter("KeyArn"), key="mail")}
    assert web.release.alarms == (AlarmName("sales"), AlarmName.parameter("Stock"))
    own = PolicyArn("arn:aws:iam::123456789012:policy/x")
    assert web.policies == ("AmazonS3ReadOnlyAccess", own, PolicyArn.parameter("OwnArn"))


# Errors


def test_all_errors_come_at_once_with_line_and_column(refused: Any) -> None:
    assert refused("""\
name: Shop
servces: {}
services:
  web:
    cpu: 300
    paths: /a
    environment: {PORT: 8080}
    release:
      strategy: {Canry: {}}
      continue_within_minutes: "60"
network: {zones: 4}
pipeline:
  source: {Connection: {}}
tags: {Stage: mine}
""") == [
        "1:7: name: 'Shop'; lower-case letters, digits and single hyphens, beginning with a letter, at most 24",
        "2:1: servces: no such option; did you mean 'services'?",
        "5:10: services.web.cpu: 300; CPU units of Fargate: 256, 512, 1024, 2048, 4096, 8192, 16384",
        "6:12: services.web.paths: /a; a list of strings, as in [one, other]",
        "7:25: services.web.environment.PORT: 8080; a string; write '8080' in quotes: YAML reads a number",
        "9:18: services.web.release.strategy: Canry; one of AllAtOnce, Canary, Linear, with its options below it; did you mean 'Canary'?",
        "10:32: services.web.release.continue_within_minutes: '60'; a whole number, or null, without quotes",
        "11:18: network.zones: 4; 2 or 3",
        "13:12: pipeline.source.Connection.repository: missing; it has no default",
        "14:15: tags.Stage: 'mine'; another key; Application, Stage and Name are cfngen's, and aws: is AWS's",
    ]


TRAPS = {
    "balancer: {web_acl: mine}": "balancer.web_acl: 'mine'; the ARN of a regional web ACL of AWS WAF, as in 'arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/0b1c2d3e', or a parameter that the deployer gives",
    "pipeline: {source: {S3: {create: true, key: {parameter: SourceKey}}}}": "pipeline.source.S3.key: {parameter: SourceKey}; none with create: true; the stage's own key encrypts the bucket where own_key_for says 'artifacts'",
    "maintenance: true": "maintenance: true; a text or a page of HTML, or null",
    "pipeline: {source: CodeCommit, promotes_to: prod}": "pipeline.promotes_to: prod; a mapping with stage, as in {stage: prod}",
    "services: {web: {release: {hooks: {AfterInstal: x}}}}": "services.web.release.hooks.AfterInstal: no such key; did you mean 'AfterInstall'?",
    "balancer: {redirects: [{to_host: a.example.com, status: 308}]}": "balancer.redirects[0].status: 308; one of 301, 302",
    "services: {web: 8080}": "services.web: 8080; a mapping of options such as source, shared, build_context, test_command; {} means all defaults",
    "services: {web: {scaling: {schedule: {name: morning, minimum: 2}}}}": "services.web.scaling.schedule: a mapping; a mapping of names, each to a mapping with schedule and minimum and maximum",
    "services: {web: {scaling: {schedule: {morning: 2}}}}": "services.web.scaling.schedule.morning: 2; a mapping with schedule and minimum and maximum",
    "services: {web: {port: 22:22}}": "services.web.port: 22:22; a whole number; YAML readers differ on 22:22, which some take for a number to the base of sixty",
    "services: {web: {port: 0755}}": "services.web.port: 0755; a whole number; YAML readers differ on 0755, which some take for an octal number",
    "services: {web: {port: 8_080}}": "services.web.port: 8_080; a whole number; YAML readers differ on 8_080, which some take for a number",
    "cloud9: on": "cloud9: on; true or false; write true; YAML 1.1 reads on as true, YAML 1.2 as text",
    "alarm_email: no": "alarm_email: no; a string, or null; write 'no' in quotes: YAML 1.1 reads no as false, YAML 1.2 as text",
    "tags: {a: 2024-01-01}": "tags.a: 2024-01-01; a string; write '2024-01-01' in quotes: YAML readers differ on 2024-01-01, which some take for a date",
    "tags: {a: 3.10}": "tags.a: 3.10; a string; write '3.10' in quotes: YAML reads a number, 3.1",
    "tags: {y: a}": "tags: the key y; write 'y' in quotes; YAML 1.1 reads y as true, YAML 1.2 as text",
    "tags: {1: a}": "tags: the key 1; a word; write '1' in quotes",
    "off_hours: {start: 20:00}": "off_hours.start: 20:00; a string; write '20:00' in quotes: YAML readers differ on 20:00, which some take for a number to the base of sixty",
}


@pytest.mark.parametrize("line", TRAPS)
def test_what_readers_differ_on_is_refused_with_a_lesson(line: str, refused: Any) -> None:
    rest = "" if line.startswith("services") else "services: {web: {}}\n"
    (told,) = refused(f"name: shop\n{rest}{line}\n")
    assert told.split(": ", 1)[1] == TRAPS[line]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: !!python/object/apply:os.system [id]\n", "no tag: a description makes no objects"),
        ("name: !Ref x\n", "no tag"),
        ("name: a\nname: b\n", "2:1: name: stands there twice; one of them; the other stands on line 1"),
        ("a: &a [*a]\n", "an anchor of something else than what it stands in"),
        ("a: *b\n", "*b; an anchor that stands before it; there is none"),
        ("a: 1\n---\nb: 1\n", "one document in the file"),
        ("- a\n", "a mapping, beginning with a line such as name: shop"),
        ("", "a mapping"),
        ("name: a\n\tservices: {}\n", "takes no tabs"),
        ("name: a: b\n", "text with a colon and a space in it in quotes"),
        ("name: @a\n", "text that begins with this character in quotes"),
        ("name: [a\n", "expected ',' or ']'"),
        ("services:\n    a: {}\n  b: {}\n", "3:3: YAML: 'b: {}'; the indentation of what it stands in, which begins on line 1"),
        ("? [a]\n: b\n", "a word as a key, no list and no mapping"),
        ("a: &a b\n*a : c\n", "a word as a key, no alias"),
        (f"a: {'[' * 40}{']' * 40}\n", "at most 32 levels"),
        (f"a: {'[' * 100_000}", "maximum nesting depth"),
        ("name: shop\nservices: {web: {<<: 1}}\n", "<<; an alias of a mapping"),
        ("name: shop\nservices: {web: }\n", "services.web: null; a value, or {} where all its options are defaults"),
        ("name: shop\nservices: {web: {}}\nstages: []\n", "a mapping of the stages' names"),
        ("name: shop\nservices: {web: {}}\nstages: {a: 1}\n", "stages.a: 1; a mapping of what differs in this stage; {} means nothing does"),
        ("name: shop\nservices: {web: {}}\nstage: x\nstages: {a: {}}\n", "stage: no such option"),
        ("name: shop\nservices: {web: {sticky: true}}\n", "no such option; sticky sessions work against releases, as docs/traffic.md"),
        ("name: shop\nservices: {web: {environment: {A: {paramter: B}}}}\n", "did you mean 'parameter'?"),
        ("name: shop\nservices: {web: {environment: {A: {parameter: B-1}}}}\n", "a name in letters and digits alone"),
        ("name: shop\nservices: {web: {environment: {A: {default: x}}}}\n", "parameter is missing"),
        ("name: shop\nservices: {web: {environment: {A: {parameter: B, allowed_values: 1}}}}\n", "a parameter as CloudFormation knows it"),
        ("name: shop\nservices: {web: {secrets: {A: {Secret: {arn: ''}}}}}\n", "a string that is not empty"),
        (
            "name: shop\nservices: {web: {secrets: {A: {arn: x, key: y}}}}\n",
            "2:31: services.web.secrets.A: a mapping; one of Secret, SsmParameter, with its options below it, as in Secret: {arn: ...}",
        ),
        ("name: shop\nservices: {web: {release: {strategy: {Canary: {}, Linear: {}}}}}\n", "one of AllAtOnce, Canary, Linear"),
    ],
)  # fmt: skip
def test_what_is_no_description_is_refused(text: str, told: str, refused: Any) -> None:
    assert any(told in each for each in refused(text))


def test_a_billion_laughs_are_refused_soon(refused: Any) -> None:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
    (told,) = refused("\n".join(lines))
    assert "at most 500000 values, each counted as often as aliases use it" in told


def test_a_huge_file_and_one_that_is_no_text_are_refused(refused: Any, read: Any) -> None:
    assert "at most 4194304" in refused("#" * 5_000_000)[0]
    Path("cfngen.yaml").write_bytes(b"name: a\n\xff")
    with pytest.raises(DescriptionError, match=r"cfngen\.yaml:2: YAML: b'\\xff'; text in UTF-8"):
        load(Path("cfngen.yaml"))


# Stages


STAGES = """\
name: shop
services:
  web: {environment: {A: a, B: b}, cpu: 512, memory_mib: 1024, release: {strategy: {Canary: {percent: 20}}}}
  debug: {paths: [/debug], health_path: /debug}
stages:
  dev:
  prod:
    services:
      debug: null
      web: {environment: {B: null, C: c}, release: {strategy: {Canary: {minutes: 9}}}}
  late:
    services: {web: {memory_mib: 512, release: {strategy: AllAtOnce}}}
"""


def test_a_stage_is_merged_over_what_all_share(read: Any) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(STAGES)
    assert str(caught.value) == (
        "cfngen.yaml:12:34: stages.late.services.web.memory_mib: 512; with 512 CPU units Fargate has 1024, 2048, 3072, 4096"
    )
    dev, prod, late = read(STAGES.replace("memory_mib: 512", "memory_mib: 2048"))
    assert [app.stage for app in (dev, prod, late)] == ["dev", "prod", "late"]
    assert [service.name for service in dev.services] == ["web", "debug"]
    (web,) = prod.services
    assert web.environment == {"A": "a", "C": "c"}
    assert web.release == Release(strategy=Canary(percent=20, minutes=9))
    assert late.services[0].release == Release(strategy=AllAtOnce())


def test_a_problem_of_the_shared_part_in_one_stage_names_the_stage(refused: Any) -> None:
    text = "name: shop\nservices: {web: {memory_mib: 512}}\nstages: {dev: {}, prod: {services: {web: {cpu: 2048}}}}\n"
    (told,) = refused(text)
    assert told.startswith("2:30: services.web.memory_mib: 512; with 2048 CPU units")
    assert told.endswith("(in stage prod)")


def test_what_is_not_there_cannot_be_taken_out(refused: Any) -> None:
    (told,) = refused("name: shop\nservices: {web: {}}\nstages: {dev: {services: {wbe: null}}}\n")
    assert told == "3:27: stages.dev.services.wbe: null; there is nothing of this name to take out"


def test_origins(read: Any) -> None:
    _, prod, _ = read(STAGES.replace("memory_mib: 512", "memory_mib: 2048"))
    found = {each.path: each.place for each in explain(prod)}
    assert found["name"] == "cfngen.yaml:1:7"
    assert found["services.web.cpu"] == "cfngen.yaml:3:41"
    assert found["services.web.environment.C"] == "cfngen.yaml:10:39 (overlay)"
    assert found["services.web.release.strategy.Canary.minutes"] == "cfngen.yaml:10:82 (overlay)"
    assert found["services.web.port"] == "default of Service"


def test_origins_in_python() -> None:
    prod = load(ROOT / "services" / "coffee.py")[1]
    found = {each.path: each.place for each in explain(prod)}
    line = (ROOT / "services" / "coffee.py").read_text(encoding="utf-8").splitlines().index("        cpu=512,") + 1
    assert found["services.customer.cpu"].endswith(f"services/coffee.py:{line}")
    assert found["services.customer.port"] == "default of Service"
    assert found["name"].endswith("(before replace())")


# Schema


def test_the_schema_is_valid_and_knows_coffee() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    assert not list(validator.iter_errors(yaml.safe_load(COFFEE.read_text(encoding="utf-8"))))
    assert schema_text() == schema_text()
    assert json.loads(schema_text()) == schema()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name: shop\nservices: {web: {cpus: 1}}", "$.services.web"),
        ("name: shop\nservices: {web: {cpu: '1'}}", "$.services.web.cpu"),
        ("name: shop\nservices: {web: {release: {strategy: Canry}}}", "$.services.web.release.strategy"),
        ("name: shop\nservices: {web: {}}\npipeline: {source: Connection}", "$.pipeline"),
        ("name: shop\nservices: {web: {}}\npipeline: {}", "$.pipeline"),
        ("name: shop\nservices: {web: {}}\nstages: {dev: {network: {nat: two}}}", "$.stages.dev"),
        ("services: {web: {}}", "$"),
    ],
)
def test_the_schema_sees_what_the_types_refuse(text: str, path: str) -> None:
    found = list(jsonschema.Draft202012Validator(schema()).iter_errors(yaml.safe_load(text)))
    assert [each.json_path for each in found] == [path]


def test_the_schema_describes_and_tells_defaults() -> None:
    service = schema()["$defs"]["Service"]
    assert service["description"].startswith("One service:")
    assert service["properties"]["stop_timeout_seconds"]["default"] == 30
    assert "read-only root" in service["properties"]["writable_paths"]["description"]
    assert "name" not in service["properties"]


# Round trip


def sorted_services(app: App) -> App:
    return replace(app, services=tuple(sorted(app.services, key=lambda service: service.name)))


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_objects_to_yaml_and_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = replace(data.draw(apps()), stage="one")
    second = replace(data.draw(apps()), stage="two")
    with suppress(DescriptionError):  # what the other balancer does not serve, such as HTTP/2 without HTTPS
        second = replace(second, balancer=replace(first.balancer, domain=None))
    file = tmp_path_factory.mktemp("round") / "cfngen.yaml"
    file.write_text(write_yaml([first, second]), encoding="utf-8")
    assert tuple(map(sorted_services, load(file))) == tuple(map(sorted_services, (first, second)))
    data_read = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert not list(jsonschema.Draft202012Validator(schema()).iter_errors(data_read))
    file.write_text(write_yaml([first]), encoding="utf-8")
    assert load(file) == (first,)


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=12)
    | st.sampled_from(
        ["on", "NO", "y", "0755", "1_0", "22:22", "~", "null", "<<", "=", "2024-01-01", "1e3", "a\nb", "Ref"]
    )
)
def test_any_text_survives(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        app = App(name="shop", services=(Service(name="web", environment={"A": text}),))
    except DescriptionError:
        return
    file = tmp_path_factory.mktemp("text") / "cfngen.yaml"
    file.write_bytes(write_yaml([app]).encode())
    assert load(file) == (app,)


def test_functions_of_troposphere_stay_in_python() -> None:
    from troposphere import Sub

    app = App(name="shop", services=(Service(name="web", environment={"A": Text(Sub("x"))}),))
    with pytest.raises(DescriptionError, match="a literal or a parameter"):
        write_yaml([app])


def test_two_applications_need_two_files() -> None:
    app = App(name="shop", services=(Service(name="web"),))
    with pytest.raises(DescriptionError, match="a file of its own"):
        write_yaml([app, replace(app, name="other")])


def test_the_public_names_are_what_yaml_calls_classes() -> None:
    assert {cls.__name__ for cls in kinds()} <= set(cfngen.__all__)


def test_explain_takes_the_only_stage_and_asks_among_several(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("cfngen.yaml")
    file.write_text("name: shop\nservices: {web: {}}\n")
    assert cfngen("explain", "--given").out.splitlines()[0].split() == ["name", "'shop'", "cfngen.yaml:1:7"]
    assert cfngen("explain", "cfngen.yaml") == cfngen("explain", "dev", "cfngen.yaml") == cfngen("explain")
    assert "'none.yaml'; no stage of the application" in cfngen("explain", "none.yaml").err
    assert f"'{'a' * 999}.py'; no stage of the application" in cfngen("explain", f"{'a' * 999}.py").err
    file.write_text("name: shop\nservices: {web: {}}\nbalancer: {https: false}\nstages: {dev: {}, prod: {}}\n")
    for app in ([], ["cfngen.yaml"]):
        assert cfngen("explain", *app).err == "error: STAGE: one of the application's stages: dev, prod\n"
