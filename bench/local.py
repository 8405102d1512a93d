"""What the local AWS costs: seconds to create, change and delete an application in it by the real AWS command line.

    python bench/local.py [SERVICES ...]

Seconds are of the clock, from the command to its end, without packaging; MiB are the target's peak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (2, 10, 45)
_DESCRIPTION = """\
from cfngen import App, Balancer, CodeCommit, Database, Pipeline, Scaling, Service

names = [f"svc{{number}}" for number in range({services})]
app = App(
    name="bench",
    services=tuple(
        Service(name=name, paths=(f"/{{name}}/*",), health_path=f"/{{name}}/health", scaling=Scaling(maximum={maximum}))
        for name in names
    ),
    database=Database(writers=tuple(names), protected=False),
    balancer=Balancer(https=False, access_logs=False, deletion_protection=False),
    pipeline=Pipeline(source=CodeCommit(create=True), test_command="npm test"),
)
"""
_CFNGEN, _AWS = (sys.executable, "-m", "cfngen"), (sys.executable, "-m", "awscli", "--output", "json")


def main() -> None:
    """Measure and print a table."""
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    print(f"{'services':>8} {'create s':>9} {'change s':>9} {'delete s':>9} {'MiB':>6}")
    for services in sizes:
        print(_row(services), flush=True)


def _row(services: int) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder, environment = Path(name), os.environ | {"XDG_RUNTIME_DIR": name}
        running = json.loads(_run(environment, *_CFNGEN, "local", "up", "--format", "json"))
        environment |= running["environment"]
        try:
            _run(environment, *_AWS, "s3", "mb", "s3://templates")
            words = ("--stack-name", "bench", "--s3-bucket", "templates", "--capabilities", "CAPABILITY_IAM")
            given = ("--parameter-overrides", "TestCidr=203.0.113.0/24")
            took = []
            for maximum in (4, 5):
                packaged = _packaged(environment, folder, services, maximum)
                deploy = ("cloudformation", "deploy", "--template-file", packaged, *words, *given)
                took.append(_seconds(environment, *_AWS, *deploy))
            took.append(_seconds(environment, *_AWS, "cloudformation", "delete-stack", "--stack-name", "bench"))
            peak = _peak(running["pid"])
        finally:
            _run(environment, *_CFNGEN, "local", "down")
    return f"{services:>8} {took[0]:>9.1f} {took[1]:>9.1f} {took[2]:>9.1f} {peak:>6}"


def _packaged(environment: dict[str, str], folder: Path, services: int, maximum: int) -> str:
    (folder / "app.py").write_text(_DESCRIPTION.format(services=services, maximum=maximum), encoding="utf-8")
    _run(environment, *_CFNGEN, "generate", str(folder / "app.py"), "--out", str(folder / "out"))
    packaged, root = str(folder / "packaged.yaml"), str(folder / "out/bench/dev/bench.yaml")
    given = ("--template-file", root, "--s3-bucket", "templates", "--output-template-file", packaged)
    _run(environment, *_AWS, "cloudformation", "package", *given)
    return packaged


def _seconds(environment: dict[str, str], *command: str) -> float:
    began = time.monotonic()
    _run(environment, *command)
    return time.monotonic() - began


def _peak(pid: int) -> str:
    """Where the system tells it."""
    file = Path(f"/proc/{pid}/status")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((str(int(line.split()[1]) // 1024) for line in lines if line.startswith("VmHWM")), "-")


def _run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(  # noqa: S603  (our own commands)
        command, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
