"""Workers, queues and scheduled tasks in the local AWS: a stage of them is made, changed and deleted there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from resolve import rendered
from shells import REGION, fresh
from test_local_everything import Deployment
from test_workers import MAILER, SHOP

from cfngen import Queue
from cfngen.local.provider import LocalProvider
from cfngen.semantics.template import read_template

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
_LONGER = Queue(senders=("web", "nightly"), visibility_timeout_seconds=900)


def test_a_stage_of_workers_is_made_changed_and_deleted() -> None:
    provider = fresh("http://localhost:1").region(REGION).front.api.provider
    assert isinstance(provider, LocalProvider)
    before = rendered(SHOP)
    deployment = Deployment(provider, dict(before.files), "shop", [])
    made = deployment.create(before.tree.root)
    assert made.stack, made.reason
    assert made.status == "CREATE_COMPLETE", made.reason
    told: Any = provider.services.call("scheduler", "ListSchedules", {})
    assert {each["GroupName"] for each in told["Schedules"]} >= {"shop-dev-nightly", "shop-dev-report"}
    longer = replace(SHOP, workers=(replace(MAILER, queue=_LONGER, maximum_percent=150), *SHOP.workers[1:]))
    after = rendered(longer, before.ledger)
    deployment.files = dict(after.files)
    changed = deployment.engine.update(made.stack, read_template(after.files[after.tree.root]), {})
    assert changed.stack, changed.reason
    assert changed.status == "UPDATE_COMPLETE", changed.reason
    written = {each.partition("/")[2] for each in deployment.written}
    assert written == {"QueueMailer/Queue", "PipelineMailer/Release"}
    deployment.unprotect(changed.stack)
    gone = deployment.engine.delete(changed.stack)
    assert gone.status == "DELETE_COMPLETE", gone.reason
    assert not provider.services.call("scheduler", "ListSchedules", {})["Schedules"]
    assert provider.services.call("sqs", "ListQueues", {})["QueueUrls"], "messages may be in them"
