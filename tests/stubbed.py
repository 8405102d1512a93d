"""A client of boto3 with some of its operations answered by a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Client = Callable[[str], Any]


class Stubbed:
    """A client with some operations answered by the test, which moto does not have or has otherwise."""

    def __init__(self, real: Any, answers: Mapping[str, Any]) -> None:
        self._real = real
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._real, name)

    def get_paginator(self, name: str) -> Any:
        if name in self._answers:
            return Pages(self._answers[name])
        return self._real.get_paginator(name)


class Pages:
    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer

    def paginate(self, **given: Any) -> list[Any]:
        return [self._answer(**given)]
