"""Asks the next version one question on the test listener, until it answers right, and tells CodeDeploy how it went."""

import http.client
import os
import socket
import ssl
import time
from collections.abc import Mapping

import boto3

PAUSE_SECONDS = 3


def ask(say: Mapping[str, str]) -> str:
    """One request; returns what is wrong with its answer, nothing when it is right."""
    # The balancer's own address is called; the name is asked for there, and its certificate is checked.
    name = say["HOST"] or say["ADDRESS"]
    connection = http.client.HTTPConnection(name, int(say["PORT"]))
    try:
        connection.sock = socket.create_connection((say["ADDRESS"], int(say["PORT"])), timeout=10)
        if say["SCHEME"] == "https":
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=name)
        connection.request("GET", say["ASKED_PATH"], headers={"User-Agent": "smoke-test"})
        answer = connection.getresponse()
        body = answer.read(1 << 20).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error!r}"
    finally:
        connection.close()
    if answer.status != int(say["STATUS"]):
        return f"status {answer.status}, not {say['STATUS']}"
    return "" if say["CONTAINS"] in body else f"no {say['CONTAINS']!r} in the body"


def handler(event: Mapping[str, str], context: object) -> None:
    """What CodeDeploy calls, with the ids of the deployment and of this call; silence would take an hour to be heard."""
    say, wrong = os.environ, "it was never asked"
    try:
        until = time.monotonic() + int(say["SECONDS"])
        while (wrong := ask(say)) and time.monotonic() < until:
            print(f"GET {say['ASKED_PATH']}: {wrong}; once more")
            time.sleep(PAUSE_SECONDS)
    finally:
        print(f"GET {say['ASKED_PATH']}: {wrong or 'right'}")
        boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status="Failed" if wrong else "Succeeded",
        )
