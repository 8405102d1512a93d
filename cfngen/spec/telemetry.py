"""What stands beside the containers of a task to see what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.container import Container, Secret, SsmParameter, wrong_image

COLLECTOR, ROUTER = "telemetry", "log-router"
"""What the containers of the collector and of the router are called."""


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


@dataclass(frozen=True, kw_only=True)
class LogRouter(Description):
    """Fluent Bit in each task of a release (FireLens): what the containers print goes to its output, not to the log group (G2.11).

    `image` is AWS's distribution of Fluent Bit with its digest, as in ``public.ecr.aws/aws-observability/aws-for-fluent-bit@sha256:...``.
    `output` is the output and its options, as in ``{"Name": "kinesis_firehose", "region": "eu-west-1", "delivery_stream": "logs"}``;
    `secret_output` are options of it whose values are secret, such as a key. What the router needs of AWS the task's `statements` allow.
    It runs as root, as FireLens wants it, and a task ends with it; what it prints itself goes to the log group. `memory_mib` is what
    it may take of the task's.
    """

    image: str
    output: Mapping[str, str]
    secret_output: Mapping[str, Secret | SsmParameter] = field(default_factory=dict)
    memory_mib: int = 64

    @property
    def container(self) -> Container:
        """The router, but for what makes it one."""
        return Container(name=ROUTER, image=self.image, memory_mib=self.memory_mib)

    def checks(self) -> Iterator[Finding]:
        if fits := wrong_image(self.image):
            yield "image", fits
        if "Name" not in self.output:
            yield (
                "output",
                "the Name of an output of Fluent Bit among its options, as in {'Name': 'kinesis_firehose', ...}",
            )
        for option, given in (("output", self.output), ("secret_output", self.secret_output)):
            for name in given:
                if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name, re.ASCII):
                    yield f"{option}[{name!r}]", "an option's name: letters, digits and underscores"
        for name in sorted(set(self.output) & set(self.secret_output)):
            yield f"secret_output[{name!r}]", "stands in output too; give it once"
        if not 32 <= self.memory_mib <= 4096:
            yield "memory_mib", "32 to 4096, within the task's memory"
