"""Checks of the hours in which a stage sleeps with what happens at other times."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.describe import Finding
from cfngen.spec.app_parts import AppParts
from cfngen.spec.service import Service
from cfngen.spec.worker import Worker


def wrong_hours(app: AppParts) -> Iterator[Finding]:
    """What does not fit between off_hours, schedules, and a database's windows and copies."""
    yield from _schedules(app)
    yield from _database_hours(app)


def _schedules(app: AppParts) -> Iterator[Finding]:
    scaled: dict[str, tuple[Service | Worker, ...]] = {"services": app.services, "workers": app.workers}
    for option, tasks in scaled.items() if app.off_hours else ():
        for index, task in enumerate(tasks):
            for own in task.scaling.schedule:
                if own.name in {"off-hours-start", "off-hours-end"}:
                    yield (
                        f"{option}[{index}].scaling.schedule",
                        f"another name than {own.name!r}, which is that of off_hours",
                    )


def _database_hours(app: AppParts) -> Iterator[Finding]:
    """What is done to a database that sleeps has to be done while it is awake."""
    if app.database is None or app.off_hours is None or not (windows := app.database.windows(app.off_hours.awake)):
        return
    own, hours = app.database.backup_window, app.off_hours
    awake = f"from {hours.end} to {hours.start}, {hours.timezone}, all the year"
    for option, span in (("backup_window", windows.backup), ("maintenance_window", windows.maintenance)):
        if own and not hours.is_awake(span):
            days = "" if span.daily else f" of {hours.days}"
            yield f"database.{option}", f"a time{days} at which the stage is awake: {awake}"
    late = [span for span in windows.copies if not hours.is_awake(span)] if app.database.backup_plan else []
    if late:
        day, hour, minute = late[0].day_and_time
        fits = f"longer hours: a copy would be made from {day} {hour:02}:{minute:02} UTC on, for {late[0].minutes} minutes, and the stage is awake {awake}"
        yield "off_hours.start", f"{fits}; or give the database earlier windows"
