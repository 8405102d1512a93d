"""Many services: lives are played by several processes, and say the same as one after another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from specimens import Mistake, by_hand, edited, files

ROOT = Path(__file__).parent.parent
TWO_CORES = "import os; os.sched_getaffinity = lambda _: {0, 1}\n"
PLAYED = """\
import sys
from cfngen.simulate import abreast, judge
judge.MANY, seen = int(sys.argv.pop(1)), []
def which_are_calm(lives):
    for known in abreast.which_are_calm(lives):
        seen.append(known)
        yield known
judge.which_are_calm = which_are_calm
from cfngen.cli import cli
try:
    cli()
finally:
    print(sum(seen), "known", file=sys.stderr)
"""
ALONE, ABREAST = "99", "1"


def _run(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TWO_CORES + code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _by_hand(folder: Path, *mistakes: Mistake) -> Path:
    folder.mkdir()
    (folder / "system.yaml").write_text(files(by_hand(), *mistakes).texts["system.yaml"], encoding="utf-8")
    return folder


def test_what_hurts_nowhere_is_counted_and_not_played_again() -> None:
    alone, abreast = (_run(PLAYED, many, "simulate", ROOT / "templates/coffee/dev") for many in (ALONE, ABREAST))
    assert (alone.returncode, alone.stdout) == (abreast.returncode, abreast.stdout) == (0, "")
    assert "9 histories played; nothing hurts\n0 known\n" in alone.stderr
    assert "9 histories played; nothing hurts\n8 known\n" in abreast.stderr


def test_what_hurts_in_some_lives_has_its_story(tmp_path: Path) -> None:
    """An edited rule is written as blue, which is right before the first release and after the second."""
    old = _by_hand(tmp_path / "old")
    new = _by_hand(tmp_path / "new", edited("AdminRule", Priority=99))
    alone, abreast = (
        _run(PLAYED, many, "simulate", "--update", old, new, "--format", "json") for many in (ALONE, ABREAST)
    )
    assert (alone.returncode, alone.stdout) == (abreast.returncode, abreast.stdout)
    assert alone.stderr.splitlines()[:-1] == abreast.stderr.splitlines()[:-1]
    assert (alone.returncode, abreast.stderr.splitlines()[-1] != "0 known") == (1, True)


LIVES = """\
import sys
from types import SimpleNamespace
from cfngen.semantics.template import TemplateError
from cfngen.simulate import abreast

def refused():
    raise TemplateError("refused")

def elsewhere(here=os.getpid()):
    assert os.getpid() != here
    return SimpleNamespace(hurts=[])

lives = [elsewhere, lambda: SimpleNamespace(hurts=["T1"]), refused, elsewhere]
"""


def test_only_lives_in_which_nothing_hurts_are_known() -> None:
    done = _run(LIVES + "print(list(abreast.which_are_calm(lives)))")
    assert (done.stdout, done.stderr) == ("[True, False, False, True]\n", "")


@pytest.mark.parametrize("why", ["os.sched_getaffinity = lambda _: {0}", "del os.fork", "lives = lives[:1]"])
def test_where_processes_are_no_help_nothing_is_known(why: str) -> None:
    done = _run(LIVES + f"{why}\nprint(set(abreast.which_are_calm(lives)))")
    assert (done.stdout, done.stderr) == ("{False}\n", "")


def test_beside_threads_no_copies_are_made() -> None:
    """A copy of a process has one thread, and waits for ever for what the others held."""
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(3,), daemon=True).start()\n"
    assert _run(LIVES + thread + "print(set(abreast.which_are_calm(lives)))").stdout == "{False}\n"


def test_a_process_that_is_ended_leaves_the_others_to_who_asked() -> None:
    ended = "lives = [elsewhere, lambda: os._exit(9), elsewhere, elsewhere]\n"
    done = _run(LIVES + ended + "print(len(known := list(abreast.which_are_calm(lives))), any(known[1:]))")
    assert (done.stdout, done.stderr) == ("4 False\n", "")


OTHERS = """\
from multiprocessing import active_children, get_context
import time
other = get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
other.start()
"""


def test_what_was_played_ends_nothing_else_and_can_be_played_again() -> None:
    played = """\
played = judge._Played()
calm = [judge._Told("", elsewhere)] * 3
for _ in range(2):
    played.play([judge._Told("", lambda: SimpleNamespace(hurts=[])), *calm], lambda _: None, abreast=True)
print(played.number, active_children() == [other])
"""
    done = _run(LIVES + "from cfngen.simulate import judge\n" + OTHERS + played)
    assert (done.stdout, done.stderr) == ("8 True\n", "")


def test_who_asks_no_further_ends_nothing_else() -> None:
    asked = """\
lives = [elsewhere] + [lambda: time.sleep(60)] * 5
for _ in range(2):
    known = abreast.which_are_calm(lives)
    print(next(known))
    known.close()
time.sleep(0.2)
print(active_children() == [other])
"""
    done = _run(LIVES + OTHERS + asked)
    assert (done.stdout, done.stderr) == ("True\nTrue\nTrue\n", "")


def test_an_interruption_ends_all_processes(tmp_path: Path) -> None:
    began = tmp_path / "began"
    code = f"""\
import pathlib, time
def long():
    pathlib.Path({str(began)!r}).touch()
    time.sleep(60)
try:
    list(abreast.which_are_calm([long] * 4))
except KeyboardInterrupt:
    sys.exit(130)
"""
    command = [sys.executable, "-c", TWO_CORES + LIVES + code]
    made = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not began.exists():
        assert made.poll() is None
        time.sleep(0.05)
    os.killpg(made.pid, signal.SIGINT)
    out, err = made.communicate(timeout=60)
    assert (made.returncode, out) == (130, "")
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.killpg(made.pid, 0)
