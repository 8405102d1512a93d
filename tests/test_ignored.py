"""What git ignores: what tools leave behind, and no service, whatever it is called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("reports", "build", "dist", "cache", "coverage", "test")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def is_ignored(repository: Path, path: str) -> bool:
    done = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=repository, check=False)
    assert done.returncode in (0, 1)
    return done.returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_service_of_any_name_is_kept_with_its_files(repository: Path, name: str) -> None:
    for path in (
        f"services/{name}/Dockerfile",
        f"services/{name}/src/index.js",
        f"templates/coffee/dev/{name}/taskdef.json",
        f"templates/{name}/dev/{name}.yaml",
        f"templates/coffee/{name}/coffee.yaml",
    ):
        assert not is_ignored(repository, path), path


def test_what_tools_leave_is_ignored(repository: Path) -> None:
    for path in (
        "build/coffee-dev.yaml",
        "dist/cfngen.whl",
        "services/customer/reports/junit.xml",
        "services/reports/reports/junit.xml",
        "services/customer/node_modules/express/index.js",
        ".venv/bin/python",
        "tests/__pycache__/x.pyc",
    ):
        assert is_ignored(repository, path), path
