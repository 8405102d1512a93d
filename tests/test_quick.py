"""Objects that are made in fewer steps are those that troposphere makes, and what it refuses is refused in its words."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import awacs.aws
import pytest
import troposphere
from troposphere import (
    AccountId,
    AWSObject,
    AWSProperty,
    BaseAWSObject,
    Output,
    Parameter,
    Ref,
    Sub,
    Tags,
    Template,
    s3,
)
from troposphere.cloudformation import CustomResource

from cfngen import App, CodeCommit, Database, Pipeline, ScheduledTask, Service, Worker, stage_files
from cfngen._data import data
from cfngen._quick import KNOWN, quick_objects

VALUES: tuple[Any, ...] = (
    "text", "", 7, "7", 1.5, True, None, ["text"], [], [7, Ref("X")], (), {}, {"Key": "value"}, Ref("Some"),
    Sub("${Some}"), Tags(a="b"), [Tags(a="b")], "Enabled", "*", 80,
)  # fmt: skip


class Defaulted(s3.Bucket):
    """A class of one's own, with what all of its buckets have."""

    AccessControl = "Private"
    BucketName = "name"


class Own(AWSObject):
    """A class that looks after its attributes itself."""

    resource_type = "Own::Own"
    props = {"Name": (str, False)}  # noqa: RUF012  (as troposphere has it)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.upper() if name == "Name" else value)


def outcome(make: Callable[[], Any]) -> tuple[Any, str]:
    """What comes out, or what is refused and how; and what is told."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        try:
            made = make()
        except Exception as error:  # noqa: BLE001
            return (type(error), str(error)), told.getvalue()
    its = dict(vars(made))
    its |= {
        name: list(its[name]) if name == "attributes" else set(its[name])
        for name in ("attributes", "propnames")
        if name in its
    }
    return (type(made), its, list(its), list(made.resource), list(made.properties)), told.getvalue()


def assert_alike(make: Callable[[], Any]) -> None:
    plainly = outcome(make)
    with quick_objects():
        assert outcome(make) == plainly


def classes(of: type[BaseAWSObject] = BaseAWSObject) -> set[type[BaseAWSObject]]:
    return {of}.union(*map(classes, of.__subclasses__()))


def test_what_a_property_may_be_is_taken_and_refused_as_it_was() -> None:
    """One property of each kind that there is: what may be there is told by a class, a list, or a function."""
    kinds: dict[str, Callable[..., Any]] = {}
    for each in sorted(classes(), key=lambda kind: (kind.__module__, kind.__qualname__)):
        if each.__module__.startswith("troposphere."):
            kinds |= {_kind(expected): partial(_with, each, name) for name, (expected, _) in each.props.items()}
    assert len(kinds) > 100
    for make in kinds.values():
        for value in VALUES:
            assert_alike(partial(make, value))


def _kind(expected: Any) -> str:
    """What a property may be, where each class of troposphere's is like the next."""
    if isinstance(expected, list | tuple):
        return f"{type(expected).__name__} of {sorted(map(_kind, expected))}"
    return "an object" if isinstance(expected, type) and issubclass(expected, BaseAWSObject) else repr(expected)


def _with(kind: type[BaseAWSObject], name: str, value: Any) -> BaseAWSObject:
    return kind("Title", **{name: value})


BUCKET: Any = s3.Bucket
STATEMENT: Any = awacs.aws.Statement
SELDOM: dict[str, Callable[[], Any]] = {
    "a name that is none": lambda: BUCKET("not-alphanumeric"),
    "no name": lambda: BUCKET(""),
    "no such property": lambda: BUCKET("Title", Unknown=1),
    "attributes": lambda: BUCKET("Title", DependsOn=[BUCKET("Other"), "Third"], Condition="C", Metadata={}),
    "two titles": lambda: BUCKET("Title", title="Other"),
    "its own attributes": lambda: BUCKET("Title", do_validation=False, resource={}),
    "by position": lambda: BUCKET("Title", None, False, BucketName="name"),
    "too many": lambda: cast(Any, s3.VersioningConfiguration)("Title", Template()),
    "a title": lambda: s3.VersioningConfiguration("Title"),
    "no title": lambda: s3.VersioningConfiguration(Status="Enabled"),
    "an output": lambda: Output("Title", Value=1),
    "an output without a title": lambda: cast(Any, Output)(Value="a"),
    "a parameter's name that is too long": lambda: Parameter("T" * 256, Type="String"),
    "a parameter's name that is none": lambda: Parameter("not-alphanumeric", Type="String"),
    "a function that refuses": lambda: Parameter("Title", Type="String", MaxLength=-1),
    "a custom resource": lambda: CustomResource("Title", ServiceToken="a", Anything={"b": [1]}),
    "defaults": lambda: Defaulted("Title"),
    "a default that is not taken": lambda: Defaulted("Title", BucketName="other"),
    "a statement": lambda: STATEMENT(Effect="Allow", Action=[awacs.aws.Action("s3")], Resource=["*"], Sid="a"),
    "a statement with functions": lambda: STATEMENT(Effect="Allow", Sid=Ref("X"), Condition=Ref("Y")),
    "a statement with a function for a list": lambda: STATEMENT(Effect="Allow", Resource=Ref("X")),
    "a statement with a function for an effect": lambda: STATEMENT(Effect=AccountId),
    "a statement with an action that is none": lambda: STATEMENT(Effect="Allow", Action=["s3:*"]),
    "a statement's effect that is none": lambda: STATEMENT(Effect="Perhaps"),
    "a statement's part that is none": lambda: STATEMENT(Unknown=7),
    "a statement's name": lambda: STATEMENT(name="a"),
    "an empty statement": STATEMENT,
    "a policy": lambda: awacs.aws.PolicyDocument(Version="2012-10-17", Statement=[STATEMENT(Effect="Deny")]),
    "attributes of its own": lambda: Own("Title", Name="text"),
    "attributes of its own, refused": lambda: Own("Title", Name=7),
}


@pytest.mark.parametrize("make", SELDOM.values(), ids=SELDOM)
def test_what_is_seldom_is_alike(make: Callable[[], Any]) -> None:
    assert_alike(make)


def test_an_object_goes_to_its_template() -> None:
    template = Template()
    with quick_objects():
        bucket = s3.Bucket("Bucket", template, BucketName="name")
        Parameter("P", template=template, Type="String")
        Output("O", template=template, Value="v")
        with pytest.raises(ValueError, match="duplicate"):
            s3.Bucket("Bucket", template)
    assert (template.resources, list(template.parameters), list(template.outputs)) == ({"Bucket": bucket}, ["P"], ["O"])


def test_an_object_may_be_changed_afterwards() -> None:
    with quick_objects():
        bucket = s3.Bucket("Bucket")
        bucket.BucketName = "name"
        bucket.DependsOn = "Other"
        with pytest.raises(TypeError, match="expected"):
            bucket.VersioningConfiguration = 7
        with pytest.raises(AttributeError, match="does not support"):
            bucket.Unknown = 7
    assert data(bucket) == {"Properties": {"BucketName": "name"}, "Type": "AWS::S3::Bucket", "DependsOn": "Other"}


def test_troposphere_is_as_before_afterwards() -> None:
    before = [vars(kind)["__init__"] for kind in (BaseAWSObject, troposphere.AWSDeclaration, AWSProperty)]
    with quick_objects(), quick_objects():
        assert vars(AWSProperty)["__init__"] is not before[-1]
    with pytest.raises(ValueError, match="alphanumeric"), quick_objects():
        s3.Bucket("not-alphanumeric")
    assert [vars(kind)["__init__"] for kind in (BaseAWSObject, troposphere.AWSDeclaration, AWSProperty)] == before


def test_the_files_of_a_stage_are_the_same() -> None:
    app = App(
        name="shop",
        services=(Service(name="order", paths=("/*",)), Service(name="api", hosts=("api.example.com",))),
        workers=(Worker(name="mail"),),
        scheduled_tasks=(
            ScheduledTask(name="nightly", image_of="order", command=("node", "nightly.js"), schedule="rate(1 day)"),
        ),
        database=Database(writers=("order", "nightly")),
        pipeline=Pipeline(source=CodeCommit(create=True)),
    )
    plainly = stage_files(app)
    with quick_objects():
        assert stage_files(app) == plainly


def test_other_versions_make_their_objects_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = BaseAWSObject.__init__
    monkeypatch.setattr(troposphere, "__version__", KNOWN[0])
    monkeypatch.setattr(awacs, "__version__", KNOWN[1])
    with quick_objects():
        assert BaseAWSObject.__init__ is not usual
    monkeypatch.setattr(troposphere, "__version__", "4.12.0")
    with quick_objects():
        assert BaseAWSObject.__init__ is usual


def test_whoever_ends_last_leaves_nothing_behind() -> None:
    usual, one, other = BaseAWSObject.__init__, quick_objects(), quick_objects()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    other.__exit__(None, None, None)
    assert BaseAWSObject.__init__ is usual
