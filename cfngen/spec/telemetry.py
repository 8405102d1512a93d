"""What stands beside the containers of a task to see what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfngen.describe import Description, Finding
from cfngen.spec.container import Container, wrong_image

COLLECTOR = "telemetry"
"""What the collector's container is called."""


@dataclass(frozen=True, kw_only=True)
class Telemetry(Description):
    """An OpenTelemetry collector in each task of a release: traces go to X-Ray, metrics to CloudWatch (L2.6).

    The containers find it by the variables that OpenTelemetry's libraries read: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and
    OTEL_RESOURCE_ATTRIBUTES. `image` is AWS's distribution of the collector with its digest, as in
    ``public.ecr.aws/aws-observability/aws-otel-collector@sha256:...``. `namespace` is the one of the metrics, the application's and
    stage's name if nothing is said. `memory_mib` is what the collector may take of the task's. A task goes on when it ends.
    """

    image: str
    namespace: str = ""
    memory_mib: int = 128

    @property
    def container(self) -> Container:
        """The collector."""
        return Container(name=COLLECTOR, image=self.image, memory_mib=self.memory_mib, essential=False)

    def checks(self) -> Iterator[Finding]:
        if fits := wrong_image(self.image):
            yield "image", fits
        if self.namespace and not re.fullmatch(r"(?!AWS/)[\w./#:-]{1,255}", self.namespace, re.ASCII):
            yield "namespace", "at most 255 of the characters A-Z a-z 0-9 _ . / # : - and not beginning with AWS/"
        if not 32 <= self.memory_mib <= 4096:
            yield "memory_mib", "32 to 4096, within the task's memory"
