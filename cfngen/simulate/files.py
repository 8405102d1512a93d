"""The files of a stage as texts: its templates, and what each pipeline hands to CodeDeploy."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from cfngen.semantics.document import UnreadableError, yaml_data
from cfngen.semantics.template import STACK, Template, TemplateError, check, read_template
from cfngen.simulate.codedeploy import HOOKS, Revision
from cfngen.simulate.plainly import plainly

_HARMLESS = ("AWS::LanguageExtensions", "AWS::Serverless-2016-10-31")
"""Transforms that leave alone what carries traffic here."""
_PROCESSED = "play the template that it makes (aws cloudformation get-template --template-stage Processed)"
TEMPLATES = (".yaml", ".yml", ".json", ".template")
_CELL = re.compile(r"(cell-\d+)/")
_PLACEHOLDER = re.compile(r"\$\{\w+\}")  # which the build fills in before anybody reads the file


@dataclass(frozen=True)
class Files:
    """The files of one stage, by path below its folder. `start` names the root, where several templates could be it."""

    texts: Mapping[str, str]
    start: str = ""

    @classmethod
    def of(cls, place: Path) -> Files:
        """Those of a folder, or of a root template's folder; raises `TemplateError` when there is no template in it."""
        folder = place if place.is_dir() else place.parent
        texts = dict(_texts(folder))
        found = cls(texts, "" if place.is_dir() else place.name)
        if not found.templates and not found.unread:
            raise TemplateError("there are no templates in it; name a folder that cfngen generate wrote")
        return found

    def apart(self) -> dict[str, Files]:
        """The files of each root by the folder of its cell, which is empty for the first; all roots use those of services."""
        services = {name: text for name, text in self.texts.items() if "/" in name and not _CELL.match(name)}
        found = {"": replace(self, texts={name: text for name, text in self.texts.items() if not _CELL.match(name)})}
        for name, text in self.texts.items():
            if cell := _CELL.match(name):
                known = found.setdefault(cell[1], Files({**services}))
                found[cell[1]] = Files({**known.texts, name.removeprefix(cell[0]): text})
        return dict(sorted(found.items(), key=lambda each: (len(each[0]), each[0])))

    @property
    def services(self) -> frozenset[str]:
        """The services that have a stack of cfngen's here, by name."""
        names = (re.fullmatch(r"service-(.+)\.yaml", name) for name in self.texts)
        return frozenset(each[1] for each in names if each)

    @cached_property
    def _read(self) -> tuple[dict[str, Template], dict[str, str]]:
        templates, unread = {}, {}
        for name, text in self.texts.items():
            if "/" not in name and name.endswith(TEMPLATES):
                try:
                    templates[name] = read_template(text)
                except TemplateError as error:
                    unread[name] = str(error)
        return templates, unread

    @property
    def templates(self) -> dict[str, Template]:
        """The templates by file name."""
        return self._read[0]

    @property
    def unread(self) -> dict[str, str]:
        """Files that look like templates and are none, each with the reason."""
        return self._read[1]

    @cached_property
    def root(self) -> str:
        """The template that no other one nests; raises `TemplateError` when it is not clear which."""
        if self.start:
            return self._known(self.start)
        nested = {url for template in self.templates.values() for url in self._nested(template).values()}
        roots = sorted(set(self.templates) - nested)
        if len(roots) == 1:
            return roots[0]
        reasons = "".join(f"; {name}: {reason}" for name, reason in sorted((*self.unread.items(), *self._wrong())))
        if not roots and self.unread:
            raise TemplateError(reasons.removeprefix("; "))
        told = f"one template is the root, that no other nests; here are {', '.join(roots) or 'none'}{reasons}"
        raise TemplateError(f"{told}. Name the root's file in place of the folder" if roots else told)

    def fetch(self, url: str) -> Template:
        """The template of a nested stack."""
        return self.templates[self._known(self._file(url))]

    def file_of(self, place: str) -> str:
        """The file in which a resource stands, by its path through the stacks."""
        file = self.root
        for name in place.split("/")[1:-1]:
            file = self._nested(self.templates[file]).get(name, file)
        return file

    def check(self) -> None:
        """Raise `TemplateError` for the first template of the tree that CloudFormation would refuse as a whole."""
        if self._refused:
            raise TemplateError(self._refused)

    @cached_property
    def _refused(self) -> str:
        """Why `check` raises; empty when it does not."""
        try:
            self._check_each()
        except TemplateError as error:
            return str(error)
        return ""

    def _check_each(self) -> None:
        waiting, seen = [self.root], set()
        while waiting:
            file = waiting.pop()
            seen.add(file)
            try:
                _check_transforms(self.templates[self._known(file)])
                check(self.templates[file])
            except TemplateError as error:
                raise TemplateError(f"{file}: {error}" if not str(error).startswith(file) else str(error)) from None
            waiting += [each for each in self._nested(self.templates[file]).values() if each not in seen]

    def revision(self, service: str, version: str) -> Revision:
        """What the pipeline of a service would release, from its AppSpec and task definition.

        Raises `TemplateError` for files that CodeDeploy or ECS could not read.
        """
        appspec, taskdef = self.texts.get(f"{service}/appspec.yaml"), self.texts.get(f"{service}/taskdef.json")
        if appspec is None or taskdef is None:
            return Revision(version)
        return replace(_revision(service, appspec, taskdef), version=version)

    @property
    def looks_up(self) -> bool:
        """Whether a template has values that CloudFormation looks up: dynamic references, parameters of SSM."""
        texts = (self.texts[name] for name in self.templates)
        return any("{{resolve:" in text or "AWS::SSM::Parameter" in text for text in texts)

    def parameters(self) -> Mapping[str, Any]:
        """What the root asks for; raises as `check` does."""
        self.check()
        return self.templates[self.root].section("Parameters")

    def _file(self, url: Any) -> str:
        """The file that a URL leads to: by its path, or by its name alone where it is somewhere in a bucket."""
        path = posixpath.normpath(_end(url))
        return path if path in self.templates or path in self.unread else posixpath.basename(path)

    def _nested(self, template: Template) -> dict[str, str]:
        """The files of nested stacks by logical id."""
        found = {}
        for name, each in template.resources.items():
            if isinstance(each, Mapping) and each.get("Type") == STACK:
                properties = each.get("Properties")
                if isinstance(properties, Mapping):
                    found[name] = self._file(properties.get("TemplateURL"))
        return found

    def _wrong(self) -> Iterator[tuple[str, str]]:
        """Why a template may not nest what it should, by file: it is damaged, or what a stack of it names is not here."""
        for file, template in self.templates.items():
            if template.fault:
                yield file, template.fault
            nested = self._nested(template)
            for name, each in template.resources.items():
                if isinstance(each, Mapping) and each.get("Type") == STACK and nested.get(name) not in self.texts:
                    yield file, f"the template of the stack {name} is not here: {nested.get(name, 'no TemplateURL')}"

    def _known(self, name: str) -> str:
        if name in self.unread:
            raise TemplateError(f"{name}: {self.unread[name]}")
        if name not in self.templates:
            raise TemplateError(f"S3 error: the template {name} does not exist")
        return name


@lru_cache(maxsize=256)
def _revision(service: str, appspec: str, taskdef: str) -> Revision:
    """What the files of a service say, for any version; every release reads the same ones."""
    with_names = f"{service}/appspec.yaml"
    try:
        data: Any = yaml_data(_PLACEHOLDER.sub("filled-in", appspec))
        target = data["Resources"][0]["TargetService"]["Properties"]["LoadBalancerInfo"]
        container, port = str(target["ContainerName"]), int(target["ContainerPort"])
        hooks = frozenset(str(hook) for each in data.get("Hooks", []) for hook in each)
        if unknown := sorted(hooks - set(HOOKS)):
            raise TemplateError(f"{with_names}: Hooks: {', '.join(unknown)} is none of {', '.join(HOOKS)}")
        with_names = f"{service}/taskdef.json"
        containers = {str(each["name"]): each for each in json.loads(taskdef)["containerDefinitions"]}
        own = containers.get(container, {})
        ports = [int(each["containerPort"]) for each in own.get("portMappings", [])]
        image = str(own.get("image", ""))
    except KeyError as error:
        raise TemplateError(f"{with_names}: {error} is missing") from None
    except UnreadableError as error:
        raise TemplateError(f"{with_names}: line {error.line}: {error}") from None
    except (ArithmeticError, AttributeError, IndexError, RecursionError, TypeError, ValueError) as error:
        raise TemplateError(f"{with_names}: {plainly(error)}") from None
    if image.startswith("<"):
        image = Revision.image  # the deploy action fills in the digest that the build hands on (D3)
    return Revision("", container, port if port in ports else -1, image, hooks)


def _check_transforms(template: Template) -> None:
    """Raise `TemplateError` for what changes a template before CloudFormation reads it, in a way that is not known here."""
    if unknown := _unknown_transform(template):
        raise TemplateError(f"{unknown} is not played; {_PROCESSED}")


@lru_cache(maxsize=1024)
def _unknown_transform(template: Template) -> str:
    """The first transform that is not known here; empty when there is none."""
    named = template.body.get("Transform") or []
    for each in named if isinstance(named, list) else [named]:
        name = str(each.get("Name") if isinstance(each, Mapping) else each)
        if name not in _HARMLESS:
            return f"the transform {name}"
    for key in _keys(template.body):
        if key == "Fn::Transform" or key.startswith("Fn::ForEach::"):
            return key
    return ""


def _keys(body: Any) -> Iterator[str]:
    """The keys of all objects in a template; YAML's aliases may lead round in a circle, which is refused elsewhere."""
    waiting, seen = [body], set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen and isinstance(node, Mapping | list):
            seen.add(id(node))
            yield from map(str, node) if isinstance(node, Mapping) else ()
            waiting += node.values() if isinstance(node, Mapping) else node


def _end(url: Any) -> str:
    """The text of a URL, or of its last part where a function makes it."""
    match url:
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]}:
            return text
        case {"Fn::Join": [_, [*_, str(text)]]}:
            return text
    return str(url)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    around = folder.parent if _is_cell(folder) else folder  # a cell's services have their files beside it
    deployed = (path for name in ("appspec.yaml", "taskdef.json") for path in around.glob(f"*/{name}"))
    of_cells = folder.glob("cell-*/*") if (folder / "ledger.json").exists() else ()
    for path in sorted((*folder.glob("*"), *of_cells, *deployed)):
        if path.is_file() and path.suffix in TEMPLATES and path.name != "ledger.json":
            name = path.relative_to(folder if path.is_relative_to(folder) else around).as_posix()
            try:
                yield name, path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise TemplateError(f"{name}: is no UTF-8: byte {error.start}") from None


def _is_cell(folder: Path) -> bool:
    """Whether it is the folder of a further cell in a stage's."""
    inside = folder.resolve()
    return _CELL.fullmatch(f"{inside.name}/") is not None and (inside.parent / "ledger.json").exists()
