"""What a rehearsal ends with when it does not end well."""

from __future__ import annotations

from cfngen.errors import CfngenError


class RehearsalError(CfngenError):
    """A part of the rehearsal failed: a build, a migration, a release, a check of the traffic."""

    exit_status = 1


class MissingPartsError(CfngenError):
    """A program that the rehearsal plays with is not installed; the message says how to get it."""

    exit_status = 3
