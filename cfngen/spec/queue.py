"""A worker's queue: what waits for it, who may send, and where what cannot be worked on goes."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding


@dataclass(frozen=True, kw_only=True)
class Queue(Description):
    """A queue of SQS that its worker consumes, with a dead-letter queue beside it; both are encrypted and take TLS alone.

    The worker finds it in QUEUE_URL. `senders` are services, workers and scheduled tasks that may send; they find it in
    a variable that begins with the worker's name, as in ``MAILER_QUEUE_URL``.
    `visibility_timeout_seconds` is how long a message stays hidden from others while a task works on it, so it is longer
    than the longest work on one message. A message that came back `receives` times goes to the dead-letter queue, which
    keeps it for two weeks. `retention_days` is how long one may wait to be worked on.
    `oldest_message_minutes` is the age of a waiting message from which on an alarm rings.
    `fifo` keeps messages in order within each group that the sender names, and sends none twice. Fixed from birth.
    """

    senders: tuple[str, ...] = ()
    visibility_timeout_seconds: int = 60
    receives: int = 5
    retention_days: int = 4
    oldest_message_minutes: int = 15
    fifo: bool = False

    def checks(self) -> Iterator[Finding]:
        for option, least, most in (
            ("visibility_timeout_seconds", 1, 43_200),
            ("receives", 1, 1000),
            ("retention_days", 1, 14),
            ("oldest_message_minutes", 1, 20_160),
        ):
            if not least <= getattr(self, option) <= most:
                yield option, f"{least} to {most}"
        if len(set(self.senders)) < len(self.senders):
            yield "senders", f"{max(self.senders, key=self.senders.count)!r} stands there twice"


def url_variable(worker: str) -> str:
    """The variable in which those who send to a worker's queue find it."""
    return f"{worker.replace('-', '_').upper()}_QUEUE_URL"
