"""A draft as the files that `cfngen init` writes: a commented description, its schema, a development container."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfngen.manifest.schema import schema_text
from cfngen.manifest.write import MODELINE, SCHEMA, dump
from cfngen.scaffold.decide import TMP, Draft, Found

DESCRIPTION, DEVCONTAINER = "cfngen.yaml", ".devcontainer/devcontainer.json"
_FEATURES: dict[str, dict[str, Mapping[str, Any]]] = {
    "package.json": {"ghcr.io/devcontainers/features/node:1": {}},
    "Gemfile": {"ghcr.io/devcontainers/features/ruby:1": {}},
    "go.mod": {"ghcr.io/devcontainers/features/go:1": {}},
    "composer.json": {"ghcr.io/devcontainers/features/php:1": {}},
}


def files_of_draft(made: Draft, folder: Path) -> dict[str, str]:
    """What to write, by name: nothing that is in the folder already, but for the description itself."""
    files = {DESCRIPTION: description(made), SCHEMA: schema_text(), DEVCONTAINER: _devcontainer(made, folder)}
    there = (folder / ".devcontainer", folder / ".devcontainer.json")
    if any(each.exists() for each in there):
        del files[DEVCONTAINER]
    return {name: text for name, text in files.items() if name == DESCRIPTION or not (folder / name).exists()}


def description(made: Draft) -> str:
    """The text of ``cfngen.yaml``."""
    return MODELINE + "\n".join(_lines(made)) + "\n"


def _lines(made: Draft) -> Iterator[str]:
    yield f"# Written by cfngen init from {', '.join(made.seen)}. It is yours now: edit it, then run: cfngen generate"
    if made.undecided:
        yield "#\n# What could not be decided:"
        yield from (f"# - {_comment(each)}" for each in made.undecided)
    yield ""
    yield _pair("name", made.name)
    yield ""
    yield "# Each service is built from a folder with a Dockerfile and runs behind one load balancer."
    yield "services:"
    for each in made.services:
        yield f"  {each.name}:"
        yield from (f"    {line}" for line in _service(each))
    yield ""
    yield from _background(made)
    yield "network:"
    yield "  nat: one # one per zone survives the failure of a zone, and costs as often as there are zones"
    if made.engine:
        yield ""
        yield "database:"
        yield f"  {_pair('engine', made.engine)}"
        if made.schema:
            yield f"  {_pair('name', made.schema)} # fixed from birth"
        yield "  # Who may change rows, and who may only read; one service also needs migrate, which makes these users."
        yield f"  # writers: [{', '.join(each.name for each in (made.services[0], *made.workers))}]"
    yield ""
    yield "balancer:"
    yield "  https: true # by the root parameter CertificateArn: a certificate of ACM in the same region"
    yield "  # domain: shop.example.com"
    yield ""
    yield "# A push to the branch builds, tests and releases the services that it changed."
    yield "pipeline:"
    yield "  source:"
    yield "    Connection: # of AWS CodeConnections, by the root parameter SourceConnectionArn"
    yield f"      {_pair('repository', made.repository)}"
    yield "      branch: main"
    yield "  # source: {CodeCommit: {create: true}} # in its place: a repository that the stage makes"
    yield "  # source: {S3: {create: true}} # or zip files that a CI of your own uploads, one a service"
    yield "  # test_command: make test # runs in the service's folder before its image is built"
    yield ""
    yield "# What differs between stages is merged over all the above."
    yield "stages:"
    yield "  dev: {}"
    yield "  # prod:"
    yield "  #   network: {nat: one per zone, zones: 3}"
    yield "  #   pipeline: {approval: true}"


def _background(made: Draft) -> Iterator[str]:
    """What nobody calls."""
    if made.workers:
        yield "# Workers run all the time, and nobody calls them. Each builds its own image, from a service's folder too."
        yield "workers:"
        for each in made.workers:
            yield f"  {each.name}:"
            yield from (f"    {line}" for line in _worker(each))
        yield ""
    if made.timed:
        yield "# What runs at given times, each in the image of a service."
        yield "# scheduled_tasks:"
        for name, owner in made.timed:
            yield f"#   {name}: {{image_of: {owner}, command: [...], schedule: 'cron(0 3 * * ? *)'}}"
        yield ""


def _worker(each: Found) -> Iterator[str]:
    yield from _built(each)
    if each.command:
        yield f"{_pair('command', list(each.command))} # in place of the image's own"
    yield "# queue: {} # one of SQS, with its address as QUEUE_URL and scaling by what waits in it"
    yield from _process(each)


def _service(each: Found) -> Iterator[str]:
    yield from _built(each)
    yield f"{_pair('paths', list(each.paths))} # the requests that are its own"
    yield f"port: {each.port} # given to the container as PORT; fixed from birth"
    yield f"{_pair('health_path', each.health_path)} # answers 200 without asking the database; fixed from birth"
    yield from _process(each)


def _built(each: Found) -> Iterator[str]:
    yield f"source: {_flow(each.source)}"
    if each.build_context:
        yield f"{_pair('build_context', each.build_context)} # what docker build sees"
    if each.shared:
        yield f"{_pair('shared', list(each.shared))} # changes of these release it too"


def _process(each: Found) -> Iterator[str]:
    if each.user:
        yield _pair("user", each.user)
    needed = "" if each.declares_tmp else f"; for a user that is not root its Dockerfile has to say VOLUME {TMP}"
    yield f"writable_paths: [{TMP}] # all else is read-only{needed}"
    if each.variables.plain:
        yield "environment:"
        yield from (f"  {line}" for line in dump(dict(each.variables.plain)).splitlines())
    if each.variables.secret:
        yield "# secrets: # each from Secrets Manager, by a parameter of the root template"
        yield from (f"#   {name}: {{Secret: {{arn: {{parameter: {_title(name)}}}}}}}" for name in each.variables.secret)


def _pair(name: str, value: Any) -> str:
    return dump({name: value}).strip()


def _flow(value: str) -> str:
    return dump([value]).strip()[1:-1]


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) + "SecretArn"


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _devcontainer(made: Draft, folder: Path) -> str:
    features: dict[str, Mapping[str, Any]] = {
        "ghcr.io/devcontainers/features/aws-cli:1": {},
        "ghcr.io/devcontainers/features/docker-in-docker:2": {},
        "ghcr.io/devcontainers/features/python:1": {},
    }
    for mark, feature in _FEATURES.items():
        if any((folder / each.source / mark).is_file() for each in (*made.services, *made.workers)):
            features |= feature
    data = {
        "name": made.name,
        "image": "mcr.microsoft.com/devcontainers/base:debian",
        "features": features,
        "forwardPorts": sorted({each.port for each in made.services}),
        "customizations": {"vscode": {"extensions": ["redhat.vscode-yaml"]}},
    }
    return json.dumps(data, indent=2) + "\n"
