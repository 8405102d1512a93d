"""What every command of the command line does alike: paths that it is given, and colours."""

from __future__ import annotations

import errno
import os
from typing import Any

import click

from cfngen.errors import DescriptionError, Problem, shown


class PathType(click.Path):
    """A path; one that no file can have is told like any other wrong input."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            os.stat(value)  # noqa: PTH116  (pathlib keeps to itself what is wrong with a name)
        except (OSError, ValueError) as error:
            code = getattr(error, "errno", None)
            if code in (None, errno.ELOOP, errno.ENAMETOOLONG):
                place = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name if param else ""
                reason = " ".join(str(getattr(error, "strerror", None) or error).split())
                raise DescriptionError([Problem(place, shown(value), f"another path: {reason}")]) from None
        return super().convert(value, param, ctx)


def colour() -> bool | None:
    """Never, where the user says so; else click decides, by whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") else None
