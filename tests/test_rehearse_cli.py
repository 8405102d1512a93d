"""The command `cfngen rehearse`, as far as it goes without containers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def rehearse(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cfngen", "rehearse", *words],
        cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_missing_programs_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    done = rehearse("services/coffee.py", PATH=str(tmp_path))
    assert done.returncode == 3
    assert "docker: not installed; the command line that a buildspec calls" in done.stderr
    assert "apt-get install --no-install-recommends" in done.stderr
    assert not done.stdout


def test_a_node_that_is_too_old_is_told_with_the_way_to_a_newer_one(tmp_path: Path) -> None:
    (tmp_path / "node").write_text("#!/bin/sh\necho v18.20.4\n", encoding="utf-8")
    (tmp_path / "node").chmod(0o755)
    done = rehearse("services/coffee.py", PATH=str(tmp_path))
    assert done.returncode == 3
    assert "node: version 18, and builds and hooks want 20 or newer; as in: " in done.stderr


def test_make_is_told_the_packages_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    words = [sys.executable, "-m", "cfngen.rehearse.parts"]

    def missing(path: str) -> set[str]:
        environment = os.environ | {"PATH": path}
        return set(
            subprocess.run(
                words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
            ).stdout.split()
        )

    none, one = missing(""), missing(str(tmp_path))
    assert none >= {"git", "chromium", "podman"}
    assert none - one == {name for name in none if name.startswith("docker") and name != "docker-registry"} != set()


def test_a_stage_that_was_not_generated_is_told(tmp_path: Path) -> None:
    done = rehearse("services/coffee.py", "--stage", "prod", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "run: cfngen generate services/coffee.py" in done.stderr


def test_help_tells_what_it_takes() -> None:
    done = rehearse("--help")
    assert done.returncode == 0
    for option in (
        "--stage",
        "--only",
        "--engine",
        "--keep",
        "--load",
        "--out",
        "--logs",
        "--speed",
        "--region",
        "--parameter",
        "--format",
    ):
        assert option in done.stdout


def test_what_cannot_be_kept_is_told() -> None:
    done = rehearse("services/coffee.py", "--only", "build", "--keep")
    assert done.returncode == 2
    assert "--keep: with --only build nothing runs that could be kept" in done.stderr


def test_an_unknown_act_is_told_with_those_that_there_are() -> None:
    done = rehearse("services/coffee.py", "--only", "dance")
    assert done.returncode == 2
    assert "'build', 'deploy', 'run', 'release', 'look'" in done.stderr


def test_a_parameter_is_a_key_with_a_value() -> None:
    done = rehearse("services/coffee.py", "--parameter", "Key")
    assert done.returncode == 2
    assert "--parameter: 'Key'; KEY=VALUE" in done.stderr
