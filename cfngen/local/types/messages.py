"""SNS and SQS: topics, queues, subscriptions, their policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, physical, tags, text
from cfngen.semantics.update import RefusedError

_TOPIC = (
    "DisplayName",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "ArchivePolicy",
)
_QUEUE = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_QUEUE_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DelaySeconds": "0",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
_SUBSCRIPTION = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)
_SUBSCRIPTION_DEFAULTS = {"RawMessageDelivery": "false", "FilterPolicy": "{}"}


def _told(context: Context, names: tuple[str, ...]) -> dict[str, str]:
    return {name: text(context.properties[name]) for name in names if name in context.properties}


def _name(context: Context, name: str, is_fifo: str) -> str:
    """What comes out as it went in has a name with an end that says so."""
    end = ".fifo" if str(context.properties.get(is_fifo)).lower() == "true" else ""
    return str(context.properties[name]).removesuffix(end) + end


def _create_topic(context: Context) -> str:
    attributes = _told(context, ("FifoTopic", *_TOPIC))
    name = _name(context, "TopicName", "FifoTopic")
    made = context.call("sns", "CreateTopic", Name=name, Attributes=attributes)
    return str(made["TopicArn"])


def _set_each(operation: str, key: str, names: tuple[str, ...], defaults: dict[str, str]) -> Part:
    """Attributes that take one call each."""

    def write(context: Context) -> None:
        old, new = context.old, context.properties
        for name in names:
            if old.get(name) == new.get(name):
                continue
            if name not in new and name not in defaults:
                raise RefusedError(f"{context.resource.kind}: no operation takes {name} away here")
            value = text(new[name]) if name in new else defaults[name]
            context.call("sns", operation, **{key: context.physical}, AttributeName=name, AttributeValue=value)

    return Part(write, names, whole=True, is_update=True)


def _topic_subscriptions(context: Context) -> None:
    old, new = context.old.get("Subscription", []), context.properties.get("Subscription", [])
    if any(each not in new for each in old):
        there = context.call("sns", "ListSubscriptionsByTopic", TopicArn=context.physical)["Subscriptions"]
        gone = [(each["Protocol"], each["Endpoint"]) for each in old if each not in new]
        for each in there:
            if (each["Protocol"], each["Endpoint"]) in gone:
                context.call("sns", "Unsubscribe", SubscriptionArn=each["SubscriptionArn"])
    for each in new:
        if each not in old:
            context.call("sns", "Subscribe", TopicArn=context.physical, **each)


def _subscribe(context: Context) -> str:
    asked = {
        name: context.properties[name] for name in ("TopicArn", "Protocol", "Endpoint") if name in context.properties
    }
    told = context.call(
        "sns", "Subscribe", **asked, Attributes=_told(context, _SUBSCRIPTION), ReturnSubscriptionArn=True
    )
    return str(told["SubscriptionArn"])


# Policies that stand apart. Their physical id is a name of CloudFormation's own, which no service knows.


def _policy(prop: str, write: Any) -> Type:
    def put(context: Context) -> None:
        old, new = context.old.get(prop, []), context.properties[prop]
        for each in old:
            if each not in new:
                write(context, each, None)
        for each in new:
            write(context, each, text(context.properties["PolicyDocument"]))

    def create(context: Context) -> str:
        put(context)
        return f"{context.resource.stack.replace('/', '-')}-{context.resource.name}"

    def delete(context: Context) -> None:
        for each in context.properties[prop]:
            write(context, each, None)

    asked: Mapping[str, Mapping[str, Any]] = {
        "Topics": {"TopicArn": lambda context: context.properties["Topics"][0]},
        "Queues": {"QueueUrl": lambda context: context.properties["Queues"][0], "AttributeNames": ["All"]},
    }
    service, operation, path = {
        "Topics": ("sns", "GetTopicAttributes", "{Topics: Attributes.TopicArn, PolicyDocument: Attributes.Policy}"),
        "Queues": ("sqs", "GetQueueAttributes", "{Queues: Attributes.QueueArn, PolicyDocument: Attributes.Policy}"),
    }[prop]
    return Type(
        service,
        create,
        takes=(prop, "PolicyDocument"),
        parts=(Part(put, (prop, "PolicyDocument"), is_update=True),),
        delete=delete,
        reads=(Read(operation, asked[prop], path),),
        attributes={"Id": physical},
    )


def _topic_policy(context: Context, topic: str, policy: str | None) -> None:
    """A topic has no way to lose its policy; CloudFormation leaves it one that lets its owner in."""
    if policy is None:
        owner = {"StringEquals": {"AWS:SourceOwner": context.api.account}}
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "SNS:Publish",
            "Resource": topic,
            "Condition": owner,
        }
        policy = text({"Version": "2008-10-17", "Statement": [statement]})
    context.call("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def _queue_policy(context: Context, queue: str, policy: str | None) -> None:
    context.call("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy or ""})


def _create_queue(context: Context) -> str:
    attributes = _told(context, ("FifoQueue", *_QUEUE))
    return str(
        context.call("sqs", "CreateQueue", QueueName=_name(context, "QueueName", "FifoQueue"), Attributes=attributes)[
            "QueueUrl"
        ]
    )


def _set_queue(context: Context) -> None:
    old, new = context.old, context.properties
    differing = [name for name in _QUEUE if old.get(name) != new.get(name)]
    # A queue has one encryption: a key's, or else SQS's own, which is on where nothing is said.
    defaults = {**_QUEUE_DEFAULTS, "SqsManagedSseEnabled": text("KmsMasterKeyId" not in new)}
    if lost := [name for name in differing if name not in new and name not in defaults]:
        raise RefusedError(f"AWS::SQS::Queue: no operation takes {', '.join(lost)} away here")
    told = {name: text(new[name]) if name in new else defaults[name] for name in differing}
    context.call("sqs", "SetQueueAttributes", QueueUrl=context.physical, Attributes=told)


TYPES = {
    "AWS::SNS::Topic": Type(
        "sns",
        _create_topic,
        takes=("TopicName", "FifoTopic", *_TOPIC),
        name=Name("TopicName", 256),
        parts=(
            _set_each(
                "SetTopicAttributes",
                "TopicArn",
                _TOPIC,
                {"DisplayName": "", "KmsMasterKeyId": "", "TracingConfig": "PassThrough"},
            ),
            Part(_topic_subscriptions, ("Subscription",), whole=True),
            tags("TagResource", "UntagResource"),
        ),
        delete=Call("DeleteTopic", given={"TopicArn": physical}),
        reads=(
            Read("GetTopicAttributes", {"TopicArn": physical}, "Attributes"),
            Read("ListSubscriptionsByTopic", {"TopicArn": physical}, "Subscriptions"),
            Read("ListTagsForResource", {"ResourceArn": physical}, "Tags"),
        ),
        attributes={"TopicArn": physical, "TopicName": lambda context: context.physical.rpartition(":")[2]},
    ),
    "AWS::SNS::TopicPolicy": _policy("Topics", _topic_policy),
    "AWS::SNS::Subscription": Type(
        "sns",
        _subscribe,
        takes=("TopicArn", "Protocol", "Endpoint", *_SUBSCRIPTION),
        parts=(_set_each("SetSubscriptionAttributes", "SubscriptionArn", _SUBSCRIPTION, _SUBSCRIPTION_DEFAULTS),),
        delete=Call("Unsubscribe", given={"SubscriptionArn": physical}),
        reads=(Read("GetSubscriptionAttributes", {"SubscriptionArn": physical}, "Attributes"),),
        attributes={"Arn": physical},
    ),
    "AWS::SQS::Queue": Type(
        "sqs",
        _create_queue,
        takes=("QueueName", "FifoQueue", *_QUEUE),
        name=Name("QueueName", 80),
        parts=(
            Part(_set_queue, _QUEUE, whole=True, is_update=True),
            tags("TagQueue", "UntagQueue", "QueueUrl"),
        ),
        delete=Call("DeleteQueue", given={"QueueUrl": physical}),
        reads=(
            Read("GetQueueAttributes", {"QueueUrl": physical, "AttributeNames": ["All"]}, "Attributes"),
            Read("ListQueueTags", {"QueueUrl": physical}, "Tags"),
        ),
        attributes={
            "Arn": "QueueArn",
            "QueueName": lambda context: context.physical.rpartition("/")[2],
            "QueueUrl": physical,
        },
    ),
    "AWS::SQS::QueuePolicy": _policy("Queues", _queue_policy),
}
