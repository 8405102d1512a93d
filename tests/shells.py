"""What a shell has from which somebody deploys, and a local AWS that remembers nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cfngen.local.target import Target, take_process

REGION = "eu-west-1"


def as_in_a_shell(monkeypatch: pytest.MonkeyPatch, folder: Path, **more: str) -> None:
    """Credentials that nobody asks for, a region and a bucket, and nothing of the user's own; in a folder."""
    given = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CFNGEN_BUCKET": "templates",
        **more,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.chdir(folder)


def by_hand(text: str) -> str:
    """Printed commands in a shell that has the AWS command line, and what they say."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euc", text],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def fresh(url: str) -> Target:
    """A target in which nothing is: moto's records are of the process, and other tests may have left some."""
    take_process()
    made = Target(url, REGION)
    reset(made)
    return made


def reset(target: Target) -> None:
    """Forget all that was made."""
    from moto.iam.models import iam_backends
    from werkzeug.test import Client

    iam_backends.clear()  # moto makes anew what it then forgets, here more than a thousand managed policies
    assert Client(target.others).post("/moto-api/reset").status_code == 200
