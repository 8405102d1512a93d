"""How a push becomes a release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding, is_folder
from cfngen.sources import Promotion, PromotionTarget, Source


@dataclass(frozen=True, kw_only=True)
class Pipeline(Description):
    """One pipeline a service: source, build and test, approval, migration, deployment.

    `test_command` runs in the service's folder before its image is built; a failing one ends the build and
    nothing is pushed. `runtimes` are what it needs of CodeBuild's image, as in ``{"nodejs": "22"}``.
    `test_report` is the JUnit file that it writes, relative to the service's folder.
    `scan_threshold` is the least severity of a finding in the image that stops the release; "NONE" lets all pass.
    `files` is the folder, from the source's root, that holds what `cfngen generate` wrote for this stage.
    `promotes_to` is the stage that gets each build, by digest, once it was released here.
    """

    source: Source
    approval: bool = False
    test_command: str = ""
    test_report: str = ""
    runtimes: Mapping[str, str] = field(default_factory=dict)
    scan_threshold: Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "NONE"] = "HIGH"
    files: str = ""
    build_timeout_minutes: int = 30
    promotes_to: PromotionTarget | None = None

    def checks(self) -> Iterator[Finding]:
        if self.files and not is_folder(self.files):
            yield "files", "a folder relative to the source's root, as in 'templates/coffee/dev'"
        if self.test_report and not is_folder(self.test_report):
            yield "test_report", "a file relative to the service's folder, as in 'reports/junit.xml'"
        if isinstance(self.source, Promotion):
            yield from _promoted(self)
        if self.test_report and not self.test_command:
            yield "test_report", "needs a test_command that writes it"
        if not 5 <= self.build_timeout_minutes <= 480:
            yield "build_timeout_minutes", "5 to 480"
        for name, version in self.runtimes.items():
            if not re.fullmatch(r"[a-z]+", name, re.ASCII) or not re.fullmatch(r"[\w.]+", version, re.ASCII):
                yield f"runtimes[{name!r}]", "a runtime of CodeBuild and its version, as in {'nodejs': '22'}"


def _promoted(pipeline: Pipeline) -> Iterator[Finding]:
    source = pipeline.source.stage if isinstance(pipeline.source, Promotion) else ""
    for option, empty in (("test_command", "''"), ("runtimes", "{}")):
        if getattr(pipeline, option):
            yield option, f"{empty}, since what is promoted was built and tested in {source!r}; say it there"
    if pipeline.promotes_to:
        yield "promotes_to", f"None; this stage has its builds of {source!r}, and only what builds promotes"
