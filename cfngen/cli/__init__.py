"""The command line: the only place that prints. Results go to stdout, talk to stderr.

Exit status: 0 done, 1 findings or files that cannot be written, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from cfngen._version import VERSION
from cfngen.cli.common import colour
from cfngen.errors import CfngenError

_COMMANDS = {
    "check": ("check", "Check generated files: by cfn-lint in every region, and by cfngen's own checks."),
    "convert": ("manifest", "Print a description as YAML."),
    "deploy": ("deploy", "Deploy a stage: show what changes, ask, follow it to its end."),
    "destroy": ("deploy", "Delete a stage: show what goes and what stays, ask, follow it to its end."),
    "explain": ("manifest", "Show a stage's values, and where each of them comes from."),
    "generate": ("generate", "Write the templates and files of an application."),
    "init": ("init", "Write a first cfngen.yaml from Dockerfiles and a compose file."),
    "local": ("local", "Start or end a local AWS, into which templates can be deployed."),
    "preflight": ("preflight", "Ask a deployed stage what is live and what is in the way."),
    "rehearse": ("rehearse", "Build, deploy, run and release a stage on this machine, and look at its pages."),
    "schema": ("manifest", "Print the JSON Schema of cfngen.yaml, for editors."),
    "simulate": ("simulate", "Play releases and updates on the templates, and watch every request."),
}
"""Each command's module in this folder, which is imported when it is run; and what the list of them says."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's own names)
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"cfngen.cli.{_COMMANDS[cmd_name][0]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="cfngen", message="%(prog)s %(version)s")
def cli() -> None:
    """Plain CloudFormation, and the files of its pipelines, from one short description of an application.

    APP is that description, such as cfngen.yaml or services/coffee.py. Without it, commands take cfngen.yaml of the
    folder they run in, or the one Python file in services/.
    """


def main() -> None:
    """Run a command; tell an expected error in its own words, without a traceback."""
    try:
        cli()
    except CfngenError as error:
        told = click.style("error: ", fg="red") + str(error).replace("\n", "\n       ")
        click.echo(told, err=True, color=colour())
        sys.exit(error.exit_status)
