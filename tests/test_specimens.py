"""The simulator can fail: each well-known mistake is caught, and what is right is not.

Every specimen is a template that somebody could have written. `hurts` names the invariants that catch it, in at least
one of the readings of what AWS leaves open; a system must be right in all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from specimens import Body, Mistake, by_hand, edited, files, forward, hurts, lived, properties, rule, watched_in_blue

from cfngen import App, Balancer, Ledger, Redirect, Service, stage_files
from cfngen.request import Request
from cfngen.simulate.behaviour import Readings, every_reading, one_at_a_time
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import parameters, requests, standard, update
from cfngen.simulate.simulation import Simulation

TEMPLATES = Path(__file__).parent.parent / "templates" / "coffee"


def test_a_template_that_is_right_hurts_in_no_reading() -> None:
    for readings in every_reading():
        assert standard(files(by_hand()), None, readings).hurts == [], readings


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_coffee_hurts_in_no_reading(stage: str) -> None:
    coffee = Files.of(TEMPLATES / stage)
    for readings in every_reading() if "CFNGEN_HISTORIES" in os.environ else one_at_a_time():
        assert standard(coffee, None, readings).hurts == [], readings


def _on_the_default(body: Body) -> None:
    """Web on the listener's default action, as the tutorials have it."""
    for name in ("Production", "Test"):
        properties(body, name)["DefaultActions"] = forward(100, 0, "Web")
    for name in ("WebRule", "WebTestRule"):
        del body["Resources"][name]
    body["Resources"]["WebService"]["DependsOn"] = ["Production", "Test"]


def test_a_service_on_the_default_action_moves_when_the_listener_is_edited() -> None:
    certificate = edited("Production", SslPolicy="new")
    assert lived(_on_the_default, then=[certificate]) >= {"T1", "T2"}
    assert lived(_on_the_default) == set()
    assert lived(then=[certificate]) == set()


def test_a_rule_that_is_edited_goes_back_to_blue() -> None:
    more = edited("AdminRule", Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/admin*"]}}])
    assert lived(then=[more]) >= {"T1", "T2", "T4", "T5"}


def test_a_weight_that_a_parameter_of_the_stack_says_is_what_the_stack_declares() -> None:
    """Whoever writes that parameter after a release, the stack still says blue, and an edit of the rule writes it."""

    def by_parameters(body: Body) -> None:
        for name, value in (("Live", "100"), ("Idle", "0")):
            body["Resources"][name] = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
        weights = ({"Fn::GetAtt": [name, "Value"]} for name in ("Live", "Idle"))
        properties(body, "AdminRule")["Actions"] = forward(*weights, "Admin")

    assert lived(by_parameters) == set()
    assert lived(by_parameters, then=[edited("AdminRule", Priority=99)]) >= {"T1", "T2"}


def test_a_rule_of_another_priority_goes_back_to_blue() -> None:
    assert lived(then=[edited("AdminRule", Priority=99)]) >= {"T1", "T2"}


def _replaced(priority: int, blue: int = 100, green: int = 0) -> Mistake:
    """Admin's rule under a new logical id, as cfngen replaces rules."""

    def mistake(body: Body) -> None:
        del body["Resources"]["AdminRule"]
        body["Resources"]["AdminRule2"] = rule(
            "Production", priority, ["/admin", "/admin/*", "/staff"], "Admin", blue, green
        )
        body["Resources"]["AdminService"]["DependsOn"] = ["AdminRule2", "AdminTestRule"]

    return mistake


def test_a_replacing_rule_needs_a_priority_of_its_own() -> None:
    assert "T7" in lived(then=[_replaced(100)])


def test_a_replacing_rule_starts_with_the_colour_that_serves() -> None:
    assert lived(then=[_replaced(101, 0, 100)]) == set()
    assert lived(then=[_replaced(101, 100, 0)]) >= {"T4", "T5"}
    assert lived(then=[_replaced(99, 100, 0)]) >= {"T1", "T2"}


def test_a_target_group_that_is_changed_is_replaced_by_an_empty_one() -> None:
    assert lived(then=[edited("AdminBlue", Port=9090), edited("AdminGreen", Port=9090)]) & {"T2", "T5", "T7"}


def test_a_living_task_definition_ends_in_a_failed_rollback() -> None:
    larger = edited("AdminTask", Cpu="512")
    seen = [standard(files(by_hand()), None, then=files(by_hand(), larger))]
    assert "T7" in hurts(seen)
    assert any("UPDATE_ROLLBACK_FAILED" in row.what for row in seen[0].story.rows)


def test_a_service_cannot_be_updated_after_a_release() -> None:
    """Not even with a field that ECS takes, because CloudFormation sends the others too (A3.3)."""
    assert "T7" in lived(then=[edited("AdminService", HealthCheckGracePeriodSeconds=90)])


def test_two_rules_of_a_service_must_agree() -> None:
    def mistake(body: Body) -> None:
        body["Resources"]["AdminRule2"] = rule("Production", 101, ["/staff"], "Admin", 0, 100)
        body["Resources"]["AdminService"]["DependsOn"].append("AdminRule2")

    assert "T5" in lived(mistake)


def _pair(body: Body, name: str) -> list[Body]:
    info = properties(body, f"{name}Deployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    return info["TargetGroups"]  # type: ignore[no-any-return]


def test_the_groups_of_a_pair_stand_in_order() -> None:
    assert "T5" in lived(lambda body: _pair(body, "Admin").reverse())


def test_groups_of_two_services_are_not_swapped() -> None:
    def mistake(body: Body) -> None:
        admin, web = _pair(body, "Admin"), _pair(body, "Web")
        admin[:], web[:] = web[:], admin[:]

    assert "T5" in lived(mistake)


def _terminate(minutes: int) -> Callable[[Body], None]:
    def mistake(body: Body) -> None:
        told = properties(body, "AdminDeployment")["BlueGreenDeploymentConfiguration"]
        told["TerminateBlueInstancesOnDeploymentSuccess"]["TerminationWaitTimeInMinutes"] = minutes

    return mistake


def test_blue_stays_until_its_last_requests_are_drained() -> None:
    assert "T9" in lived(_terminate(0))
    assert lived(_terminate(1)) == set()


def test_scaling_on_one_groups_requests_is_blind_after_a_release() -> None:
    def mistake(body: Body) -> None:
        label = {"Fn::Sub": "app/${Balancer}/${AdminBlue.TargetGroupFullName}"}
        body["Resources"]["AdminScaling"] = {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "ScalingTargetId": {"Ref": "AdminTarget"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "ALBRequestCountPerTarget",
                        "ResourceLabel": label,
                    }
                },
            },
        }

    assert "T10" in lived(mistake)


def test_an_alarm_on_one_group_is_blind_after_a_release() -> None:
    assert "T10" in lived(watched_in_blue)


def test_an_image_by_a_tag_that_moves_is_another_image_later() -> None:
    def mistake(body: Body) -> None:
        properties(body, "AdminTask")["ContainerDefinitions"][0]["Image"] = "repository:latest"

    assert "T11" in lived(mistake)


def test_a_further_rule_on_the_old_group_is_left_behind_by_a_release() -> None:
    """On a listener of its own, which CodeDeploy does not know."""

    def mistake(body: Body) -> None:
        body["Resources"]["Partners"] = {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {**properties(body, "Production"), "Port": 8443},
        }
        further = rule("Partners", 1, ["/*"], "Admin")
        further["Properties"]["Actions"] = [{"Type": "forward", "TargetGroupArn": {"Ref": "AdminBlue"}}]
        body["Resources"]["PartnerRule"] = further

    assert lived(mistake) >= {"T1", "T4"}


def test_a_service_waits_for_its_rules() -> None:
    """Without the dependency a service may be made first, in one of the orders that CloudFormation may choose."""

    def mistake(body: Body) -> None:
        del body["Resources"]["AdminService"]["DependsOn"]

    assert "T7" in lived(mistake)


def test_if_every_update_wrote_unchanged_rules_no_template_could_be_right() -> None:
    """Q14: aws-cdk#36649 claims it, CloudFormation's own model does not have it. Played here, not survived."""
    simulation = Simulation(rewritten=frozenset({"AWS::ElasticLoadBalancingV2::ListenerRule"}))
    coffee = Files.of(TEMPLATES / "dev")
    simulation.deploy(coffee, {}, {})
    simulation.settle(simulation.look_around([Request("/"), Request("/admin")]))
    simulation.finish(simulation.release("customer", coffee))
    simulation.deploy(coffee, {})
    assert {each.invariant for each in simulation.hurts} >= {"T1", "T2"}


def test_if_a_shift_wrote_one_rule_of_a_service_two_could_not_be_released() -> None:
    """Q1: people have seen that all are written. Played here, not survived by a service that needs two."""

    def two(body: Body) -> None:
        for name, listener in (("AdminRule2", "Production"), ("AdminTestRule2", "Test")):
            body["Resources"][name] = rule(listener, 101, ["/staff"], "Admin")
            body["Resources"]["AdminService"]["DependsOn"].append(name)

    one = Readings(moved_rules="one")
    assert lived(readings=[one]) == set()
    assert lived(two) == set()
    assert lived(two, readings=[one]) >= {"T1", "T4", "T5"}


WEB = Service(name="web")
ADMIN = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
HIDDEN = Service(name="admin", paths=("/admin/health",), health_path="/admin/health")
REPORTS = Service(name="reports", paths=("/reports/*",), health_path="/reports/health")


def shop(*services: Service, https: bool = False) -> App:
    return App(name="shop", services=services, balancer=Balancer(https=https))


def told(before: App, after: App) -> set[str]:
    """What an update of generated templates does to requests, as `cfngen simulate --update` tells it."""
    old = stage_files(before)
    new = stage_files(after, Ledger.read(old["ledger.json"]))
    return {f"{each.invariant} {each.seen}" for each in update(Files(old), Files(new)).hurts}


def test_what_a_new_service_takes_from_another_is_told() -> None:
    """Its stand-in answers until its first release."""
    found = told(shop(WEB), shop(WEB, REPORTS))
    assert found
    assert all(each.startswith("T2 /reports") for each in found)


def test_a_service_that_goes_leaves_its_paths_to_nobody_for_a_moment() -> None:
    assert "T2 /admin of admin gets 503 100%" in told(shop(WEB, ADMIN), shop(WEB))
    given_away = told(shop(WEB, ADMIN), shop(WEB, HIDDEN))
    assert given_away
    assert not any("503" in each for each in given_away)
    assert {each.split()[1] for each in told(shop(WEB, HIDDEN), shop(WEB))} == {"/admin/health"}


def test_who_gets_a_page_of_maintenance_or_is_sent_on_is_told() -> None:
    assert told(shop(WEB, ADMIN), shop(WEB, replace(ADMIN, maintenance="Back at six."))) == {
        f"T2 {path} of admin gets fixed-response 100%" for path in ("/admin", "/admin/", "/admin/x")
    }
    sending = Balancer(https=False, redirects=(Redirect(paths=("/old",), to_path="/new"),))
    assert told(shop(WEB), replace(shop(WEB), balancer=sending)) == {"T2 /old of web gets redirect 100%"}


def test_https_is_added_without_a_request_that_strays_and_not_so_switched_off() -> None:
    assert told(shop(WEB, ADMIN), shop(WEB, ADMIN, https=True)) == set()
    assert any(
        "404" in each or "fixed-response" in each for each in told(shop(WEB, ADMIN, https=True), shop(WEB, ADMIN))
    )


def test_scaling_in_the_middle_of_a_canary_moves_nobody() -> None:
    simulation = Simulation()
    system = files(by_hand())
    simulation.deploy(system, parameters(system, {}), {})
    simulation.settle(simulation.look_around(requests(simulation.world)))
    deployment = simulation.release("web")
    while deployment.next_step != "AllowTraffic 100":
        simulation.step(deployment)
    for tasks in (3, 1, 4):
        simulation.scale("web", tasks)
    simulation.finish(deployment)
    assert simulation.hurts == []
