"""What the Makefile installs, and where it stops; by stand-ins for the programs that it starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APT = """\
mkdir busy || exit 100
echo "$@" >> told
/bin/sleep 0.2
/bin/rmdir busy
"""
FLOCK = """\
[ "$1 $2" = "--close /var/lib/dpkg" ] || exit 100
shift 2
exec {flock} --close . "$@"
"""
"""The real one, but on a folder of the test's own."""


class Made:
    """A folder with the Makefile, in which root makes targets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "Makefile", folder)
        for name in ("apt-get", "openssl", "npm", "mariadbd", "psql"):
            self.program(f"programs/{name}", APT if name == "apt-get" else "")
        self.program("programs/id", "echo 0")
        self.program("programs/flock", FLOCK.format(flock=real("flock")))
        for program in ("mkdir", "sh"):
            (folder / "programs" / program).symlink_to(real(program))
        for name in ("python", "cfngen"):
            self.program(f".venv/bin/{name}", "echo part")
        self.program(".venv/bin/pytest", 'echo "pytest $@" >> told')
        for name in ("setup.cfg", "pyproject.toml", ".venv/generator", ".venv/developer"):
            (folder / name).touch()

    def program(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(0o755)

    def __call__(self, *words: str) -> tuple[int, str, list[str]]:
        """The status, what was said, and what was installed and tested."""
        done = subprocess.run(
            [real("make"), *words, "--old-file=.venv/developer"],
            cwd=self.folder,
            env={"PATH": str(self.folder / "programs")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        told = self.folder / "told"
        return done.returncode, done.stdout, told.read_text(encoding="utf-8").splitlines() if told.is_file() else []


def real(program: str) -> str:
    where = shutil.which(program)
    assert where, f"{program} is missing; on Debian: apt-get install make util-linux"
    return where


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.mark.parametrize("target", ["test-integration", "test-browser", "rehearse"])
def test_nothing_is_made_where_nobody_knows_what_is_missing(made: Made, target: str) -> None:
    for name in ("python", "cfngen"):
        made.program(f".venv/bin/{name}", "exit 3")
    status, _, told = made(target)
    assert (status, told) == (2, [])


def test_the_second_question_counts_too(made: Made) -> None:
    made.program(".venv/bin/python", 'case "$*" in *podman*) exit 3 ;; esac')
    status, _, told = made("test-integration")
    assert (status, told) == (2, [])


def test_of_two_targets_each_installs_when_the_other_is_done(made: Made) -> None:
    made.program(".venv/bin/python", 'case "$*" in *build*) ;; *) echo part ;; esac')
    status, said, told = made("--jobs", "2", "test-integration", "test-browser")
    assert (status, told.count("update -qq")) == (0, 2), said
    assert "install -y -qq --no-install-recommends part part" in told
    assert "pytest -n0 -q tests/databases.py" in told


def test_root_tests_databases_or_says_what_is_missing(made: Made) -> None:
    (made.folder / "programs/psql").unlink()
    status, said, told = made("test-integration")
    assert status == 2
    assert "the test of databases needs PostgreSQL; on Debian: apt-get install postgresql postgresql-client\n" in said
    assert told[-1] == "pytest -n0 -q tests/rules_in_haproxy.py"
