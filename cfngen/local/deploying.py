"""How stacks are deployed: templates found and checked, plans on paper, the engine run on the register."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cfngen.local.account import LocalAccount, check_policy
from cfngen.local.changes import Change, ChangeSet, Paper, changes, is_empty
from cfngen.local.operation import Operation
from cfngen.local.protocol import QueryError
from cfngen.local.stacks import Now, Register, StackRecord
from cfngen.semantics import parameters as parameter_values
from cfngen.semantics.account import Tags
from cfngen.semantics.records import Readings
from cfngen.semantics.rules import check_rules
from cfngen.semantics.template import STACK, Template, check, read_template
from cfngen.semantics.update import Engine, Event, Outcome, Provider, Resource, StackState

_NAMED = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")
_STABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_LONGEST_NAME = 128
_READINGS = Readings(is_abreast=True)
_WHOLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_FUNCTIONS = frozenset(
    f"Fn::{name}"
    for name in (
        *("And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs"),
        *("GetAtt", "If", "ImportValue", "Join", "Length", "Not", "Or", "Select", "Split", "Sub"),
    )
)


class Deploying:
    """The stacks of one account and region.

    `fetch` gives a template's text by its URL, `pseudo` the pseudo parameters.
    """

    def __init__(self, provider: Provider, fetch: Callable[[str], str], pseudo: Mapping[str, Any], now: Now) -> None:
        self.provider = provider
        self.fetch = fetch
        self.pseudo = pseudo
        self.now = now
        self.register = Register(now)
        self.change_sets: dict[str, ChangeSet] = {}
        self._numbers = itertools.count(1)

    def _deploy(
        self, record: StackRecord, text: str, template: Template, given: Mapping[str, Any], during: str = ""
    ) -> None:
        parameters, state = given_parameters(given), record.state
        tags = tuple(given["Tags"]) if "Tags" in given else record.tags
        record.capabilities = tuple(given.get("Capabilities", ()))

        def work(engine: Engine) -> Outcome:
            if state is None:
                return engine.create(record.name, template, parameters)
            return engine.update(state, template, parameters)

        outcome = Operation(self.register, record, "UPDATE" if state else "CREATE").run(
            self._engine(record, tags, during), work
        )
        if outcome.status in _WHOLE or state is None:
            record.text = text
        if state is None and not outcome.is_good:
            record.template, record.parameters = template, parameter_values.texts(template, parameters)

    def _on_paper(
        self, record: StackRecord | None, name: str, template: Template, given: Mapping[str, Any]
    ) -> tuple[tuple[Change, ...], StackState | None]:
        """What would change, and the tree as it would be."""
        events: list[Event] = []
        tags = given.get("Tags", record.tags if record else ())
        account = LocalAccount(self.register, record, tags, on_paper=True)
        state, own = record.state if record else None, record.id if record else ""
        engine = Engine(
            Paper(self.provider), self._fetch, self.pseudo, observe=events.append, account=account, root_id=own
        )
        parameters = given_parameters(given)
        outcome = engine.update(state, template, parameters) if state else engine.create(name, template, parameters)
        if not outcome.is_good:
            raise QueryError(outcome.reason)
        before: dict[str, Resource] = {each.place: each for each in state.walk()} if state else {}
        after = {each.place for each in outcome.stack.walk()} if outcome.stack else set()
        return tuple(changes(events, before, after)), outcome.stack

    def _is_empty(self, record: StackRecord, found: tuple[tuple[Change, ...], StackState | None]) -> bool:
        """Whether an update would change no resource, no output and no tag."""
        seen, new = found
        if not is_empty(seen) or not record.state or not new:
            return False
        old_ones, new_ones = ({each.path: each for each in tree.tree()} for tree in (record.state, new))
        return old_ones.keys() == new_ones.keys() and all(
            (old.outputs, old.export_names, sorted(map(str, old.tags)))
            == (new_ones[path].outputs, new_ones[path].export_names, sorted(map(str, new_ones[path].tags)))
            for path, old in old_ones.items()
        )

    def _policy(self, given: Mapping[str, Any], name: str) -> str:
        """A stack policy by its text or its URL; empty where none is given."""
        text = str(given.get(f"{name}Body") or "")
        if url := given.get(f"{name}URL"):
            text = self.fetch(url)
        if text:
            check_policy(text)
        return text

    def _engine(self, record: StackRecord, tags: Tags | None = None, during: str = "") -> Engine:
        account = LocalAccount(self.register, record, record.tags if tags is None else tags, during)
        return Engine(self.provider, self._fetch, self.pseudo, _READINGS, account=account, root_id=record.id)

    def _fetch(self, url: str) -> Template:
        return read_template(self.fetch(url))

    def _check_name(self, name: str) -> None:
        """A stack that begins has a name that AWS takes (CreateStack, StackName)."""
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", name):
            wanted = "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        elif len(name) > _LONGEST_NAME:
            wanted = f"Member must have length less than or equal to {_LONGEST_NAME}"
        else:
            return
        told = f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: {wanted}"
        raise QueryError(told)

    def _new(self, name: str, given: Mapping[str, Any]) -> StackRecord:
        number = hashlib.sha256(f"{name} {next(self._numbers)}".encode()).hexdigest()
        uuid = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:32]))
        region, account = self.pseudo["AWS::Region"], self.pseudo["AWS::AccountId"]
        arn = f"arn:{self.pseudo['AWS::Partition']}:cloudformation:{region}:{account}:stack/{name}/{uuid}"
        made = StackRecord(arn, name, self.now(), is_protected=bool(given.get("EnableTerminationProtection")))
        return self.register.add(made)

    def _template(self, given: Mapping[str, Any], record: StackRecord | None) -> tuple[str, Template]:
        if given.get("TemplateBody"):
            text = given["TemplateBody"]
        elif given.get("TemplateURL"):
            text = self.fetch(given["TemplateURL"])
        elif record and (given.get("UsePreviousTemplate") or record.text):
            text = record.text
        else:
            raise QueryError("Either Template URL or Template Body must be specified.")
        return text, read_template(text)

    def _check(self, template: Template, given: Mapping[str, Any], record: StackRecord | None) -> None:
        """What CloudFormation refuses before it begins, and what only AWS can read."""
        check(template)
        if unknown := _not_here(template):
            told = f"{', '.join(unknown)}: AWS reads that, but this local AWS does not"
            raise QueryError(told, "NotImplemented", 501)
        kept = record.parameters if record else None
        if record is None and any(each.get("UsePreviousValue") for each in given.get("Parameters", [])):
            raise QueryError("Invalid input for parameter key: UsePreviousValue cannot be used when creating a stack")
        if given.get("DisableRollback") or given.get("OnFailure", "ROLLBACK") != "ROLLBACK":
            told = "This local AWS rolls back whatever fails; DisableRollback and OnFailure exist on AWS only"
            raise QueryError(told, "NotImplemented", 501)
        found = parameter_values.texts(template, given_parameters(given), kept)
        check_rules(template, parameter_values.typed(template, found, lambda key: self.provider.dynamic("ssm", key)))
        needed, had = capabilities(self._every(template)), set(given.get("Capabilities", []))
        if needed and needed not in had and "CAPABILITY_NAMED_IAM" not in had:
            raise QueryError(f"Requires capabilities : [{needed}]", "InsufficientCapabilitiesException")

    def _every(self, template: Template) -> Iterator[Mapping[str, Any]]:
        """The resources of a template and of those that it nests, as far as their URLs stand in the text."""
        for resource in template.resources.values():
            yield resource
            url = resource.get("Properties", {}).get("TemplateURL")
            if resource["Type"] == STACK and isinstance(url, str):
                yield from self._every(self._fetch(url))

    def _check_stable(self, record: StackRecord) -> None:
        if record.root:
            raise QueryError(f"Stack [{record.name}] is nested; operate on its root")
        if record.status not in _STABLE:
            raise QueryError(f"Stack:{record.id} is in {record.status} state and can not be updated.")

    def _stack(self, name: str, *, gone: bool = False) -> StackRecord:
        found = self.register.find(name)
        if found is None or not (found.is_there or gone):
            raise QueryError(f"Stack with id {name} does not exist")
        return found


def _not_here(template: Template) -> list[str]:
    """Transforms and functions of a template that nobody here reads."""

    def functions(node: Any) -> Iterator[str]:
        if isinstance(node, Mapping):
            yield from (str(key) for key in node if str(key).startswith("Fn::") and key not in _FUNCTIONS)
        for part in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
            yield from functions(part)

    transforms = ["Transform"] if template.body.get("Transform") else []
    return [*transforms, *sorted(set(functions(dict(template.body))))]


def given_parameters(given: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a request that have a value of their own."""
    return {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in given.get("Parameters", [])
        if not each.get("UsePreviousValue")
    }


def capabilities(resources: Iterator[Mapping[str, Any]]) -> str:
    """What a template with IAM resources needs (K1.9)."""
    found = [each for each in resources if each["Type"].startswith("AWS::IAM::")]
    if any(name in each.get("Properties", {}) for each in found for name in _NAMED):
        return "CAPABILITY_NAMED_IAM"
    return "CAPABILITY_IAM" if found else ""
