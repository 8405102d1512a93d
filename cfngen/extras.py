"""What commands need beside the generator, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cfngen.errors import CfngenError

_OF_EXTRAS = (
    "axe_playwright_python", "boto3", "botocore", "cfnlint", "flask", "flask_cors", "jmespath", "moto", "playwright", "rich",
    "werkzeug", "yaml",
)  # fmt: skip


def missing(command: str, module: str, extra: str) -> CfngenError:
    """What is said when a module is not there."""
    return CfngenError(f"{command} needs {module}; run: make install, or pip install 'cfngen[{extra}]'")


@contextmanager
def parts_of(command: str, extra: str) -> Iterator[None]:
    """Around imports of what an extra brings; raises `CfngenError` that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in _OF_EXTRAS:
            raise
        raise missing(command, module, extra) from None
