"""What a container of a compose file does that nobody calls: works on, runs at given times, or once, or for developers."""

from __future__ import annotations

import re
from typing import Literal

from cfngen.scaffold.compose import Declared

Part = Literal["service", "worker", "timed", "once", "developing"]

_WORDS: tuple[tuple[Part, str], ...] = (
    ("developing", r"--watch|watch|webpack(-dev-server)?|vite|tailwind\w*|esbuild|livereload|storybook|browser-sync"),
    ("timed", r"cron|crond|crontab|supercronic|ofelia|beat|clock|clockwork|scheduler|schedule:(run|work)|rufus\S*"),
    ("once", r"migrat\w*|db:\S+|seed\w*|setup|bootstrap|createdb|collectstatic|assets:precompile"),
    ("worker", r"\w*worker\w*|sidekiq|celery|rq|resque|jobs|delayed_job|good_job|solid_queue|queue:(work|listen)|horizon|consumer\w*|messenger:consume|huey|dramatiq|bullmq|faktory\w*"),
)  # fmt: skip


def named(each: Declared) -> Part | None:
    """What its name and command say that it does, if they say it."""
    words = " ".join((each.name, *each.command)).lower()
    return next((kind for kind, pattern in _WORDS if re.search(rf"(?<![\w-])({pattern})(?![\w-])", words)), None)


def rank(each: Declared) -> tuple[bool, bool, str]:
    """Whose image it is comes before those that only run it: what has a port, then what works all the time."""
    return not each.ports, named(each) in ("timed", "once", "developing"), each.name


def part(each: Declared, *, has_port: bool, shares_image: bool, runs_once: bool, is_alone: bool) -> Part:
    """What a container is by what compose and its image say of it.

    `has_port` of an image of its own, `shares_image` with a container before it, `runs_once` where another one waits
    for its end, `is_alone` where nothing else is built.
    """
    if each.ports or is_alone:
        return "service"
    if runs_once:
        return "once"
    is_service = has_port and not shares_image
    if is_service and not each.command:
        return "service"
    return named(each) or ("service" if is_service else "worker")
