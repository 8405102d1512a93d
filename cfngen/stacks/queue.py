"""A worker's queue and its dead-letter queue, and the rights to use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from awacs import kms as kms_actions
from awacs import sqs as sqs_actions
from awacs.aws import Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import GetAtt, sqs

from cfngen._frozen import dataclass
from cfngen.spec import Queue
from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, given, only_kms_via
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.values import Arn, KeyArn, Text

_TWO_WEEKS = 14 * 24 * 3600


@dataclass(frozen=True)
class QueueOutputs:
    """What a worker and those who send to it need of its queue, which is called as the worker; `key` encrypts it, where it is the application's own."""

    name: str
    url: Text
    arn: Arn
    queue_name: Text
    dead_letters: Text
    key: KeyArn | None


def queue_stack(stack: Stack, common: Common, foundation: FoundationOutputs, worker: str, queue: Queue) -> QueueOutputs:
    """The queue of the worker of that name; both stay when the stack goes, for messages may be in them."""
    stack.describe(f"Queue of {worker}, and its dead-letter queue")
    key = common.key_for("queues", foundation.key)
    dead = dead_letter_queue(stack, key, fifo=queue.fifo)
    made = stack.add(
        sqs.Queue(
            "Queue",
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            MessageRetentionPeriod=queue.retention_days * 24 * 3600,
            VisibilityTimeout=queue.visibility_timeout_seconds,
            ReceiveMessageWaitTimeSeconds=20,  # who asks waits for a message, and does not ask again and again
            RedrivePolicy=sqs.RedrivePolicy(deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=queue.receives),
            **_encrypted(key),
            **(_in_order() if queue.fifo else {}),
        )
    )
    _tls_only(stack, made)
    return QueueOutputs(
        name=worker,
        url=Text(made.ref()),
        arn=Arn(GetAtt(made, "Arn")),
        queue_name=Text(GetAtt(made, "QueueName")),
        dead_letters=Text(GetAtt(dead, "QueueName")),
        key=key,
    )


def dead_letter_queue(stack: Stack, key: KeyArn | None = None, *, fifo: bool = False) -> sqs.Queue:
    """Where messages wait for a person, for two weeks at most; unnamed, so that one that was kept is in nobody's way."""
    made = stack.add(
        sqs.Queue(
            "DeadLetterQueue",
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            MessageRetentionPeriod=_TWO_WEEKS,
            **_encrypted(key),
            **(_in_order() if fifo else {}),
        )
    )
    _tls_only(stack, made)
    return made


def consuming(queue: QueueOutputs) -> Iterator[Statement]:
    """What the worker may do with its queue."""
    take = [
        sqs_actions.ChangeMessageVisibility,
        sqs_actions.DeleteMessage,
        sqs_actions.GetQueueAttributes,
        sqs_actions.GetQueueUrl,
        sqs_actions.ReceiveMessage,
    ]
    yield allow(take, queue.arn)
    if queue.key:
        yield allow([kms_actions.Decrypt], queue.key, only_kms_via("sqs"))


def sending(queues: Iterable[QueueOutputs]) -> Iterator[Statement]:
    """What those who send may do with queues."""
    for queue in queues:
        yield allow([sqs_actions.GetQueueAttributes, sqs_actions.GetQueueUrl, sqs_actions.SendMessage], queue.arn)
        if queue.key:
            yield allow([kms_actions.Decrypt, kms_actions.GenerateDataKey], queue.key, only_kms_via("sqs"))


def _encrypted(key: KeyArn | None) -> dict[str, Any]:
    return given(KmsMasterKeyId=key, KmsDataKeyReusePeriodSeconds=300) if key else {"SqsManagedSseEnabled": True}


def _in_order() -> dict[str, Any]:
    return {
        "FifoQueue": True,
        "ContentBasedDeduplication": True,
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def _tls_only(stack: Stack, queue: sqs.Queue) -> None:
    refused = Statement(
        Sid="TlsOnly",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[sqs_actions.Action("*")],
        Resource=[GetAtt(queue, "Arn")],
        Condition=Condition(Bool("aws:SecureTransport", False)),
    )
    stack.add(
        sqs.QueuePolicy(
            f"{queue.title}Policy",
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            Queues=[queue.ref()],
            PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=[refused]),
        )
    )
