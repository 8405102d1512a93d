"""Stands before runc: what a build runs trusts the authorities that this machine trusts beside the usual ones.

containerd starts it as a program, ``python trusting.py RUNC AUTHORITIES words …``, with the words for runc. The file lies in
the container's /dev, which is in memory, so that nothing of it gets into the image.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PLACE = "/dev/cfngen-authorities.pem"
_NAMES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "npm_config_cafile", "PIP_CERT", "REQUESTS_CA_BUNDLE",
          "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")  # fmt: skip
"""How programs are told of authorities; npm, pip and git heed no common one."""


def trusted(settings: dict[str, Any], authorities: str) -> dict[str, Any]:
    """The settings of a container (OCI runtime specification) with the file and the variables that lead to it."""
    mount = {"destination": _PLACE, "type": "bind", "source": authorities, "options": ["rbind", "ro"]}
    given = settings["process"].get("env") or []
    known = {each.partition("=")[0] for each in given}
    added = [f"{name}={_PLACE}" for name in _NAMES if name not in known] + ["npm_config_audit=false"]
    process = settings["process"] | {"env": [*given, *added]}
    return settings | {"process": process, "mounts": [*(settings.get("mounts") or ()), mount]}


def bundle(words: Sequence[str]) -> Path | None:
    """The folder of the container that is made; `None` for every other command."""
    if not {"create", "run"} & set(words):
        return None
    follows = dict(itertools.pairwise(words))
    return Path(follows["--bundle"]) if "--bundle" in follows else None


def main(runc: str, authorities: str, words: Sequence[str]) -> None:
    """Change the settings where a container is made, and go on as runc."""
    if folder := bundle(words):
        file = folder / "config.json"
        settings = trusted(json.loads(file.read_text(encoding="utf-8")), authorities)
        file.write_text(json.dumps(settings), encoding="utf-8")
    os.execv(runc, [runc, *words])  # noqa: S606  (what containerd says)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
