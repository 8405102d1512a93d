"""An object in a bucket: in what a pipeline takes or puts there, in what starts it, and in what it may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfngen.checks.finding import Place
from cfngen.checks.stage import Action, Resource, Service, dig, sequence, walk

_HEARD = "EventPattern", "detail"


def uploads(service: Service) -> Iterator[Place]:
    """A new object starts the pipeline that takes it, which may read it; one that puts an object for another may do so."""
    template = service.pipeline_template
    for source in service.actions_of("S3"):
        if dig(source.body, "ActionTypeId", "Category") == "Deploy":
            yield from _allowed(service, source, "ObjectKey", "s3:PutObject", "write")
            continue
        if dig(source.body, "ActionTypeId", "Category") != "Source" or _polls(source):
            continue
        rules = [
            rule
            for rule in template.of_type("AWS::Events::Rule")
            if "aws.s3" in sequence(rule.get("EventPattern", "source"))
        ]
        if not rules:
            yield Place(
                template.file, source.path, "no rule of EventBridge starts the pipeline when a new object comes"
            )
        for rule in rules:
            yield from _heard(rule, source)
            yield from _started(rule, service)
        yield from _allowed(service, source, "S3ObjectKey", "s3:GetObjectVersion", "read")


def _polls(source: Action) -> bool:
    return str(source.configuration.get("PollForSourceChanges", "true")).lower() != "false"


def _heard(rule: Resource, source: Action) -> Iterator[Place]:
    for what, (whole, part) in {"S3Bucket": ("bucket", "name"), "S3ObjectKey": ("object", "key")}.items():
        told, taken = rule.get(*_HEARD, whole, part), source.configuration.get(what)
        if told != [taken]:
            message = f"hears of the {whole} {_shown(told)}; the pipeline's source takes {_shown([taken])}"
            yield Place(rule.file, rule.path(*_HEARD, whole, part), message)


def _started(rule: Resource, service: Service) -> Iterator[Place]:
    names = [each.get("Name") for each in service.pipeline_template.of_type("AWS::CodePipeline::Pipeline")]
    for path, target in rule.items("Targets"):
        text = dig(target, "Arn", "Fn::Sub")
        if isinstance(text, str) and text.rpartition(":")[2] not in names:
            given = text.rpartition(":")[2]
            yield Place(rule.file, (*path, "Arn"), f"starts {given!r}; the pipeline beside it is {_shown(names)}")


def _allowed(service: Service, action: Action, option: str, right: str, verb: str) -> Iterator[Place]:
    """Some role of the pipeline's stack may read or write the object by its name."""
    key = action.configuration.get(option)
    if not isinstance(key, str):
        return
    roles = list(service.pipeline_template.of_type("AWS::IAM::Role"))
    allowed = [
        dig(statement, "Resource")
        for role in roles
        for _, statement in walk(role.get("Policies"))
        if right in sequence(dig(statement, "Action"))
    ]
    texts = [text for resource in allowed for _, text in walk(resource) if isinstance(text, str)]
    if not any(text.endswith(f"/{key}") for text in texts):
        path = (*action.path, "Configuration", option)
        yield Place(service.pipeline_template.file, path, f"no role of the pipeline may {verb} {key!r}")


def _shown(values: Any) -> str:
    return ", ".join(repr(each) for each in sequence(values)) or "nothing"
