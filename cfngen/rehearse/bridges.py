"""Bridges of a rehearsal, and the rules that let what hangs on them reach the outside as by a NAT gateway.

Bridges have the end of the folder's name in theirs, rules have that name as their comment, so that they are found again.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.folder import PREFIX
from cfngen.rehearse.parts import find, where

_CHAINS = (("filter", "FORWARD"), ("nat", "POSTROUTING"))


def name_of(folder: Path, kind: str) -> str:
    """What a bridge is called: at most the fifteen characters that the kernel takes."""
    return f"cfn{kind[0]}-{folder.name.removeprefix(PREFIX)}"[:15]


def make(bridge: str, subnet: str) -> None:
    """Make a bridge with the first address of a subnet."""
    network, _, length = subnet.partition("/")
    _called("ip", "link", "add", bridge, "type", "bridge")
    _called("ip", "addr", "add", f"{network.rpartition('.')[0]}.1/{length}", "dev", bridge)
    _called("ip", "link", "set", bridge, "up")


def remove(bridge: str) -> None:
    """Remove a bridge, if it is there."""
    if Path(f"/sys/class/net/{bridge}").exists():
        _called("ip", "link", "delete", bridge)


def let_out(subnet: str, comment: str) -> None:
    """Let a subnet reach the outside under this machine's address, whatever else the machine forwards."""
    told = ("-m", "comment", "--comment", comment)
    for way in ("-s", "-d"):
        _called("iptables", "-w", "-t", "filter", "-I", "FORWARD", way, subnet, *told, "-j", "ACCEPT")
    out = ("-s", subnet, "!", "-d", subnet)
    _called("iptables", "-w", "-t", "nat", "-I", "POSTROUTING", *out, *told, "-j", "MASQUERADE")


def forget(comment: str) -> None:
    """Delete every rule with a comment."""
    if find("iptables") is None:
        return
    for table, chain in _CHAINS:
        for line in _called("iptables", "-w", "-t", table, "-S", chain).splitlines():
            append, *rule = shlex.split(line)
            if append == "-A" and comment in rule:
                _called("iptables", "-w", "-t", table, "-D", *rule)


def _called(program: str, *words: str) -> str:
    done = subprocess.run([where(program), *words], capture_output=True, text=True, check=False)  # noqa: S603  (words are ours)
    if done.returncode:
        raise RehearsalError(f"{program} {' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
