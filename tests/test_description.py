"""The description: what each option refuses, all at once, at the line on which it is written."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, FrozenInstanceError, fields, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import test_ledger
import test_load
import test_stack_refused
import test_values
from conftest import Golden
from kinds import PYTHON, kinds
from refusals import IMAGE, KINDS, REFUSED, REQUIRED, SECRET, Case, beside, services

from cfngen import (
    AlarmName,
    AllAtOnce,
    App,
    Balancer,
    Canary,
    CfngenError,
    CodeCommit,
    Connection,
    Container,
    Database,
    DescriptionError,
    FunctionArn,
    HealthCheck,
    Ledger,
    Linear,
    Network,
    OffHours,
    Pipeline,
    Problem,
    Redirect,
    Release,
    RestartPolicy,
    Scaling,
    ScheduledScaling,
    ScheduledTask,
    Secret,
    Service,
    sources,
    spec,
)
from cfngen.load import load
from cfngen.written import in_yaml


def whole(option: str, kind: type[Any], given: Mapping[str, Any]) -> str:
    """An option's path as an error tells it."""
    name = given.get("name", REQUIRED.get(kind, {}).get("name", "app" if kind is Database else None))
    place = f"{kind.__name__}({name!r})" if name is not None else kind.__name__
    return option if option.startswith("Service(") else f"{place}.{option}"


@pytest.mark.parametrize("refused", REFUSED, ids=str)
def test_refused(refused: Case) -> None:
    with pytest.raises(DescriptionError) as caught:
        refused.make()
    (problem,) = caught.value.problems
    assert problem.option == whole(refused.option, refused.kind, refused.given)
    assert refused.says in f"{problem.given}: {problem.fits}"
    assert not PYTHON.search(in_yaml(problem.fits))
    assert Path(problem.file).name == Path(inspect.getfile(Case)).name
    assert problem.line > 0
    assert len(str(problem)) < 400
    assert "\n" not in str(problem)
    assert not problem.fits.endswith(".")


def test_every_check_has_a_case_that_it_refuses() -> None:
    """Each `yield` of a check is reached by the cases above, so that a new one cannot stay untested."""
    modules = [sources, *(value for value in vars(spec).values() if inspect.ismodule(value))]
    expected = {
        (Path(module.__file__ or "").name, node.lineno)
        for module in modules
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Yield)
    }
    assert len(modules) >= 10
    assert len(expected) > 50
    with reached(str(Path(spec.__file__ or "").parent), str(sources.__file__)) as lines:
        for refused in REFUSED:
            with suppress(DescriptionError):
                refused.make()
    assert sorted(expected - lines) == []


@contextmanager
def reached(*folders: str) -> Iterator[set[tuple[str, int]]]:
    """Which lines of these folders run meanwhile."""
    lines: set[tuple[str, int]] = set()

    def line(frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(folders):
            return None
        if event == "line":
            lines.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        yield lines
    finally:
        sys.settrace(before)


def test_what_stands_at_the_limits_is_taken() -> None:
    App(
        name="a" * 24,
        stage="b" * 16,
        services=services(*(f"s{number}" for number in range(45))),
        tags={"a" * 128: "", "Team": "x", "self": "y", **{f"tag{number}": "" for number in range(42)}},
        alarm_email="a.b+c@d.example.com",
        log_retention_days=3653,
        own_key_for=("logs", "artifacts", "images", "database"),
    )
    for start, end in (("08:30", "07:00"), ("05:00", "07:00"), ("22:00", "00:00")):
        OffHours(start=start, end=end, working_days=("SUN",), timezone="America/Argentina/Buenos_Aires")
    OffHours(timezone="Etc/GMT+5")
    for port in (1, 81, 65535):
        Balancer(test_port=port, domain="*.shop-2.example.com", test_addresses=("0.0.0.0/0", "192.0.2.1/32"))
    Database(name="a" * 32, storage_gib=65536 * 10 // 11, storage_ceiling_gib=65536, backup_days=35)
    Database(storage_gib=30, storage_ceiling_gib=33, backup_days=1)
    Database(storage_gib=20, storage_ceiling_gib=22)
    for cidr in ("10.0.0.0/16", "172.31.0.0/20", "192.168.240.0/20"):
        Network(cidr=cidr, zones=3)
    Pipeline(source=CodeCommit(branch="feature/a_b.c-d"), files="a.b/c-d/_e", build_timeout_minutes=480)
    Pipeline(source=Connection(repository="group/sub/name"), runtimes={"python": "3.13"}, build_timeout_minutes=5)
    for strategy in (AllAtOnce(), Canary(percent=1, minutes=2880), Linear(percent=99, minutes=2880)):
        Release(strategy=strategy, continue_within_minutes=2880, termination_wait_minutes=1)
    alarms = tuple(AlarmName(f"{number}") for number in range(7))
    Release(
        strategy=Linear(percent=10, minutes=320),
        continue_within_minutes=1,
        termination_wait_minutes=2880,
        alarms=alarms,
    )
    # Three times 251 addresses are there, 16 of them for others, and each service may have twice its maximum.
    shared = services("a", "b", shared=tuple("cdefgh"), build_context=".", scaling=Scaling(maximum=184))
    pipeline = Pipeline(source=Connection(repository="a/b"))
    App(name="a", services=shared, pipeline=pipeline, network=Network(cidr="10.0.0.0/20", zones=3))
    Scaling(minimum=500, maximum=500, cpu_percent=10, memory_percent=95, requests_per_minute=1)
    ScheduledScaling(name="a" * 64, schedule="at(2030-01-01T00:00:00)", minimum=0, maximum=0, timezone="Asia/Tokyo")
    paths = ("/", "/*", "/a?b*", "/" + "a" * 127, "/$-_.~\"'@:+&", "/*/*/?/?/?")
    Service(name="a" * 32, paths=paths, hosts=("x.example.com", "a.b"), allowed_addresses=("::/0", "10.0.0.0/8"))
    Service(name="a", port=1024, health_path="/", cpu=16384, memory_mib=122880, stop_timeout_seconds=120, user="1")
    Service(name="a", source=".")
    Service(name="a", port=65535, source="a/b", shared=("a/c", "lib"), build_context=".", writable_paths=("/a/b.c",))
    Service(
        name="a",
        environment={"_A1": "", "b": "x", "PORT": "8080"},
        secrets={"A": SECRET},
        egress_ports=(1, 443, 65535),
        user="9999999999:1",
    )
    Service(name="a", cpu=256, memory_mib=2048, stop_timeout_seconds=2)
    HealthCheck(command=("a",), interval_seconds=300, timeout_seconds=120, retries=10, start_period_seconds=300)
    HealthCheck(command=("CMD-SHELL", "a"), interval_seconds=5, timeout_seconds=2, retries=1, start_period_seconds=0)
    RestartPolicy(ignored_exit_codes=(*range(49), 255), restart_attempt_period_seconds=1800)
    ScheduledTask(name="a", schedule="rate(1 day)", restart_policy=RestartPolicy(ignored_exit_codes=(0,)))
    Container(name="a", image=IMAGE, memory_mib=6)
    Service(
        name="a",
        containers=(*beside(*"bcd", source="lib"), *beside(*"efghi", essential=False), *beside("j", memory_mib=458)),
        depends_on={"e": "COMPLETE", "f": "SUCCESS", "j": "START"},
        open_files=1_048_576,
        ephemeral_storage_gib=200,
    )


# Types and names of options


def fields_of(kind: type[Any], option: str) -> Any:
    return next(each for each in fields(kind) if each.name == option)


OPTIONS = [pytest.param(kind, each.name, id=f"{kind.__name__}.{each.name}") for kind in KINDS for each in fields(kind)]


def test_every_description_is_tested() -> None:
    assert set(kinds()) == set(KINDS)


@pytest.mark.parametrize(("kind", "option"), OPTIONS)
def test_a_value_of_a_wrong_type_is_refused(kind: type[Any], option: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        kind(**{**REQUIRED.get(kind, {}), option: object()})
    (problem,) = caught.value.problems
    assert problem.option.endswith(f".{option}")
    assert problem.fits.startswith("must be ")
    assert len(problem.given) <= 60


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (App, {"maintenance": True}, "App('shop').maintenance: True; must be a text or a page of HTML or None"),
        (
            Release,
            {"hooks": {"AfterInstal": FunctionArn("arn:x")}},
            "Release.hooks['AfterInstal']: no such key; did you mean 'AfterInstall'?",
        ),
        (Service, {"cpu": "256"}, "Service('shop').cpu: '256'; must be a whole number"),
        (Service, {"cpu": True}, "Service('shop').cpu: True; must be a whole number"),
        (Service, {"paths": "/a"}, "Service('shop').paths: '/a'; must be a tuple of strings, such as"),
        (Service, {"paths": ["/a"]}, "Service('shop').paths: ['/a']; must be a tuple of strings, such as"),
        (Service, {"paths": ("/a", 1)}, "Service('shop').paths: ('/a', 1); must be a tuple of strings, such as"),
        (Service, {"egress_ports": ("443",)}, "must be a tuple of whole numbers, such as"),
        (Service, {"architecture": "arm64"}, "Service('shop').architecture: 'arm64'; must be 'ARM64' or 'X86_64'"),
        (Service, {"environment": {"A": 1}}, "must be a mapping of a string to a string or a Text"),
        (Service, {"environment": {1: "A"}}, "must be a mapping of a string to a string or a Text"),
        (Service, {"test_command": 1}, "Service('shop').test_command: 1; must be a string or None"),
        (Service, {"release": AllAtOnce()}, "Service('shop').release: AllAtOnce; must be a Release"),
        (Release, {"strategy": "canary"}, "must be an AllAtOnce or a Canary or a Linear"),
        (App, {"services": Service(name="a")}, "App('shop').services: Service('a'); must be a tuple of Services"),
        (App, {"cloud9": 1}, "App('shop').cloud9: 1; must be True or False"),
        (
            App,
            {"own_key_for": ("log",)},
            "must be a tuple of 'logs' or 'artifacts' or 'images' or 'database' or 'queues', such as",
        ),
        (App, {"name": 5}, "App.name: 5; must be a string"),
        (Secret, {"arn": "arn:aws:"}, "Secret.arn: 'arn:aws:'; must be a SecretArn"),
    ],
)
def test_a_wrong_type_is_told_in_words(kind: type[Any], given: dict[str, Any], says: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        kind(**{**REQUIRED.get(kind, {}), **given})
    assert says in str(caught.value)


BAD_TEXT = "text that can be written as UTF-8, without half a surrogate pair"
TOO_GREAT = "a number of 15 digits at most"


@pytest.mark.parametrize(
    ("kind", "option", "value", "says"),
    [
        (Service, "environment", {"A": "x\ud800"}, f"'x\\ud800': {BAD_TEXT}"),
        (Service, "environment", {"\udfff": "x"}, f"'\\udfff': {BAD_TEXT}"),
        (Service, "secrets", {"\udfff": SECRET}, BAD_TEXT),
        (Service, "migrate", ("make", "\udc80"), f"'\\udc80': {BAD_TEXT}"),
        (Service, "test_command", "\ud800", BAD_TEXT),
        (Service, "name", "\ud800", BAD_TEXT),
        (Secret, "key", "\ud800", BAD_TEXT),
        (Pipeline, "test_command", "\ud800", BAD_TEXT),
        (App, "tags", {"Team": "\ud800"}, BAD_TEXT),
        (Service, "egress_ports", (443, 10**15), TOO_GREAT),
    ],
)
def test_a_text_that_no_file_can_hold_is_refused(kind: type[Any], option: str, value: object, says: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        kind(**{**REQUIRED.get(kind, {}), option: value})
    (problem,) = caught.value.problems
    assert problem.option.endswith(f".{option}")
    assert says in problem.fits
    assert str(problem).encode()


@pytest.mark.parametrize(("kind", "option"), [each for each in OPTIONS if "int" in str(fields_of(*each.values).type)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_of_any_length_is_refused_in_one_line(kind: type[Any], option: str, sign: int) -> None:
    """Python itself writes no number of more than 4300 digits, and takes none above 10**308 for a float."""
    for digits in (15, 400, 5000):
        number = sign * 10**digits
        value = (number,) if "tuple" in str(fields_of(kind, option).type) else number
        with pytest.raises(DescriptionError) as caught:
            kind(**{**REQUIRED.get(kind, {}), option: value})
        (problem,) = [each for each in caught.value.problems if each.option.endswith(f".{option}")]
        assert problem.fits == TOO_GREAT
        assert len(str(problem)) < 200


def test_what_a_mapping_was_made_of_may_change_afterwards() -> None:
    given = {"A": "x"}
    service = Service(name="shop", environment=given, secrets={"B": SECRET})
    same = replace(service)
    given["<bad>"] = "y"
    assert service.environment == same.environment == {"A": "x"}
    assert "environment={'A': 'x'}" in repr(service)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_unknown_option_is_refused_with_the_closest_one(kind: type[Any]) -> None:
    names = [field.name for field in fields(kind)]
    for name in names:
        with pytest.raises(DescriptionError) as caught:
            kind(**REQUIRED.get(kind, {}), **{f"{name}s" if f"{name}s" not in names else f"{name}_": 1})
        (problem,) = caught.value.problems
        assert problem.fits == f"no such option; did you mean {name!r}?"
        assert problem.given == ""
    with pytest.raises(DescriptionError) as caught:
        kind(**REQUIRED.get(kind, {}), xyzzy=1)
    (problem,) = caught.value.problems
    known = f"known: {', '.join(sorted(names))}" if names else "there is none"
    assert problem.fits == f"no such option; {known}"


def test_what_is_left_out_on_purpose_is_told_so() -> None:
    with pytest.raises(
        DescriptionError, match=r"Service\('web'\).stickiness_seconds: no such option; sticky sessions work"
    ):
        Service(name="web", stickiness_seconds=60)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_has_no_default_must_be_given(kind: type[Any]) -> None:
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    needed = {Container: {"command"}, Redirect: {"to_host"}}.get(kind, set())  # by their checks
    assert sorted(required) == sorted(REQUIRED.get(kind, {}).keys() - needed)
    for name in required:
        with pytest.raises(DescriptionError) as caught:
            kind(**{key: value for key, value in REQUIRED[kind].items() if key != name})
        (problem,) = caught.value.problems
        assert problem.option.endswith(f".{name}")
        assert (problem.given, problem.fits) == ("", "missing; it has no default")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_options_are_given_by_name(kind: type[Any]) -> None:
    with pytest.raises(DescriptionError) as caught:
        kind(object(), **REQUIRED.get(kind, {}))
    (problem,) = caught.value.problems
    assert problem.fits == "options are given by name, as in Service(name='customer')"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_objects_are_frozen_and_equal_by_value(kind: type[Any]) -> None:
    made = kind(**REQUIRED.get(kind, {}))
    assert made == kind(**REQUIRED.get(kind, {}))
    assert replace(made) == made
    for name in (*(each.name for each in fields(kind)), "anything"):
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, 1)


# All at once, at the right line


def test_all_problems_of_an_object_at_once() -> None:
    with pytest.raises(DescriptionError) as caught:
        Service(  # type: ignore[call-arg]
            name="Shop", cpu=300, port=PORT, path="/a", hosts=("a.b", "A.b"), user="root", secrets={"A": SECRET}, environment={"A": ""}
        )  # fmt: skip
    assert [problem.option for problem in caught.value.problems] == [
        f"Service('Shop').{option}" for option in ("path", "port", "name", "cpu", "user", "secrets['A']", "hosts[1]")
    ]
    assert str(caught.value).count("\n") == 6


def test_a_missing_option_does_not_hide_the_others() -> None:
    cases: list[tuple[type[Any], dict[str, Any], list[str]]] = [
        (App, {"stage": "Dev", "log_retention_days": 2}, ["name", "services", "stage", "log_retention_days"]),
        (Service, {"cpu": 300, "port": 80}, ["name", "cpu", "port"]),
        (Connection, {"branch": "a*"}, ["repository", "branch"]),
        (Pipeline, {"build_timeout_minutes": 1}, ["source", "build_timeout_minutes"]),
    ]
    for kind, given, options in cases:
        with pytest.raises(DescriptionError) as caught:
            kind(**given)
        assert [problem.option.rpartition(".")[2] for problem in caught.value.problems] == options


def test_replace_checks_like_the_first_time() -> None:
    service = Service(name="shop")
    assert replace(service, cpu=512, memory_mib=1024) == Service(name="shop", cpu=512, memory_mib=1024)
    with pytest.raises(DescriptionError) as caught:
        replace(service, cpu=512)
    (problem,) = caught.value.problems
    assert problem.option == "Service('shop').memory_mib"
    with pytest.raises(DescriptionError, match="no such option; did you mean 'cpu'"):
        replace(service, cpuu=512)  # type: ignore[call-arg]


PORT: Any = "80"
MARK = re.compile(r"#!(.*)")


def marked(text: str) -> list[tuple[int, str]]:
    """Line and option of each expected problem: a comment such as ``#! Service('a').cpu``."""
    return [
        (number, option.strip())
        for number, line in enumerate(text.splitlines(), 1)
        for found in MARK.findall(line)
        for option in found.split("|")
    ]


FILES = {
    "one line": "app = App(name='shop', services=(Service(name='a', cpu=3),))  #! Service('a').cpu\n",
    "several lines": """
app = App(
    name="shop",
    stage="Dev",  #! App('shop').stage
    services=(
        Service(
            name="a",
            paths=(
                "/a",
            ),
            cpu=300,  #! Service('a').cpu
            release=Release(
                strategy=Canary(
                    percent=0,  #! Canary.percent
                ),
                termination_wait_minutes=0,  #! Release.termination_wait_minutes
            ),
        ),
        Service(name="b", paths=("/b",),
            port=80),  #! Service('b').port
    ),
    network=Network(zones=9),  #! Network.zones
)
""",
    "objects of their own": """
network = Network(cidr="8.0.0.0/8")  #! Network.cidr
service = Service(name="a", portt=3,  #! Service('a').portt
                  memory_mib="512")  #! Service('a').memory_mib
app = App(name="Shop",  #! App('Shop').name
          services=(service,), network=network)
""",
    "what an option leads to": """
a = Service(
    name="a",
)
b = Service(
    paths=("/b",),
    name="a",  #! App('shop').services[1].name
)
database = Database(
    writers=("a",),
    readers=("c",),  #! App('shop').database.readers
)
app = App(name="shop", services=(a, b), database=database)
""",
    "no line of its own": """
app = App(
    name="shop",
    services=(
        Service(  #! Service('a').memory_mib
            name="a",
            cpu=1024,
        ),
    ),
)
""",
    "replace": """
from dataclasses import replace
import dataclasses
dev = App(name="shop", services=(Service(name="a"),))
prod = replace(
    dev,
    stage="prod",
    network=replace(dev.network, zones=1),  #! Network.zones
)
test = dataclasses.replace(dev,
    stage="Test",  #! App('shop').stage
    log_retention_days=2)  #! App('shop').log_retention_days
stages = (dev, prod, test)
""",
    "a function": """
def service(name, **options):
    return Service(name=name, **options)  #! Service('b').cpu
app = App(name="shop", services=(service("a"), service("b", cpu=3)))
""",
    "a loop": """
app = App(name="shop", services=tuple(
    Service(name=name, port=1)  #! Service('a').port | Service('b').port
    for name in "ab"
))
""",
    "other names": """
import cfngen
from cfngen import Service as S
app = cfngen.App(
    name="shop",
    services=(
        S(  #! Service('a').cpu
            name="a",
            cpu=1,
        ),
    ),
    network=cfngen.Network(
        zones=1,  #! Network.zones
    ),
)
""",
    "a bad secret in a mapping": """
app = App(name="shop", services=(Service(name="a", secrets={
    "KEY": Secret(
        arn=SecretArn.parameter("KeyArn"),
        key="a:b",  #! Secret.key
    ),
}),))
""",
    "deploy-time values": """
import os
a = Service(name="a", environment={"A": Text(os.environ.get("CFNGEN_NO_SUCH"))},  #! Text
            secrets={"B": Secret(arn=SecretArn(""), key="a:b")},  #! SecretArn | Secret.key
            release=Release(alarms=(AlarmName([]),)), cpu=3)  #! AlarmName | Service('a').cpu
ids = SubnetIds("subnet-1")  #! SubnetIds
app = App(name="shop", services=(a,), network=Network(zones=1))  #! Network.zones
""",
    "then code that fails": """
service = Service(name="a", cpu=1)  #! Service('a').cpu
app = App(name="shop", services=(service,), stage=None)  #! App('shop').stage
raise RuntimeError("a consequence")
""",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_every_problem_of_a_file_is_told_at_its_own_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "services").mkdir()
    file = tmp_path / "services" / "shop.py"
    file.write_text(f"from cfngen import *; from cfngen import Secret, SecretArn\n{text}", encoding="utf-8")
    with pytest.raises(DescriptionError) as caught:
        load(file)
    assert sorted((problem.line, problem.option) for problem in caught.value.problems) == sorted(
        marked(file.read_text(encoding="utf-8"))
    )
    assert {problem.file for problem in caught.value.problems} == {"services/shop.py"}


def test_a_file_elsewhere_is_named_in_full(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text("from cfngen import Network\nNetwork(zones=1)\n", encoding="utf-8")
    with pytest.raises(DescriptionError) as caught:
        load(file)
    assert str(caught.value) == f"{file}:2: Network.zones: 1; 2 or 3"


# Every error text, once


def test_every_error_text(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All errors as people meet them, but for file and line, one example of each: read the difference."""
    monkeypatch.chdir(tmp_path)
    calls: list[Callable[[], object]] = [
        *(refused.make for refused in REFUSED),
        *(refused for refused, *_ in test_ledger.ALWAYS_REFUSED.values()),
        *(partial(kind, source) for kind, source, _ in test_values.REFUSED),
        *(partial(Ledger.read, text) for text in test_ledger.UNREADABLE.values()),
        *(refused for refused, _ in test_stack_refused.REFUSED.values()),
        *(partial(test_load.refuse, tmp_path, *refused[:2]) for refused in test_load.REFUSED.values()),
    ]
    said: dict[str, str] = {}
    for call in calls:
        with pytest.raises(CfngenError) as caught:
            call()
        for told in getattr(caught.value, "problems", None) or [Problem("", "", str(caught.value))]:
            if told.option.endswith(("Error", "Exit")):
                continue  # Python's own words, which change with its version
            given = re.sub(r"\(\w+Error: .*\)$", "(…)", told.given)  # so do these
            text = str(replace(told, given=given, file="", line=0)).removeprefix(": ")
            assert not re.search(r"\b[A-Z]\d{1,2}\.\d|\([A-Z]\d", text), (
                f"numbers of facts mean nothing to users: {text}"
            )
            text = re.sub(r"(?:[^ ]*/)?test_\w+\.py:\d+", "services/shop.py:1", text)
            said.setdefault(re.sub(r"'[^']*'|\d+", "", f"{told.option} {told.fits}"), text)
    golden("errors.txt", "".join(f"{text}\n" for text in sorted(said.values())))
