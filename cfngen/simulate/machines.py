"""Step Functions: state machines played as their definitions say, with tasks that somebody stands in for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MOST_STATES = 1000


class TaskFailedError(Exception):
    """A task of a machine failed, or an expression of it did; the message is the error's name."""


@dataclass
class Machine:
    """One execution of a machine in JSONata. `calls` are its tasks, by what follows ``:states:::`` in their ARN; `pause` is told the
    seconds of each Wait state.

    After `run`, `visited` are the states in their order and `failed` the error of a Fail state, if it ended in one.
    """

    definition: Mapping[str, Any]
    calls: Mapping[str, Callable[[Any], Any]]
    visited: list[str] = field(default_factory=list)
    failed: str = ""
    pause: Callable[[float], None] = lambda _: None

    def run(self, given: Any) -> Any:
        """Play from the first state to the last; raises `TaskFailedError` when nothing catches a task's failure."""
        if self.definition.get("QueryLanguage") != "JSONata":
            raise TaskFailedError("only machines in JSONata are played")
        name = self.definition["StartAt"]
        while name:
            self.visited.append(name)
            if len(self.visited) > _MOST_STATES:
                raise TaskFailedError(f"the machine goes round and round: {', '.join(self.visited[-5:])}")
            state = self.definition["States"][name]
            given, name = _STATES[state["Type"]](self, state, given)
        return given

    def choice(self, state: Mapping[str, Any], given: Any) -> tuple[Any, str]:
        """The first condition that is true leads on."""
        for each in state["Choices"]:
            answer = self._value(each["Condition"], input=given)
            if not isinstance(answer, bool):
                raise TaskFailedError(f"States.QueryEvaluationError: {each['Condition']} is {answer!r}")
            if answer:
                return given, each["Next"]
        return given, state["Default"]

    def task(self, state: Mapping[str, Any], given: Any) -> tuple[Any, str]:
        """A call, again as often as its Retry allows, and what catches it then."""
        call = self.calls[_resource(state["Resource"])]
        attempts = 1 + sum(int(each.get("MaxAttempts", 3)) for each in state.get("Retry", []))
        for attempt in range(1, attempts + 1):
            try:
                result = call(self._value(state["Arguments"], input=given))
                output = self._value(state["Output"], input=given, result=result) if "Output" in state else result
            except TaskFailedError as failed:
                if attempt < attempts:
                    continue
                if "Catch" not in state:
                    raise
                return {"Error": str(failed), "Cause": ""}, state["Catch"][0]["Next"]
            return output, "" if state.get("End") else state["Next"]
        raise AssertionError("a task is called at least once")

    def wait(self, state: Mapping[str, Any], given: Any) -> tuple[Any, str]:
        """Time that passes at once, where `pause` does not take it."""
        self.pause(float(state["Seconds"]))
        return given, state["Next"]

    def succeed(self, _: Mapping[str, Any], given: Any) -> tuple[Any, str]:
        """The end."""
        return given, ""

    def fail(self, state: Mapping[str, Any], given: Any) -> tuple[Any, str]:
        """The end, and a bad one."""
        self.failed = state["Error"]
        return given, ""

    def _value(self, value: Any, **states: Any) -> Any:
        if isinstance(value, Mapping) and not {"Ref", "Fn::Sub", "Fn::GetAtt"} & value.keys():
            return {key: self._value(part, **states) for key, part in value.items()}
        if isinstance(value, list):
            return [self._value(part, **states) for part in value]
        if not (isinstance(value, str) and value.startswith("{%")):
            return value
        from jsonata import Jsonata

        expression = Jsonata(value.removeprefix("{%").removesuffix("%}").strip())
        expression.assign("states", states)
        answer = expression.evaluate(None)
        if answer is None:
            raise TaskFailedError(f"States.QueryEvaluationError: {value} is nothing")
        return json.loads(json.dumps(answer))


_STATES: Mapping[str, Callable[[Machine, Mapping[str, Any], Any], tuple[Any, str]]] = {
    "Choice": Machine.choice,
    "Task": Machine.task,
    "Wait": Machine.wait,
    "Succeed": Machine.succeed,
    "Fail": Machine.fail,
}


def _resource(arn: Any) -> str:
    text = arn if isinstance(arn, str) else str(next(iter(arn.values())))
    return text.partition(":states:::")[2]
