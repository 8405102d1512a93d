"""What an update takes from users though every rule is right: the address by which they come, or all tasks."""

from __future__ import annotations

import pytest
from specimens import Body, Mistake, by_hand, edited, files, listener, properties, told

from cfngen import App, Balancer, Ledger, Service, stage_files
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import standard, update
from cfngen.simulate.simulation import Simulation


def _updated(*mistakes: Mistake, releases: int = 1) -> Simulation:
    return update(files(by_hand()), files(by_hand(), *mistakes), releases=releases)


def _other_id(port: int) -> Mistake:
    """The production listener has another logical id."""

    def mistake(body: Body) -> None:
        text = body["Resources"]
        del text["Production"]
        text["Users"] = listener(port)
        for name in ("Web", "Admin"):
            properties(body, f"{name}Rule")["ListenerArn"] = {"Ref": "Users"}
            pair = properties(body, f"{name}Deployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
            pair["ProdTrafficRoute"] = {"ListenerArns": [{"Ref": "Users"}]}

    return mistake


@pytest.mark.parametrize(
    "mistake",
    [edited("Production", Port=8000), edited("Production", Protocol="HTTPS"), _other_id(8000)],
    ids=["port", "protocol", "other listener"],
)
def test_users_keep_the_address_that_they_know(mistake: Mistake) -> None:
    found = told([_updated(mistake)])
    assert any(
        each.startswith("T2 users of admin, web come by HTTP on port 80 of ")
        and each.endswith(", which is not there any more")
        for each in found
    ), found


def test_another_listener_on_the_same_port_is_refused() -> None:
    """CloudFormation makes the new one before the old one goes."""
    assert any("T7" in each and "already exists on this port" in each for each in told([_updated(_other_id(80))]))


def test_an_address_where_nobody_was_answered_may_go() -> None:
    def more(body: Body) -> None:
        body["Resources"]["Unused"] = listener(9000)

    assert told([update(files(by_hand(), more), files(by_hand()))]) == set()


def test_https_that_is_switched_on_leaves_users_their_port() -> None:
    """Port 80 stays, and leads to HTTPS."""
    shop = App(name="shop", services=(Service(name="web"),), balancer=Balancer(https=False))
    old = stage_files(shop)
    new = stage_files(App(name="shop", services=shop.services), Ledger.read(old["ledger.json"]))
    assert told([update(Files(old), Files(new))]) == set()
    lost = told([update(Files(new), Files(stage_files(shop, Ledger.read(new["ledger.json"]))))])
    assert any("come by HTTPS on port 443 of " in each for each in lost), lost


@pytest.mark.parametrize("releases", [0, 1])
def test_an_update_takes_no_service_all_its_tasks(releases: int) -> None:
    found = told([_updated(edited("AdminTarget", MinCapacity=0, MaxCapacity=0), releases=releases)])
    assert any(each.startswith("T1 ") and each.endswith("where no task of admin runs") for each in found), found
    assert any(each.startswith("T2 /admin of admin gets ") for each in found), found
    assert not any("web" in each for each in found), found


def test_a_desired_count_of_nothing_is_taken_before_the_first_release_only() -> None:
    """Later ECS refuses the update (A3.3)."""

    def unlimited(body: Body) -> None:
        del body["Resources"]["AdminTarget"]

    old, new = files(by_hand(), unlimited), files(by_hand(), unlimited, edited("AdminService", DesiredCount=0))
    found = told([update(old, new, releases=0)])
    assert any(each.startswith("T1 ") and each.endswith("where no task of admin runs") for each in found), found
    assert any(each.startswith("T7 ") for each in told([update(old, new)]))


def test_a_service_without_tasks_from_the_beginning_is_nobodys_loss() -> None:
    """It is told by nothing but its own rules: nobody has ever been answered."""

    def asleep(body: Body) -> None:
        properties(body, "AdminService")["DesiredCount"] = 0
        del body["Resources"]["AdminTarget"]

    assert told([standard(files(by_hand(), asleep))]) == set()


def test_what_somebody_scales_to_nothing_is_wanted() -> None:
    def sleeps(body: Body) -> None:
        properties(body, "AdminTarget")["MinCapacity"] = 0

    simulation = update(files(by_hand(), sleeps), files(by_hand(), sleeps))
    simulation.scale("admin", 0)
    assert told([simulation]) == set()
    assert simulation.service("admin").live.running == 0
