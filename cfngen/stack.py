"""Stacks are functions; `Stack.nest` runs one inside a nested stack.

A stack function takes a `Stack`, a description and other stacks' outputs, adds troposphere resources, and
returns its own outputs: a frozen dataclass of `Value`s. Called directly, it fills the caller's own template.
Called through `nest`, it fills a child's, and each deploy-time value that crosses the border becomes a
parameter or an output there, of the value's own kind. So wiring is typed, a cycle between stacks cannot be
written, and any part can be used in another project.

The price: nothing is known of a template before it is rendered. Parameters are declared and references are
checked in `Stack.to_dict`, not in `nest`, so that whoever adjusts a resource in between is checked as well.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from troposphere import AWSDeclaration, AWSHelperFn, AWSObject, Output, Parameter, Template
from troposphere.cloudformation import Stack as StackResource

from cfngen._data import data, template_data
from cfngen.errors import WiringError, did_you_mean, shown
from cfngen.limits import OUTPUTS, RESOURCES, Limit
from cfngen.values import Value, building, rendering

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=AWSObject)

FOR_CELLS = "For the parameter of that name of further cells"
"""Describes the outputs of a root that are parameters of others."""
FROM_FIRST = "What the stage's first root has as an output of that name"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FOR_STAGES = "For the parameter of that name of other stages"
"""Describes such an output."""


def title(*words: str) -> str:
    """Make a logical id: ``title("order-api", "task role")`` is ``OrderApiTaskRole``."""
    parts = re.findall(r"[A-Za-z0-9]+", " ".join(words))
    return "".join(part[0].upper() + part[1:] for part in parts)


class Stack:
    """One template and the nested stacks below it.

    `name` is lower case with hyphens; it names the file. `nested` holds the children by name.
    """

    def __init__(self, name: str, description: str = "", *, parent: Stack | None = None) -> None:
        if not _NAME.fullmatch(name):
            msg = f"stack name {name!r}: lower-case letters, digits and single hyphens, beginning with a letter"
            raise WiringError(msg)
        self.name = name
        self.parent = parent
        self.template = Template(Description=description or None)
        self.template.set_version()
        self.nested: dict[str, Stack] = {}
        self._given: dict[str, Value] = {}
        self._handed: dict[str, Value] = {}
        self._used: set[str] = set()

    @property
    def path(self) -> str:
        """Where the stack hangs: empty for the root, ``queue`` or ``queue.letters`` below it."""
        if self.parent is None:
            return ""
        return f"{self.parent.path}.{self.name}".removeprefix(".")

    @property
    def root(self) -> Stack:
        """The outermost stack."""
        return self.parent.root if self.parent else self

    @property
    def file(self) -> str:
        """The template's file name, different for every stack of a tree."""
        return f"{self.path or self.name}.yaml"

    def add(self, resource: R) -> R:
        """Add a troposphere resource and hand it back.

        Raises `WiringError` for a name that is taken, and for more resources than a template may have.
        """
        if resource.title in self.template.resources:
            msg = f"stack {self.name!r} has two resources of the name {resource.title!r}"
            raise WiringError(msg)
        self._refuse_more(len(self.template.resources), RESOURCES)
        self.template.add_resource(resource)
        return resource

    def describe(self, text: str) -> None:
        """Say what this stack is for, in its template's description."""
        self.template.set_description(text)

    def find(self, kind: type[R], name: str) -> R:
        """Return a resource to adjust it: the way out where no option covers a need.

        Raises `KeyError`, naming what there is, when the stack has no such resource.
        """
        found = self.template.resources.get(name)
        if isinstance(found, kind):
            return found
        known = [key for key, resource in self.template.resources.items() if isinstance(resource, kind)]
        msg = f"stack {self.name!r} has no {kind.__name__} {name!r}; {did_you_mean(name, known)}"
        raise KeyError(msg)

    def output(self, name: str, value: Value, description: str = "") -> None:
        """Show a value to whoever deploys this stack, as an output of its template.

        Raises `WiringError` for a name that is taken or that CloudFormation does not take, and for one too many.
        """
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name, re.ASCII):
            raise WiringError(f"stack {self.name!r}, output {name!r}: a name in letters and digits alone, 255 at most")
        if name in self.template.outputs:
            raise WiringError(f"stack {self.name!r} has two outputs of the name {name!r}; rename one of them")
        if not isinstance(value, Value):
            raise WiringError(f"stack {self.name!r}, output {name!r}: {_bare(value)}; {_WRAP}")
        self._refuse_more(len(self.template.outputs), OUTPUTS)
        self.template.add_output(
            Output(name, Value=value.text, **({"Description": description} if description else {}))
        )

    def nest(self, name: str, build: Callable[Concatenate[Stack, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a stack function in a nested stack; return its outputs as this stack sees them.

        Raises `WiringError` for a name that is taken, when two values would share one parameter, and for a resource
        or a reference that is no `Value`. A stack that cannot be built leaves its name free.
        """
        child = Stack(name, (inspect.getdoc(build) or "").partition("\n")[0], parent=self)
        self._adopt(child)
        try:
            return self._built(child, build, *args, **kwargs)
        except BaseException:
            del self.nested[name]
            self.template.resources.pop(title(name), None)
            raise

    def _built(self, child: Stack, build: Callable[Concatenate[Stack, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        call = inspect.signature(build).bind(child, *args, **kwargs)
        call.arguments.update(
            {argument: _cross(given, child._enter, argument, child) for argument, given in call.arguments.items()}
        )
        token = building.set(child)
        try:
            outputs = build(*call.args, **call.kwargs)
        finally:
            building.reset(token)

        def leave(path: str, value: Value) -> Value:
            output = title(path) or "Value"
            if output in child.template.outputs:
                told = f"stack {child.name!r} would return two values as output {output!r}; rename one of them"
                raise WiringError(told)
            child.template.add_output(Output(output, Value=value.text))
            seen = type(value).from_output(title(child.name), output)
            seen.owner = building.get()
            return seen

        return _cross(outputs, leave, "", child)  # type: ignore[no-any-return]

    def hand_over(self, outputs: T, other: Stack) -> T:
        """What another root sees of these outputs: each value is a parameter of that root.

        No export: the deployer gives it what this root tells; see `tell`. So a change here never waits for a root
        that uses the value. Raises `WiringError` when two values would share one parameter.
        """

        def swap(path: str, value: Value) -> Value:
            name = value.label or title(path)
            known = other._handed.setdefault(name, value)
            if known is not value and known != value:
                told = f"stack {other.name!r} would be given two different values as parameter {name!r}; pass one of them under another name"
                raise WiringError(told)
            asked = value.declaration.to_dict() if value.declaration else {}
            kept = {key: asked[key] for key in ("AllowedPattern", "AllowedValues") if key in asked}
            return type(value).parameter(name, Description=FROM_FIRST, **kept)

        return _cross(outputs, swap, "", other)  # type: ignore[no-any-return]

    def tell(self, other: Stack) -> None:
        """Show what another root, which has been turned into data, uses of what it was handed: outputs by its parameters' names."""
        for name in sorted(other._used & set(other._handed)):
            known = self.template.outputs.get(name)
            if known is None:
                self.output(name, _one_text(other._handed[name]), FOR_CELLS)

    def let_go(self) -> None:
        """Drop the tree: values refer to their stack and stacks to values, so nothing of it would go by itself."""
        for each in list(self.walk()):
            each.template = Template()
            each.nested, each._given, each._handed = {}, {}, {}

    def walk(self) -> Iterator[Stack]:
        """This stack and all below it, parents first."""
        yield self
        for child in self.nested.values():
            yield from child.walk()

    def templates(self) -> dict[str, dict[str, Any]]:
        """Every template of the tree as data, by file name, this stack's own first.

        Children are turned into data before their parents, because they decide which parameters it must pass.
        Raises `WiringError` for a value or a name that belongs to another stack.
        """
        below: dict[str, dict[str, Any]] = {}
        for child in self.nested.values():
            below |= child.templates()
        self._pass_parameters()
        hearing = _Hearing(self)
        token = rendering.set(hearing)
        try:
            body = template_data(self.template)
        finally:
            rendering.reset(token)
        self._used = set(hearing.parameters)
        if hearing.parameters:
            body["Parameters"] = body.get("Parameters", {}) | {
                key: each.to_dict() for key, each in sorted(hearing.parameters.items())
            }
        self._check(body)
        return {self.file: body} | below

    def to_dict(self) -> dict[str, Any]:
        """This stack's own template as data; see `templates`."""
        return self.templates()[self.file]

    def _refuse_more(self, number: int, limit: Limit) -> None:
        """One more than AWS takes."""
        if number >= limit.number:
            told = f"{number + 1:,}; {limit.number:,} is the limit of {limit.what}; {limit.way_out}"
            raise WiringError(f"{self.file}: {told}")

    def _adopt(self, child: Stack) -> None:
        own = title(child.name)
        if child.name in self.nested or own in self.template.resources:
            other = child.name if child.name in self.nested else own
            msg = f"stack {self.name!r} cannot nest {child.name!r}: {other!r} is there already"
            raise WiringError(msg)
        if child.file == self.root.file:
            raise WiringError(f"stack {self.name!r} cannot nest {child.name!r}: {child.file!r} is the root's file")
        self.nested[child.name] = child
        # Each child says for its own resources what is kept; the stack itself may go.
        self.add(StackResource(own, DeletionPolicy="Delete", UpdateReplacePolicy="Delete", TemplateURL=child.file))

    def _enter(self, path: str, value: Value) -> Value:
        if value.declaration is None and value.owner is not building.get():
            raise _astray(self.parent or self, value)
        parameter = value.label or title(path)
        known = self._given.setdefault(parameter, value)
        if known is not value and known != value:
            msg = f"stack {self.name!r} would get two different values as parameter {parameter!r}; pass one of them under another name"
            raise WiringError(msg)
        if known.declaration and value.declaration and _differ(known.declaration, value.declaration):
            raise _declared_twice(parameter, known.declared_at, value.declared_at)
        seen = type(value).from_reference(parameter)
        seen.owner = self
        return seen

    def _pass_parameters(self) -> None:
        """Give each child the parameters that it uses, no more."""
        for child in self.nested.values():
            resource = self.template.resources[title(child.name)]
            resource.properties.pop("Parameters", None)
            if used := sorted(child._used & set(child._given)):
                self.template.resources[title(child.name)].Parameters = {
                    parameter: child._given[parameter].text for parameter in used
                }

    def _check(self, body: dict[str, Any]) -> None:
        parameters, resources = body.get("Parameters", {}), body.get("Resources", {})
        if both := sorted(set(parameters) & set(resources)):
            msg = f"stack {self.name!r} has a parameter and a resource of the name {both[0]!r}; rename the resource"
            raise WiringError(msg)
        uses = _Uses(body)
        for name, where in uses.names.items():
            if name not in parameters and name not in resources:
                msg = (
                    f"stack {self.name!r}: {where} uses {name!r}, which is neither a resource nor a parameter of it; "
                    f"pass it to the stack's function as an argument ({did_you_mean(name, [*resources, *parameters])})"
                )
                raise WiringError(msg)
        for (name, output), where in uses.outputs.items():
            made = next((each for each in self.nested.values() if title(each.name) == name), None)
            if made and output not in made.template.outputs:
                told = did_you_mean(output, made.template.outputs)
                msg = f"stack {self.name!r}: {where} uses the output {output!r} of the stack {made.name!r}, which returns none of that name ({told})"
                raise WiringError(msg)
        for name, where in uses.conditions.items():
            if name not in body.get("Conditions", {}):
                msg = f"stack {self.name!r}: {where} uses the condition {name!r}, which it does not have"
                raise WiringError(msg)


class _Hearing:
    """Hears which values a template uses, notes its parameters and refuses what belongs elsewhere."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.parameters: dict[str, Parameter] = {}
        self.places: dict[str, str] = {}

    def uses(self, value: Value) -> None:
        stack = self.stack
        if value.declaration is not None:
            self._declared_by_deployer(value.declaration, value.declared_at)
        elif value.owner is not (stack if stack.parent else None):
            raise _astray(stack, value)
        elif value.label not in self.parameters and value.is_reference and value.data.data["Ref"] in stack._given:
            self.parameters[value.label] = Parameter(value.label, Type=value.cfn_type)

    def _declared_by_deployer(self, declaration: Parameter, place: str) -> None:
        if self.stack.parent is not None:
            msg = f"stack {self.stack.name!r} uses the deployment's parameter {declaration.title!r}; pass it to the stack's function as an argument"
            raise WiringError(msg)
        known = self.parameters.setdefault(str(declaration.title), declaration)
        first = self.places.setdefault(str(declaration.title), place)
        if _differ(known, declaration):
            raise _declared_twice(declaration.title, first, place)


def _differ(one: Parameter, other: Parameter) -> bool:
    return one is not other and data(one) != data(other)


def _declared_twice(name: object, *places: str) -> WiringError:
    both = " and ".join(dict.fromkeys(places))
    fits = "give one of them another name, or both the same type and attributes"
    return WiringError(f"parameter {name!r} is declared twice, differently: by {both}; {fits}")


def _astray(stack: Stack, value: Value) -> WiringError:
    owner = getattr(value.owner, "name", None)
    there = f"stack {owner!r}" if owner else "the root"
    return WiringError(
        f"stack {stack.name!r} uses {value!r} of {there}; pass it to the stack's function as an argument"
    )


Swap = Callable[[str, Value], Value]


def _cross(item: Any, swap: Swap, path: str, child: Stack) -> Any:
    """Copy `item` with every deploy-time value in it swapped for its twin over the border."""
    kind: type = type(item)
    way = _way(kind)
    return way(item, swap, path, child) if way else item


@cache
def _way(kind: type) -> Callable[[Any, Swap, str, Stack], Any] | None:
    """How things of a class cross; `None` for those that do as they are, which are by far the most."""
    if issubclass(kind, str | int | None):
        return None
    if issubclass(kind, Value):
        return lambda value, swap, path, _: value if value.is_literal else swap(path, value)
    if issubclass(kind, AWSHelperFn | AWSObject | AWSDeclaration):
        return _refuse
    if issubclass(kind, tuple | list):
        return _cross_items
    if issubclass(kind, Mapping):
        return _cross_mapping
    return _cross_fields if is_dataclass(kind) else None


def _refuse(item: Any, _: Swap, path: str, child: Stack) -> Any:
    raise WiringError(f"stack {child.name!r}, {path.strip() or 'its result'}: {_bare(item)}; {_WRAP}")


def _cross_items(items: Any, swap: Swap, path: str, child: Stack) -> Any:
    names = getattr(items, "_fields", None)  # of a named tuple
    parts = [
        _cross(part, swap, f"{path} {names[index] if names else _part(part, index)}", child)
        for index, part in enumerate(items)
    ]
    if all(new is old for new, old in zip(parts, items, strict=True)):
        return items
    return type(items)._make(parts) if names else type(items)(parts)


def _cross_mapping(mapping: Mapping[Any, Any], swap: Swap, path: str, child: Stack) -> Mapping[Any, Any]:
    swapped = {key: _cross(part, swap, f"{path} {key}", child) for key, part in mapping.items()}
    return mapping if all(swapped[key] is part for key, part in mapping.items()) else swapped


def _cross_fields(item: Any, swap: Swap, path: str, child: Stack) -> Any:
    kind: type = type(item)
    changes = {}
    for name in _names(kind):
        part = getattr(item, name)
        new = _cross(part, swap, f"{path} {name}", child)
        if new is not part:
            changes[name] = new
    return replace(item, **changes) if changes else item


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """What a dataclass is given."""
    return tuple(each.name for each in fields(kind) if each.init)


def _one_text(value: Value) -> Value:
    """A value as an output shows it: lists joined, as a parameter takes them (K1.3)."""
    text = value.text
    if isinstance(text, Value) or not isinstance(text, AWSHelperFn):
        return text if isinstance(text, Value) else value
    shown = Value(text)
    shown.owner = value.owner
    return shown


_WRAP = (
    "only a value crosses the border of a stack and is a parameter there, so wrap the reference in its kind, as in "
    "VpcId(vpc.ref()) or Text(GetAtt(queue, 'Arn'))"
)


def _bare(item: Any) -> str:
    """How an error shows what is no value."""
    match item:
        case AWSObject() | AWSDeclaration():
            return f"{type(item).__name__} {item.title!r}"
        case AWSHelperFn():
            return f"{type(item).__name__} {shown(item.to_dict())}"
    return shown(item)


def _part(part: Any, index: int) -> str:
    """Named things keep their name in an id, so that reordering a tuple changes nothing."""
    return str(getattr(part, "name", index + 1))


_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")
_NESTED = frozenset((dict, list))
_REFERRING = frozenset(("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Condition"))


class _Uses:
    """Every logical id and every condition that a template refers to, each with the first place that does."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.names: dict[str, str] = {}
        self.conditions: dict[str, str] = {}
        self.outputs: dict[tuple[str, str], str] = {}
        for section in ("Conditions", "Resources", "Outputs"):
            self._is_test = section == "Conditions"  # there a bare "Condition" is a function, too
            for self._place, part in body.get(section, {}).items():
                after = part.get("DependsOn", [])
                for other in [after] if isinstance(after, str) else after:
                    self._name(other)
                if not self._is_test and isinstance(part.get("Condition"), str):
                    self._condition(part["Condition"])
                self._look(part)

    def _name(self, name: str) -> None:
        if not name.startswith("AWS::"):
            self.names.setdefault(name, self._place)

    def _condition(self, name: str) -> None:
        self.conditions.setdefault(name, self._place)

    def _look(self, node: Any) -> None:
        if isinstance(node, dict):
            if len(node) == 1:
                name, given = next(iter(node.items()))
                if name in _REFERRING and self._is_function(name, given):
                    return
            node = node.values()
        for part in node:
            if part.__class__ in _NESTED:  # templates as data hold no others
                self._look(part)

    def _is_function(self, name: str, given: Any) -> bool:
        """Whether it is one that refers to something; what stands in its arguments is looked at, too."""
        match name, given:
            case "Ref", str():
                self._name(given)
            case "Fn::GetAtt", [str(other), *more]:
                self._name(other)
                self._look(more)
                if more and isinstance(more[0], str) and more[0].startswith("Outputs."):
                    self.outputs.setdefault((other, more[0].removeprefix("Outputs.")), self._place)
            case "Fn::GetAtt", str():
                self._name(given.partition(".")[0])
            case "Fn::Sub", str():
                self._look_in_text(given, {})
            case "Fn::Sub", [str(text), dict(own)]:
                self._look_in_text(text, own)
                self._look(list(own.values()))
            case "Fn::If", [str(condition), *rest]:
                self._condition(condition)
                self._look(rest)
            case "Condition", str() if self._is_test:
                self._condition(given)
            case _:
                return False
        return True

    def _look_in_text(self, text: str, own: Mapping[str, Any]) -> None:
        for name in _PLACEHOLDER.findall(text):
            if name not in own:
                self._name(name if name.startswith("AWS::") else name.partition(".")[0])
