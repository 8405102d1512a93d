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
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from troposphere import AWSHelperFn, AWSObject, Output, Parameter, Template
from troposphere.cloudformation import Stack as StackResource

from cfngen._data import data, template_data
from cfngen.crossing import WRAP, bare, cross
from cfngen.errors import WiringError, did_you_mean
from cfngen.limits import OUTPUTS, RESOURCES, Limit
from cfngen.references import References
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


@lru_cache(maxsize=4096)
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
            raise WiringError(f"stack {self.name!r}, output {name!r}: {bare(value)}; {WRAP}")
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
        call = _signature(build).bind(child, *args, **kwargs)
        call.arguments.update(
            {argument: cross(given, child._enter, argument, child.name) for argument, given in call.arguments.items()}
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

        return cross(outputs, leave, "", child.name)  # type: ignore[no-any-return]

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

        return cross(outputs, swap, "", other.name)  # type: ignore[no-any-return]

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

        Raises `WiringError` for a value or a name that belongs to another stack.
        """
        bodies = dict(self.bodies())
        return {each.file: bodies[each.file] for each in self.walk()}

    def bodies(self, *, for_good: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same one by one, children before their parents, because they decide which parameters it must pass.

        With `for_good` a stack's resources are gone as soon as the next one is asked for: no more is asked of it.
        """
        yield from self.bodies_below(for_good=for_good)
        yield self.file, self.body()
        if for_good:
            self.template.resources.clear()

    def bodies_below(self, *, for_good: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same of the nested stacks alone."""
        for child in self.nested.values():
            yield from child.bodies(for_good=for_good)

    def body(self) -> dict[str, Any]:
        """This stack's own template as data, when those below it were turned into data."""
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
                key: data(each) for key, each in sorted(hearing.parameters.items())
            }
        self._check(body)
        return body

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
        uses = References(body)
        for name, where in uses.names.items():
            if name not in parameters and name not in resources:
                msg = (
                    f"stack {self.name!r}: {where} uses {name!r}, which is neither a resource nor a parameter of it; "
                    f"pass it to the stack's function as an argument ({did_you_mean(name, [*resources, *parameters])})"
                )
                raise WiringError(msg)
        nested = {title(each.name): each for each in self.nested.values()}
        for (name, output), where in uses.outputs.items():
            made = nested.get(name)
            if made and output not in made.template.outputs:
                told = did_you_mean(output, made.template.outputs)
                msg = f"stack {self.name!r}: {where} uses the output {output!r} of the stack {made.name!r}, which returns none of that name ({told})"
                raise WiringError(msg)
        for name, where in uses.conditions.items():
            if name not in body.get("Conditions", {}):
                msg = f"stack {self.name!r}: {where} uses the condition {name!r}, which it does not have"
                raise WiringError(msg)


def _signature(build: Callable[..., Any]) -> inspect.Signature:
    """That of a function which others made of their arguments is not kept, for it would keep those."""
    is_plain = inspect.isfunction(build) and build.__closure__ is None
    return _kept_signature(build) if is_plain else inspect.signature(build)


_kept_signature = lru_cache(maxsize=256)(inspect.signature)


@lru_cache(maxsize=1024)
def _parameter(name: str, kind: str) -> Parameter:
    """What a nested stack is given; nobody changes it."""
    return Parameter(name, Type=kind)


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
            self.parameters[value.label] = _parameter(value.label, value.cfn_type)

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


def _one_text(value: Value) -> Value:
    """A value as an output shows it: lists joined, as a parameter takes them (K1.3)."""
    text = value.text
    if isinstance(text, Value) or not isinstance(text, AWSHelperFn):
        return text if isinstance(text, Value) else value
    shown = Value(text)
    shown.owner = value.owner
    return shown
