"""The rehearsal builds what workers and scheduled tasks run, and says that it does not release them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cfngen.rehearse.pipeline import Execution


def test_the_release_of_a_worker_is_told_as_not_played(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "release.json").write_text(json.dumps({"Mailer": {}, "Sweep": {}}), encoding="utf-8")
    execution: Any = SimpleNamespace(
        artifacts={"Defs": tmp_path},
        name="shop-dev-mailer",
        runner=SimpleNamespace(story=SimpleNamespace(not_played=told.append)),
    )
    action = {"inputArtifacts": [{"name": "Defs"}]}
    settings = {"StateMachineArn": "arn", "InputType": "FilePath", "Input": "release.json"}
    assert Execution.invoke(execution, action, settings) == "Mailer, Sweep: not played"
    assert told == ["workers and scheduled tasks: shop-dev-mailer builds Mailer, Sweep, and releases nothing"]
