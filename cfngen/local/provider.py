"""Resources of CloudFormation on services that boto3 reaches: what `cfngen.local.types` tells, done.

What the table does not tell is refused by name: a type, a property, a property that no operation can change.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.validate import ParamValidator

from cfngen.local.transport import Wsgi, sending_to
from cfngen.local.types import TYPES
from cfngen.local.types.entry import Body, Call, Context, Part, Read, Type, arguments, changed, given
from cfngen.local.types.standins import ApiError, standins
from cfngen.semantics.replacement import create_only
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import RefusedError, Resource

ACCOUNT = "123456789012"
_GONE = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent", "Nonexistent", "404")


class CallError(RefusedError):
    """An operation was refused; `code` is the service's."""

    def __init__(self, message: str, service: str, code: str, status: int = 400) -> None:
        super().__init__(f"{message} (Service: {service}; Status Code: {status}; Error Code: {code})")
        self.code = code

    @property
    def says_gone(self) -> bool:
        return any(part in self.code for part in _GONE)


class Services:
    """The services of AWS at an endpoint, with the stand-ins before them.

    Calls go to `app`, the application in this process that answers at the endpoint.
    """

    def __init__(self, endpoint: str, region: str, app: Wsgi, account: str = ACCOUNT) -> None:
        self.endpoint = endpoint
        self.app = app
        self.region = region
        self.account = account
        self.standins = standins(account, region)
        self.session = boto3.Session("test", "test", region_name=region)
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()  # a session makes one client at a time

    def call(self, service: str, operation: str, arguments: Body) -> dict[str, Any]:
        """Call an operation by its name in the API; raises `CallError`."""
        report = ParamValidator().validate(arguments, self.shape(service, operation))
        if report.has_errors():
            raise CallError(f"Parameter validation failed: {report.generate_report()}", service, "ValidationException")
        try:
            return self.standins.call(service, operation, dict(arguments), self.through)
        except ApiError as error:
            raise CallError(error.message, service, error.code) from None
        except ClientError as error:
            told, meta = error.response["Error"], error.response["ResponseMetadata"]
            raise CallError(told.get("Message", ""), service, told["Code"], meta.get("HTTPStatusCode", 400)) from None
        except ResponseParserError:  # a page that says no more than that moto broke
            raise CallError(f"{operation} met an internal error", service, "InternalFailure", 500) from None
        except BotoCoreError as error:
            raise CallError(f"{operation} failed: {error}", service, "InternalFailure", 500) from None

    def shape(self, service: str, operation: str) -> Any:
        """The shape of an operation's input."""
        return self._client(service).meta.service_model.operation_model(operation).input_shape

    def through(self, service: str, operation: str, arguments: Body) -> dict[str, Any]:
        """Call an operation with no stand-in before it; raises what botocore raises."""
        client = self._client(service)
        method = next(name for name, each in client.meta.method_to_api_mapping.items() if each == operation)
        answer: dict[str, Any] = getattr(client, method)(**arguments)
        answer.pop("ResponseMetadata", None)
        return answer

    def _client(self, service: str) -> Any:
        with self._making:
            return self._made(service)

    def _made(self, service: str) -> Any:
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
            client = self.session.client(service, endpoint_url=self.endpoint, config=config)
            client.meta.events.register("before-send", sending_to(self.app))
            self._clients[service] = client
        return self._clients[service]


class LocalProvider:
    """A `cfngen.semantics.update.Provider` on services at an endpoint.

    Names that a template leaves open are made of the resource's place and of how often one was made for it, so that
    the same operations give the same names; `seed` makes others.
    """

    def __init__(self, services: Services, seed: str = "") -> None:
        self.services = services
        self.seed = seed
        self._made: Counter[str] = Counter()

    def create(self, resource: Resource) -> str:
        kind = _type(resource)
        _check(resource, kind)
        context = Context(self.services, kind.service, _folded(kind, self._named(resource, kind)))
        if isinstance(kind.create, Call):
            taken = _created_with(kind, context.properties)
            call = arguments(context, kind.service, kind.create, taken)
            answer = self.services.call(kind.create.service or kind.service, kind.create.operation, call)
            where, told = kind.physical, {**call, **answer}
            name = where(context, told) if callable(where) else str(jmespath.search(where, told))
        else:
            name = kind.create(context)
        made = Context(self.services, kind.service, replace(context.resource, physical=name))
        try:
            for part in kind.parts:
                if not part.is_update and any(each in made.properties for each in part.properties):
                    self._write(kind, part, made)
        except RefusedError:
            self._take_back(made)
            raise
        return name

    def update(self, resource: Resource, old: Resource) -> None:
        kind = _type(resource)
        _check(resource, kind)
        before = _folded(kind, old).properties
        context = Context(self.services, kind.service, _folded(kind, resource), before)
        permitted = _schema(resource.kind)[0]
        # What the registry does not permit was refused when it was new, and so was never written.
        refused = {each for each in old.properties if permitted and each not in permitted}
        differing = [each for each in changed(before, context.properties) if each not in {*kind.dropped, *refused}]
        known = {each for part in kind.parts for each in part.properties}
        if still := sorted(each for each in differing if each not in known):
            raise RefusedError(f"{resource.kind}: no operation changes {', '.join(still)} here")
        for part in kind.parts:
            if any(each in part.properties for each in differing):
                self._write(kind, part, context)

    def delete(self, resource: Resource) -> None:
        kind = _type(resource)
        if kind.delete is None:
            return
        try:
            self._do(kind, kind.delete, Context(self.services, kind.service, _folded(kind, resource)))
        except CallError as error:
            if not error.says_gone:
                raise

    def attribute(self, resource: Resource, name: str) -> Any:
        """What GetAtt reads. Raises `TemplateError`, as the engine wants it of what is no value."""
        kind = _type(resource)
        where = kind.attributes.get(name)
        if where is None:
            raise TemplateError(f"Requested attribute {name} does not exist in schema for {resource.kind}")
        context = Context(self.services, kind.service, _folded(kind, resource))
        try:
            found = (
                where(context) if callable(where) else jmespath.search(where, self._read(kind, kind.reads[0], context))
            )
        except RefusedError as error:
            raise TemplateError(f"{resource.place}: {error}") from None
        if found is None:
            raise TemplateError(f"{resource.place}: {resource.physical} has no {name}")
        return found

    def reference(self, resource: Resource) -> Any:
        return resource.physical

    def dynamic(self, service: str, key: str) -> str:
        """What a dynamic reference says. Raises `TemplateError`."""
        try:
            match service:
                case "ssm" | "ssm-secure":
                    asked = {"Name": key, "WithDecryption": service == "ssm-secure"}
                    return str(self.services.call("ssm", "GetParameter", asked)["Parameter"]["Value"])
                case "secretsmanager":
                    return self._secret(key)
        except RefusedError as error:
            raise TemplateError(f"Dynamic reference {{{{resolve:{service}:{key}}}}}: {error}") from None
        raise TemplateError(f"Dynamic references to {service} are not supported")

    def described(self, resource: Resource) -> list[Any]:
        """What the services' own describe calls say of a resource, one answer each; None where there is nothing."""
        kind = _type(resource)
        context = Context(self.services, kind.service, _folded(kind, resource))
        return [self._read_if_there(kind, read, context) for read in kind.reads]

    def is_there(self, resource: Resource) -> bool:
        """Whether the service's describe call finds a resource; what it tells as ended may still be listed."""
        kind = _type(resource)
        context = Context(self.services, kind.service, _folded(kind, resource))
        return any(self._read_if_there(kind, read, context) not in (None, [], {}) for read in kind.reads[:1])

    def _secret(self, key: str) -> str:
        at = key.split(":")
        parts = [":".join(at[:7]), *at[7:]] if key.startswith("arn:") else at
        name, field, path, stage, version = (parts + [""] * 5)[:5]
        if field not in ("", "SecretString"):
            raise RefusedError(f"Dynamic reference {key}: only SecretString can be read")
        asked = {"SecretId": name, "VersionStage": stage, "VersionId": version}
        told = self.services.call("secretsmanager", "GetSecretValue", {k: v for k, v in asked.items() if v})
        if not path:
            return str(told["SecretString"])
        values = json.loads(told["SecretString"])
        if path not in values:
            raise RefusedError(f"Could not find a value associated with JSONKey in SecretString: {path}")
        return str(values[path])

    def _named(self, resource: Resource, kind: Type) -> Resource:
        self._made[resource.place] += 1
        if kind.name is None or resource.properties.get(kind.name.prop):
            return resource
        unique = f"{self.seed}{resource.place} {self._made[resource.place]}"
        end = hashlib.sha256(unique.encode()).hexdigest()[:12].upper()
        room = kind.name.limit - len(end) - 2
        logical = resource.name[: max(room // 2, room - len(resource.stack))]
        stack = resource.stack.replace("/", "-")[: room - len(logical)].rstrip("-")
        name = f"{stack}-{logical}-{end}"
        named = {**resource.properties, kind.name.prop: name.lower() if kind.name.is_lower else name}
        return replace(resource, properties=named)

    def _write(self, kind: Type, part: Part, context: Context) -> None:
        gone = [each for each in part.properties if each in context.old and each not in context.properties]
        is_there = any(each in context.properties for each in part.properties)
        absent = part.write.absent if isinstance(part.write, Call) else {}
        if not is_there and part.unset is not None:
            self._do(kind, part.unset, context)
            return
        if not part.whole and (lost := [each for each in gone if each not in absent]):
            raise RefusedError(f"{context.resource.kind}: no operation takes {', '.join(lost)} away here")
        self._do(kind, part.write, context, part.properties)

    def _do(self, kind: Type, what: Call | Any, context: Context, takes: tuple[str, ...] = ()) -> None:
        if not isinstance(what, Call):
            what(context)
            return
        call = arguments(context, kind.service, what, takes or what.takes)
        self.services.call(what.service or kind.service, what.operation, call)

    def _read(self, kind: Type, read: Read | Callable[[Context], Any], context: Context) -> Any:
        if not isinstance(read, Read):
            return read(context)
        service = read.service or kind.service
        asked = {name: given(value, context) for name, value in read.given.items()}
        answer = self.services.call(service, read.operation, {k: v for k, v in asked.items() if v is not None})
        return jmespath.search(read.path, answer)

    def _read_if_there(self, kind: Type, read: Read | Callable[[Context], Any], context: Context) -> Any:
        try:
            return self._read(kind, read, context)
        except CallError as error:
            if error.says_gone:
                return None
            raise

    def _take_back(self, made: Context) -> None:
        """CloudFormation remembers no id of a resource that was not made to the end, and would leave it behind."""
        try:
            self.delete(made.resource)
        except RefusedError:
            return


def _type(resource: Resource) -> Type:
    if resource.kind not in TYPES:
        raise RefusedError(f"Resource type {resource.kind} is not supported by the local AWS")
    return TYPES[resource.kind]


def _folded(kind: Type, resource: Resource) -> Resource:
    return replace(resource, properties=kind.folded(resource.properties)) if kind.folded else resource


def _created_with(kind: Type, properties: Body) -> list[str]:
    elsewhere = {each for part in kind.parts if not part.is_update for each in part.properties}
    return [each for each in properties if each not in elsewhere and each not in kind.dropped]


def _check(resource: Resource, kind: Type) -> None:
    """Refuse what the registry's schema of a type refuses: unknown and missing properties."""
    known, required, read_only = _schema(resource.kind)
    words = [
        f"#: extraneous key [{each}] is not permitted" for each in resource.properties if known and each not in known
    ]
    words += [f"#: extraneous key [{each}] is read-only" for each in resource.properties if each in read_only]
    words += [f"#: required key [{each}] not found" for each in required if each not in resource.properties]
    if words:
        told = ", ".join(words)
        raise RefusedError(f"Properties validation failed for resource {resource.name} with message: [{told}]")
    if not isinstance(kind.create, Call):
        taken = {*kind.takes, *kind.dropped, *(each for part in kind.parts for each in part.properties)}
        taken |= {path[0] for path in create_only(resource.kind) if path[0] in kind.takes}
        for each in resource.properties:
            if each not in taken and kind.folded is None:
                raise RefusedError(
                    f"{resource.kind}: property {each} has no place in any call, so it is not written here"
                )


@cache
def _schema(kind: str) -> tuple[frozenset[str], tuple[str, ...], frozenset[str]]:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

    try:
        schema: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    except ResourceNotFoundError:
        return frozenset(), (), frozenset()
    read_only = {each.removeprefix("/properties/") for each in schema.get("readOnlyProperties", ())}
    required = tuple(each for each in schema.get("required", ()) if each not in read_only)
    return frozenset(schema["properties"]), required, frozenset(read_only)
