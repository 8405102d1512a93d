"""Stacks: what is refused, and that nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from queues import queue_stack, reader_stack, subnets_stack
from troposphere import Condition as Is
from troposphere import Equals, GetAtt, If, Join, Not, Parameter, Ref, Sub, sns, sqs

from cfngen import (
    Stack,
    WiringError,
)
from cfngen.values import Text


def _using(build: Callable[[Stack], object], smuggled: object) -> Callable[[Stack], None]:
    """A stack function that builds something of its own and uses what it was never passed."""

    def using(stack: Stack) -> None:
        build(stack)
        reader_stack(stack, smuggled)

    return using


def _smuggled() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda stack: reader_stack(stack, queue.url))
    root.templates()


def _smuggled_where_a_resource_has_the_name() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", _using(queue_stack, own.url))
    root.templates()


def _smuggled_where_a_nested_stack_has_the_name() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", _using(lambda stack: stack.nest("queue", queue_stack), queue.url))
    root.templates()


def _smuggled_to_a_grandchild() -> None:
    def child(stack: Stack) -> None:
        stack.nest("queue", queue_stack)
        stack.nest("reader", reader_stack, queue.url)

    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", child)
    root.templates()


def _smuggled_to_a_grandchild_beside_its_double() -> None:
    def both(stack: Stack, own: Text, other: Text) -> None:
        reader_stack(stack, own, "A")
        reader_stack(stack, other, "B")

    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda stack: stack.nest("both", both, stack.nest("queue", queue_stack).url, queue.url))
    root.templates()


def _smuggled_to_the_parent() -> None:
    inside: list[Text] = []
    root = Stack("root")
    root.nest("child", lambda stack: inside.append(queue_stack(stack).url))
    queue_stack(root)
    reader_stack(root, inside[0])
    root.templates()


def _smuggled_into_an_output() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda _stack: queue)
    root.templates()


def _smuggled_in_a_list() -> None:
    root = Stack("root")
    own = subnets_stack(root, 1)
    root.nest("child", _using(lambda stack: subnets_stack(stack, 1), own.subnets))
    root.templates()


def _smuggled_in_a_function() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", _using(queue_stack, Sub("${Url}-x", Url=own.url)))
    root.templates()


def _smuggled_by_adjusting() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", queue_stack)
    root.nested["child"].find(sqs.Queue, "Letters").QueueName = own.url
    root.templates()


def _a_parameter_inside_a_nested_function() -> None:
    root = Stack("root")
    root.nest("child", lambda stack: reader_stack(stack, Text.parameter("QueueName")))
    root.templates()


def _a_parameter_declared_twice() -> None:
    root = Stack("root")
    for number in (1, 2):
        reader_stack(root, Text.parameter("QueueName", Description=f"{number}"), f"Reader{number}")
    root.templates()


def _a_parameter_and_a_resource_of_one_name() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", reader_stack, own.url, "Letters")
    root.templates()


def _two_values_for_one_parameter() -> None:
    def pair(stack: Stack, one: Text, other: Text) -> None:
        reader_stack(stack, one, "A")
        reader_stack(stack, other, "B")

    root = Stack("root")
    root.add(sqs.Queue("A"))
    root.nest("child", pair, Text(GetAtt("A", "BarBaz")), Text(GetAtt("A", "Bar.Baz")))
    root.templates()


def _with(**resource: Any) -> Callable[[], None]:
    def refused() -> None:
        stack = Stack("root")
        stack.add(sqs.Queue("Letters"))
        stack.add(sqs.Queue("Reader", **resource))
        stack.templates()

    return refused


def _if_in_if() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsDev", Equals("a", "b"))
    stack.add(sqs.Queue("Reader", QueueName=If("IsDev", "a", If("IsProd", "b", "c"))))
    stack.templates()


def _condition_of_a_condition() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsDev", Not(Is("IsProd")))
    stack.templates()


def _reference_of_a_condition() -> None:
    stack = Stack("root")
    stack.add(sqs.Queue("Letters", Condition="IsProd"))
    stack.template.add_condition("IsProd", Equals(Ref("Stage"), "prod"))
    stack.templates()


def _unknown_in_an_output() -> None:
    stack = Stack("root")
    stack.output("Url", Text(Ref("Nobody")))
    stack.templates()


def _resource_of_another_stack() -> None:
    root = Stack("root")
    queue = root.add(sqs.Queue("Letters"))
    root.nest("child", lambda stack: reader_stack(stack, queue.ref()))
    root.templates()


def _twice(*names: str) -> Callable[[], None]:
    def refused() -> None:
        root = Stack("root")
        for name in names:
            root.nest(name, queue_stack)
        root.templates()

    return refused


def _resource_twice() -> None:
    stack = Stack("root")
    queue_stack(stack)
    queue_stack(stack)


def _stack_and_resource() -> None:
    stack = Stack("root")
    queue_stack(stack)
    stack.nest("letters", queue_stack)


@dataclass(frozen=True)
class TwinOutputs:
    foo_bar: Text
    fooBar: Text  # noqa: N815  (what collides)


def _two_outputs_of_one_name() -> None:
    root = Stack("root")
    root.nest("child", lambda stack: TwinOutputs(queue_stack(stack).url, Text(GetAtt("Letters", "Arn"))))
    root.templates()


def _passed(bare: Callable[[Stack], object]) -> Callable[[], None]:
    """Something that is no value, from the parent's resource into a stack that has one of the same name."""

    def refused() -> None:
        root = Stack("root")
        queue_stack(root)
        root.nest("kid", _own_and_given, bare(root))
        root.templates()

    return refused


def _own_and_given(stack: Stack, url: Any) -> None:
    queue_stack(stack)
    reader_stack(stack, url)


def _returned() -> None:
    def queue(stack: Stack) -> object:
        return {"url": queue_stack(stack) and stack.find(sqs.Queue, "Letters").ref()}

    root = Stack("root")
    queue_stack(root)
    reader_stack(root, root.nest("kid", queue)["url"])  # type: ignore[index]


def _outputs(*names: str) -> Callable[[], None]:
    def refused() -> None:
        stack = Stack("root")
        url = queue_stack(stack).url
        for name in names:
            stack.output(name, url)

    return refused


def _bare_output() -> None:
    stack = Stack("root")
    queue_stack(stack)
    stack.output("Url", stack.find(sqs.Queue, "Letters").ref())  # type: ignore[arg-type]


def _root_and_child_of_one_file() -> None:
    Stack("queue").nest("queue", queue_stack)


WRAP = "only a value crosses the border of a stack and is a parameter there, so wrap the reference in its kind, as in "
ELSEWHERE = "pass it to the stack's function as an argument"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "smuggled by closure": (_smuggled, f"'child' uses Text({{'Fn::GetAtt': ['Queue', 'Outputs.Url']}}) of the root; {ELSEWHERE}"),
    "smuggled, resource of the name": (_smuggled_where_a_resource_has_the_name, f"of the root; {ELSEWHERE}"),
    "smuggled, stack of the name": (_smuggled_where_a_nested_stack_has_the_name, f"of the root; {ELSEWHERE}"),
    "smuggled to a grandchild": (_smuggled_to_a_grandchild, "'child' uses Text({'Fn::GetAtt': ['Queue', 'Outputs.Url']}) of the root"),
    "smuggled beside its double": (_smuggled_to_a_grandchild_beside_its_double, "Queue"),
    "smuggled to the parent": (_smuggled_to_the_parent, f"'root' uses Text({{'Ref': 'Letters'}}) of stack 'child'; {ELSEWHERE}"),
    "smuggled into an output": (_smuggled_into_an_output, f"of the root; {ELSEWHERE}"),
    "smuggled in a list": (_smuggled_in_a_list, f"'child' uses SubnetIds([{{'Ref': 'Subnet0'}}]) of the root; {ELSEWHERE}"),
    "smuggled in a function": (_smuggled_in_a_function, f"of the root; {ELSEWHERE}"),
    "smuggled by adjusting": (_smuggled_by_adjusting, f"of the root; {ELSEWHERE}"),
    "parameter inside": (_a_parameter_inside_a_nested_function, f"'child' uses the deployment's parameter 'QueueName'; {ELSEWHERE}"),
    "parameter twice": (_a_parameter_declared_twice, "parameter 'QueueName' is declared twice, differently: by "),
    "parameter and resource": (_a_parameter_and_a_resource_of_one_name, "'child' has a parameter and a resource of the name 'Letters'; rename the resource"),
    "two values": (_two_values_for_one_parameter, "two different values as parameter 'ABarBaz'; pass one of them under another name"),
    "unknown Ref": (_with(QueueName=Ref("Leters")), "Reader uses 'Leters', which is neither a resource nor a parameter of it"),
    "did you mean": (_with(QueueName=Ref("Leters")), "did you mean 'Letters'?"),
    "unknown GetAtt": (_with(QueueName=GetAtt("Nobody", "Arn")), "Reader uses 'Nobody'"),
    "unknown GetAtt in one string": (_with(QueueName=If("X", {"Fn::GetAtt": "Nobody.Arn"}, "")), "Reader uses 'Nobody'"),
    "unknown Ref in GetAtt": (_with(QueueName=GetAtt("Letters", Ref("Nobody"))), "Reader uses 'Nobody'"),
    "unknown in Sub": (_with(QueueName=Sub("a-${Nobody}")), "Reader uses 'Nobody'"),
    "unknown attribute in Sub": (_with(QueueName=Sub("a-${Nobody.Arn}")), "Reader uses 'Nobody'"),
    "unknown in Sub with values": (_with(QueueName=Sub("${a}${Nobody}", a="b")), "Reader uses 'Nobody'"),
    "unknown value of Sub": (_with(QueueName=Sub("${a}", a=Ref("Nobody"))), "Reader uses 'Nobody'"),
    "unknown in DependsOn": (_with(DependsOn="Nobody"), "Reader uses 'Nobody'"),
    "unknown in DependsOn list": (_with(DependsOn=["Letters", "Nobody"]), "Reader uses 'Nobody'"),
    "unknown in an output": (_unknown_in_an_output, "Url uses 'Nobody'"),
    "unknown in a condition": (_reference_of_a_condition, "IsProd uses 'Stage'"),
    "unknown Condition": (_with(Condition="IsProd"), "Reader uses the condition 'IsProd', which it does not have"),
    "unknown Fn::If": (_with(QueueName=If("IsProd", "a", "b")), "Reader uses the condition 'IsProd'"),
    "unknown Fn::If inside": (_with(QueueName=Sub("${a}", a=If("IsProd", "a", "b"))), "Reader uses the condition 'IsProd'"),
    "unknown Fn::If in an Fn::If": (_if_in_if, "Reader uses the condition 'IsProd'"),
    "unknown condition in a condition": (_condition_of_a_condition, "IsDev uses the condition 'IsProd'"),
    "resource of another stack": (_resource_of_another_stack, "'child': Reader uses 'Letters', which is neither a resource"),
    "name twice": (_twice("queue", "queue"), "stack 'root' cannot nest 'queue': 'queue' is there already"),
    "title twice": (_twice("a1", "a-1"), "stack 'root' cannot nest 'a-1': 'A1' is there already"),
    "resource twice": (_resource_twice, "stack 'root' has two resources of the name 'Letters'"),
    "stack named as a resource": (_stack_and_resource, "stack 'root' cannot nest 'letters': 'Letters' is there already"),
    "output twice": (_two_outputs_of_one_name, "FooBar"),
    "bare reference": (_passed(lambda root: root.find(sqs.Queue, "Letters").ref()), f"stack 'kid', url: Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "bare attribute": (_passed(lambda _root: GetAtt("Letters", "Arn")), "stack 'kid', url: GetAtt {'Fn::GetAtt': ['Letters', 'Arn']}; "),
    "bare Sub": (_passed(lambda _root: Sub("${Letters}-x")), "stack 'kid', url: Sub {'Fn::Sub': '${Letters}-x'}; "),
    "bare Join of a value": (_passed(lambda _root: Join("", [Text(Ref("Letters"))])), "stack 'kid', url: Join "),
    "bare resource": (_passed(lambda root: root.find(sqs.Queue, "Letters")), f"stack 'kid', url: Queue 'Letters'; {WRAP}"),
    "bare parameter": (_passed(lambda _root: Parameter("Given", Type="String")), f"stack 'kid', url: Parameter 'Given'; {WRAP}"),
    "bare in a tuple": (_passed(lambda _root: (Text("a"), Ref("Letters"))), "stack 'kid', url 2: Ref {'Ref': 'Letters'}; "),
    "bare in a mapping": (_passed(lambda _root: {"a": Ref("Letters")}), "stack 'kid', url a: Ref {'Ref': 'Letters'}; "),
    "bare in what comes back": (_returned, f"stack 'kid', url: Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "bare in an output": (_bare_output, f"stack 'root', output 'Url': Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "output declared twice": (_outputs("Url", "Url"), "stack 'root' has two outputs of the name 'Url'; rename one of them"),
    **{
        f"output {name!r:.9}": (_outputs(name), f"stack 'root', output {name!r}: a name in letters and digits alone, 255 at most")
        for name in ("", "a-b", "a b", "é", "a" * 256)
    },
    "root and child": (_root_and_child_of_one_file, "queue.yaml"),
    **{
        f"name {name!r}": (lambda name=name: Stack(name), f"stack name {name!r}: lower-case letters, digits and single hyphens")  # type: ignore[misc]
        for name in ("", "Queue", "1st", "a_b", "a--b", "a-", "-a", "a.b", "a/b", "a b", "é")
    },
}  # fmt: skip


@pytest.mark.parametrize(("refused", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(refused: Callable[[], object], says: str) -> None:
    with pytest.raises(WiringError) as caught:
        refused()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")


def test_what_is_right_is_not_refused() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsProd", Equals(Ref("AWS::Region"), "eu-west-1"))
    stack.template.add_condition("IsDev", Not(Is("IsProd")))
    stack.add(sqs.Queue("Letters", Condition="IsProd"))
    text = "${Letters} ${Letters.Arn} ${AWS::Region} ${own} ${!Literal} ${AWS::StackName}"
    stack.add(sqs.Queue("Reader", DependsOn="Letters", QueueName=Sub(text, own=If("IsDev", "a", Ref("AWS::NoValue")))))
    # A policy's Condition is no condition of the template.
    policy = {"Statement": [{"Condition": {"StringEquals": {"a": "b"}}}]}
    stack.add(sns.TopicPolicy("Policy", DependsOn=["Letters", "Reader"], Topics=["a"], PolicyDocument=policy))
    assert list(stack.to_dict()["Resources"]) == ["Letters", "Reader", "Policy"]


def test_what_could_not_be_nested_leaves_its_name_free() -> None:
    def fails(stack: Stack, *_given: object) -> None:
        queue_stack(stack)
        raise ZeroDivisionError

    root = Stack("root")
    other = Stack("other").nest("queue", queue_stack)
    for error, build, arguments in (
        (ZeroDivisionError, fails, ()),
        (TypeError, queue_stack, ("too", "many", "of", "them")),
        (WiringError, reader_stack, (Ref("Letters"),)),
        (WiringError, lambda stack: TwinOutputs(queue_stack(stack).url, Text(GetAtt("Letters", "Arn"))), ()),
    ):
        with pytest.raises(error):
            root.nest("queue", build, *arguments)  # type: ignore[arg-type]
        assert root.nested == {}
        assert root.template.resources == {}
    root.nest("queue", queue_stack)
    with pytest.raises(WiringError, match="'queue' is there already"):
        root.nest("queue", fails, other)
    assert list(root.templates()) == ["root.yaml", "queue.yaml"]
