"""An OpenTelemetry collector in the tasks of releases."""

from __future__ import annotations

import json
from typing import Any

from cfngen import (
    App,
    CodeCommit,
    Container,
    LogRouter,
    Pipeline,
    ScheduledTask,
    Secret,
    SecretArn,
    Service,
    Telemetry,
    Worker,
    stage_files,
)
from cfngen.semantics.template import read_template

IMAGE = f"public.ecr.aws/aws-observability/aws-otel-collector@sha256:{'c' * 64}"
BESIDE = Telemetry(image=IMAGE, namespace="Shop")


def files(**options: Any) -> dict[str, str]:
    app = App(
        name="shop",
        services=(Service(name="web", **options),),
        workers=(Worker(name="mailer", telemetry=options.get("telemetry")),),
        scheduled_tasks=(ScheduledTask(name="report", schedule="rate(1 day)", telemetry=options.get("telemetry")),),
        pipeline=Pipeline(source=CodeCommit(create=True)),
    )
    return stage_files(app)


def containers(texts: dict[str, str], file: str) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(texts[file])["containerDefinitions"]}


def variables(container: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["environment"]}


def test_every_kind_of_task_has_a_collector_that_may_end() -> None:
    texts = files(telemetry=BESIDE)
    for name in ("web", "mailer", "report"):
        found = containers(texts, f"{name}/taskdef.json")
        collector = found["telemetry"]
        assert (collector["image"], collector["essential"], collector["memory"]) == (IMAGE, False, 128)
        assert variables(found[name]) | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
            "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,deployment.environment.name=dev",
            "OTEL_SERVICE_NAME": name,
        } == variables(found[name])
        told = json.loads(variables(collector)["AOT_CONFIG_CONTENT"])
        assert told["exporters"]["awsemf"]["namespace"] == "Shop"
        assert told["exporters"]["awsemf"]["log_group_name"] == "${STACK_LOG_GROUP}"
        for pipeline in told["service"]["pipelines"].values():
            for part in ("receivers", "processors", "exporters"):
                assert set(pipeline[part]) <= set(told[part])


def test_a_task_may_do_what_its_collector_does_and_only_then() -> None:
    def rights(texts: dict[str, str], name: str) -> list[Any]:
        role = read_template(texts[name]).section("Resources")["TaskRole"]["Properties"]
        return [each for policy in role.get("Policies", ()) for each in policy["PolicyDocument"]["Statement"]]

    seen, blind = files(telemetry=BESIDE), files()
    for name in ("service-web.yaml", "worker-mailer.yaml", "scheduled-report.yaml"):
        allowed = {action: each["Resource"] for each in rights(seen, name) for action in each["Action"]}
        assert allowed["xray:PutTraceSegments"] == ["*"]
        assert allowed["logs:PutLogEvents"] == [{"Fn::GetAtt": ["LogGroup", "Arn"]}]
        assert not rights(blind, name)
    assert not any("OTEL" in text or "xray" in text for text in blind.values())


def test_what_the_user_says_wins() -> None:
    texts = files(
        telemetry=BESIDE,
        environment={"OTEL_SERVICE_NAME": "shopfront"},
        containers=(Container(name="beside", command=("true",)),),
    )
    found = containers(texts, "web/taskdef.json")
    assert (
        variables(found["web"])["OTEL_SERVICE_NAME"] == variables(found["beside"])["OTEL_SERVICE_NAME"] == "shopfront"
    )


def test_the_revision_that_a_service_is_born_with_stays() -> None:
    def born(texts: dict[str, str]) -> Any:
        return read_template(texts["service-web.yaml"]).section("Resources")["BootstrapTaskDefinition"]

    assert born(files(telemetry=BESIDE)) == born(files())


def test_what_all_containers_print_goes_to_the_router_but_what_it_prints_itself() -> None:
    key = Secret(arn=SecretArn.parameter("LogsKeyArn"), key="key")
    router = LogRouter(image=IMAGE, output={"Name": "datadog", "Host": "${STACK_HOST}"}, secret_output={"apikey": key})
    texts = files(log_router=router, containers=(Container(name="beside", command=("true",)),))
    found = containers(texts, "web/taskdef.json")
    for name in ("web", "beside"):
        told = found[name]["logConfiguration"]
        assert told["logDriver"] == "awsfirelens"
        assert told["options"] == {"Name": "datadog", "Host": "${STACK_HOST}"}
        assert told["secretOptions"] == [
            {"name": "apikey", "valueFrom": "${STACK_CONTAINER_log_router_SECRET_apikey}:key::"}
        ]
    assert "${STACK_HOST}" not in texts["web/taskdef.json"], "what looks like a placeholder is the user's own text"
    itself = found["log-router"]
    assert (itself["essential"], itself["user"], itself["firelensConfiguration"]) == (True, "0", {"type": "fluentbit"})
    assert itself["logConfiguration"]["logDriver"] == "awslogs"
    stack = read_template(texts["service-web.yaml"]).section("Resources")
    rights = stack["ExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert [each["Resource"] for each in rights if each["Action"] == ["secretsmanager:GetSecretValue"]] == [
        [{"Ref": "LogsKeyArn"}]
    ]


def test_without_a_router_containers_print_to_the_log_group() -> None:
    assert "awsfirelens" not in files()["web/taskdef.json"]
