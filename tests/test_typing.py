"""Wiring is typed: mypy finds each mistake of typing_tests/ on its line, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "typing_tests"
FILES = sorted(FOLDER.glob("*.py"))
MARK = re.compile(r"# E: (.+)$")
ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: (?P<text>.*)$")


@pytest.fixture(scope="module")
def errors() -> dict[str, list[tuple[int, str]]]:
    """mypy's errors by file, as line and text; its notes only say more of an error."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "setup.cfg",
        "--no-error-summary",
        FOLDER.name,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[tuple[int, str]]] = {}
    for line in done.stdout.splitlines():
        match = ERROR.match(line)
        assert match or ": note: " in line, line
        if match:
            found.setdefault(Path(match["file"]).name, []).append((int(match["line"]), match["text"]))
    return found


def expected(file: Path) -> list[tuple[int, str]]:
    """Line and a part of the text of each error, from comments such as ``# E: no attribute``, parted by `` ;; ``."""
    return [
        (number, fragment)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for mark in MARK.findall(line)
        for fragment in mark.split(" ;; ")
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_mypy_finds_each_mistake_and_no_other(file: Path, errors: dict[str, list[tuple[int, str]]]) -> None:
    found = errors.get(file.name, [])
    assert [line for line, _ in found] == [line for line, _ in expected(file)], found
    for (line, text), (_, fragment) in zip(found, expected(file), strict=True):
        assert fragment in text, f"{file.name}:{line}"


def test_there_are_mistakes_and_one_file_without() -> None:
    numbers = {file.stem: len(expected(file)) for file in FILES}
    assert numbers.pop("right") == 0
    assert len(numbers) >= 5
    assert min(numbers.values()) >= 3


def test_what_is_right_is_right_when_it_runs_too() -> None:
    done = subprocess.run([sys.executable, FOLDER / "right.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
