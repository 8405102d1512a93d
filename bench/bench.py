"""What `cfngen generate` costs: CPU seconds and peak memory of the whole process, for 2, 10, 50 and 200 services.

    python bench/bench.py [SERVICES ...] [--floor FOLDER] [--rounds N]

FOLDER holds a program floor.py that writes a comparable tree with bare troposphere (``floor.py OUT --services N``).
Commands run in turn, since one machine's speed changes from minute to minute; a ratio is the median of the
ratios round by round. Each runs once before it is measured, so that Python has compiled both programs, as it has
what pip installs: the byte code goes to a folder of the measurement's own, whatever the environment says of it.
Both write into new folders, since a system takes longer for a new file than for one that is written again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

SIZES = (2, 10, 50, 200)
_DESCRIPTION = """\
from cfngen import App, Balancer, CodeCommit, Database, Pipeline, Service

names = [f"svc{{number}}" for number in range({services})]
app = App(
    name="bench",
    services=tuple(Service(name=name, hosts=(f"{{name}}.example.com",), health_path=f"/{{name}}/health") for name in names),
    database=Database(writers=tuple(names)),
    balancer=Balancer(https=False),
    pipeline=Pipeline(source=CodeCommit(create=True), test_command="npm test"),
)
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", type=int, nargs="*", default=SIZES)
    parser.add_argument("--floor", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'services':>8} {'CPU s':>8} {'MiB':>6} {'again, CPU s':>13} {'ratio to the floor':>19}")
    for services in options.services:
        print(_row(services, options.rounds, options.floor), flush=True)


def _row(services: int, rounds: int, floor: Path | None) -> str:
    fresh, again, ratios, peak = [], [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        description = Path(folder, "app.py")
        description.write_text(_DESCRIPTION.format(services=services), encoding="utf-8")
        for number in range(-1, rounds):
            command = [sys.executable, "-m", "cfngen", "generate", str(description), "--out", f"{folder}/{number}"]
            cpu, memory = _run(command, folder, folder)
            fresh.append(cpu)
            second, more = _run(command, folder, folder)
            peak = max(peak, memory, more) if number >= 0 else 0.0
            again.append(second)
            if floor:
                bare = [
                    sys.executable,
                    "-c",
                    "import floor, sys; floor.main(sys.argv[1], int(sys.argv[2]))",
                    f"{folder}/floor{number}",
                    str(services),
                ]
                ratios.append(cpu / _run(bare, str(floor), folder)[0])
    fresh, again, ratios = fresh[1:], again[1:], ratios[1:]
    ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
    return f"{services:>8} {statistics.median(fresh):>8.3f} {peak:>6.0f} {statistics.median(again):>13.3f} {ratio:>19}"


def _run(command: list[str], folder: str, compiled: str) -> tuple[float, float]:
    """CPU seconds and peak MiB of one process in a folder; its byte code goes below `compiled`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.execve(
            command[0], command, environment | {"PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": f"{compiled}/compiled"}
        )
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
