"""`cfngen check`: the object of a source in a bucket, broken in each place that names it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from breaking import (
    PIPELINE,
    ROOT,
    SOURCE,
    Edit,
    Files,
    assert_well_told,
    drop,
    found,
    properties,
    put,
    swap,
)

from cfngen import S3, PromotionTarget, load, stage_files

OBJECT = "coffee/dev/employee.zip"
HEARD = properties("Upload", "EventPattern", "detail")
MUTANTS: dict[str, tuple[Edit, str]] = {
    "source, object": (put(PIPELINE, *SOURCE, "Configuration", "S3ObjectKey", "coffee/prod/employee.zip"), OBJECT),
    "source, bucket": (put(PIPELINE, *SOURCE, "Configuration", "S3Bucket", "another"), "hears of the bucket"),
    "rule, object": (put(PIPELINE, *HEARD, "object", "key", ["coffee/dev/customer.zip"]), OBJECT),
    "rule, every object": (drop(PIPELINE, *HEARD, "object"), "hears of the object nothing"),
    "rule, bucket": (put(PIPELINE, *HEARD, "bucket", "name", ["another"]), "hears of the bucket 'another'"),
    "rule, another pipeline": (
        put(PIPELINE, *properties("Upload", "Targets", 0, "Arn", "Fn::Sub", lambda text: f"{text}x")),
        "starts 'coffee-dev-employeex'; the pipeline beside it is 'coffee-dev-employee'",
    ),
    "no rule": (drop(PIPELINE, "Resources", "Upload"), "no rule of EventBridge starts the pipeline"),
    "role": (swap(PIPELINE, f"${{Bucket}}/{OBJECT}", "${Bucket}/coffee/dev/customer.zip"), f"may read '{OBJECT}'"),
}


@cache
def uploaded() -> Files:
    dev = load.select(load.load(ROOT / "services" / "coffee.py"), "dev")[0]
    assert dev.pipeline
    return stage_files(replace(dev, pipeline=replace(dev.pipeline, source=S3(create=True))))


def test_an_object_for_another_stage_that_no_role_may_write_is_found(tmp_path: Path) -> None:
    dev = load.select(load.load(ROOT / "services" / "coffee.py"), "dev")[0]
    assert dev.pipeline
    files = stage_files(replace(dev, pipeline=replace(dev.pipeline, promotes_to=PromotionTarget(stage="prod"))))
    assert [each.check for each in found(tmp_path / "whole", files)] == ["C402"]
    swap(PIPELINE, "${Bucket}/coffee/prod/employee.zip", "${Bucket}/coffee/prod/customer.zip")(files)
    told = [each for each in found(tmp_path / "broken", files) if each.check == "C313"]
    assert [each.message for each in told] == ["no role of the pipeline may write 'coffee/prod/employee.zip'"]


@pytest.mark.parametrize("name", MUTANTS)
def test_an_object_that_is_broken_in_one_place_is_found(name: str, tmp_path: Path) -> None:
    edit, message = MUTANTS[name]
    files = dict(uploaded())
    edit(files)
    told = [each for each in found(tmp_path, files) if each.check == "C313"]
    assert any(message in each.message for each in told)
    assert_well_told(told, "C313", tmp_path)


def test_a_source_in_a_bucket_has_no_finding_and_one_that_polls_needs_no_rule(tmp_path: Path) -> None:
    files = dict(uploaded())
    assert [each.check for each in found(tmp_path / "whole", files)] == ["C402"]
    drop(PIPELINE, "Resources", "Upload")(files)
    put(PIPELINE, *SOURCE, "Configuration", "PollForSourceChanges", "true")(files)
    assert not [each for each in found(tmp_path / "polls", files) if each.check == "C313"]
