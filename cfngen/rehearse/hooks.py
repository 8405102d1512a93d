"""Hooks of an AppSpec: the deployed function's own code, run as a program of this machine.

The function gets the event that CodeDeploy gives, and says through the account's API how it ended; nobody says it for it.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cfngen.rehearse import deployed
from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.relay import relay
from cfngen.rehearse.room import BUSY, Room, environment, stop
from cfngen.rehearse.ways import Seat

_PYTHON = """\
import importlib, json, sys
sys.path.insert(0, ".")
module, _, name = sys.argv[1].rpartition(".")
answer = getattr(importlib.import_module(module.replace("/", ".")), name)(json.loads(sys.argv[2]), None)
print("the function returns nothing" if answer is None else json.dumps(answer, default=str))
"""
_NODE = """\
const [file, name] = process.argv[1].split(".");
import(`${process.cwd()}/${file}.js`).then((module) => (module[name] ?? module.default[name])(JSON.parse(process.argv[2]), {}))
  .then((answer) => console.log(answer == null ? "the function returns nothing" : JSON.stringify(answer)), (error) => { console.error(error); process.exit(1); });
"""
_KEPT = ("PATH", "LANG", "TZ", "HOME")


def run(
    room: Room, account: Account, function: str, event: Mapping[str, str], seats: Iterable[Seat], authority: Path
) -> str:
    """Run a deployed function to its end; returns what it said, also when it failed, as CodeDeploy only hears the API.

    `seats` are where the balancers are played, `authority` who signed their certificate.

    Raises `RehearsalError` for a function that is not there, or of a runtime that is not played.
    """
    lambdas = account.client("lambda")
    try:
        told = lambdas.get_function_configuration(FunctionName=function)
    except lambdas.exceptions.ResourceNotFoundException:
        raise RehearsalError(f"the hook {function} is no function that is deployed") from None
    runtime, handler = str(told.get("Runtime", "")), str(told["Handler"])
    if runtime.startswith("python"):
        words = [sys.executable, "-c", _PYTHON, handler]
    elif runtime.startswith("nodejs"):
        words = [where("node"), "--eval", _NODE, "--", handler]
    else:
        raise RehearsalError(f"the hook {function} is written for {runtime or 'an image'}, which is not played")
    folder = room.path(f"hooks/{event['LifecycleEventHookExecutionId']}")
    code = base64.b64decode(account.play("lambda", "Code", function=told["FunctionName"])["zip"])
    zipfile.ZipFile(io.BytesIO(code)).extractall(folder)
    with ExitStack() as opened:
        way = {each.name: opened.enter_context(_way(account, told, each)) for each in seats}
        values = {key: value for key, value in environment().items() if key in _KEPT}
        values |= account.environment | {"AWS_REGION": account.region, "AWS_LAMBDA_FUNCTION_NAME": told["FunctionName"]}
        values |= _variables(told, way, authority)
        said = _end(words, event, folder, values, int(told.get("Timeout", 3)))
    with room.log(f"hook-{told['FunctionName']}").open("a", encoding="utf-8") as out:
        out.write(said)
    return said


def _end(words: Sequence[str], event: Mapping[str, str], folder: Path, values: Mapping[str, str], seconds: int) -> str:
    process = subprocess.Popen(  # noqa: S603  (the function's code, as its user deployed it)
        [*words, json.dumps(event)], cwd=folder, env=values, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    BUSY.add(process)
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return f"{process.communicate()[0]}\nTask timed out after {seconds} seconds"
    finally:
        BUSY.discard(process)
        stop(process)


@contextmanager
def _way(account: Account, told: Any, seat: Seat) -> Iterator[str]:
    """Where the function finds a balancer: one in the network comes there by the address of a NAT gateway, to an internal one by its group."""
    is_inside = bool(told.get("VpcConfig", {}).get("SubnetIds"))
    gateways = account.client("ec2").describe_nat_gateways()["NatGateways"] if is_inside else []
    sources = [each["PublicIp"] for gateway in gateways for each in gateway["NatGatewayAddresses"]]
    client = seat.caller or next(iter(sources), "")
    arns = [each["LoadBalancerArn"] for each in _balancers(account) if each["DNSName"] == seat.name]
    ports = sorted({each.port for each in deployed.listeners(account) if each.balancer in arns})
    if not is_inside or not client or not ports:
        yield seat.address
        return
    with relay(seat.address, ports, client) as address:
        yield address


def _balancers(account: Account) -> list[dict[str, Any]]:
    return list(account.all("elbv2", "describe_load_balancers", "LoadBalancers"))


def _variables(told: Any, ways: Mapping[str, str], authority: Path) -> dict[str, str]:
    """The function's own, but that in place of a balancer's name, which nobody resolves here, stands the way to it."""
    own: dict[str, str] = dict(told.get("Environment", {}).get("Variables", {}))
    if ways.keys().isdisjoint(own.values()):
        return own
    return {"SSL_CERT_FILE": str(authority)} | {key: ways.get(value, value) for key, value in own.items()}
