"""The source of the pipelines: a repository of our own with the project's files, in which versions are committed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room


class Source:
    """A copy of a project as it is now, committed; files that git ignores there are not in it."""

    def __init__(self, room: Room, project: Path) -> None:
        self.room = room
        self.folder = room.path("source")
        listed = subprocess.run(  # noqa: S603  (git)
            [where("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=project, capture_output=True, check=False,
        )  # fmt: skip
        if listed.returncode:
            raise RehearsalError(f"{project}: no git repository, so nobody knows which files a push would bring")
        for name in filter(None, listed.stdout.decode().split("\0")):
            file, copy = project / name, self.folder / name
            if file.is_file() or file.is_symlink():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy, follow_symlinks=False)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit = self._first = self._commit("the project as it is")

    def change(self, files: Mapping[str, str], message: str) -> str:
        """Commit files with other texts; returns the commit's id."""
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.commit = self._commit(message)
        return self.commit

    def first(self, name: str) -> str:
        """The text of a file as the project has it."""
        return self._git("show", f"{self._first}:{name}")

    def checkout(self, place: Path) -> str:
        """A copy of the newest commit's files; returns its id."""
        place.parent.mkdir(parents=True, exist_ok=True)
        self._git("clone", "--quiet", "--no-hardlinks", str(self.folder), str(place))
        commit = self._git("-C", str(place), "rev-parse", "HEAD").strip()
        shutil.rmtree(place / ".git")
        return commit

    def _commit(self, message: str) -> str:
        self._git("add", "--all", "--force")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str) -> str:
        who = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "-c", "commit.gpgsign=false"]
        who += ["-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"]
        return self.room.run("source", [where("git"), *who, *words], folder=self.folder)
