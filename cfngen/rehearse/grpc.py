"""Target groups of gRPC: what a health check sends and what its answer has to hold, and how a method is asked by who speaks HTTP/1.1.

haproxy checks no trailers, in which a call's status stands, so its check is bytes of HTTP/2 (RFC 9113) with literal headers (RFC 7541), and
a pattern for the status however the server packs it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from cfngen.rehearse.errors import RehearsalError

VERSION = "GRPC"
EMPTY = bytes(5)
"""A message without fields, not compressed."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _DATA, _SETTINGS = 1, 0, 4
_END_STREAM, _END_HEADERS = 1, 4
STATUS = "grpc-status"
"""The header or trailer that says how a call ended."""
_CODES = {
    "g": "100110", "r": "101100", "p": "101011", "c": "00100", "-": "010110", "s": "01000", "t": "01001", "a": "00011",
    "u": "101101", "0": "00000", "1": "00001", "2": "00010", "3": "011001", "4": "011010", "5": "011011", "6": "011100",
    "7": "011101", "8": "011110", "9": "011111",
}  # fmt: skip
"""Huffman's code of HPACK for what a status is made of."""
_OF_HTTP = {0: 200, 3: 400, 5: 404, 7: 403, 12: 404, 14: 503, 16: 401}
_MOST = 99


def check(path: str, codes: str) -> list[str]:
    """Lines of a backend whose health check calls a method; `codes` are the statuses that are well, as a matcher has them."""
    sent = (_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _call(path)).hex().upper()
    return [
        "    option tcp-check",
        f"    tcp-check send-binary {sent}",
        f"    tcp-check expect rbinary {_pattern(codes)}",
    ]


def http_status(code: str, well: str = "0") -> int:
    """200 for a call that ended as a matcher says, else the status of HTTP that means the same; 500 for one that does not say how it ended."""
    if not code.isdigit():
        return 500
    return 200 if int(code) in _statuses(well) else _OF_HTTP.get(int(code), 500)


def request(path: str, host: str, connection: str = "close") -> bytes:
    """A call with an empty message in HTTP/1.1, which the balancer passes on in HTTP/2."""
    told = ["Content-Type: application/grpc", "TE: trailers", f"Content-Length: {len(EMPTY)}"]
    told.append(f"Connection: {connection}")
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", *told, "", ""]).encode() + EMPTY


def answered(talk: socket.socket, path: str, host: str) -> bytes:
    """All that is answered to a call."""
    talk.sendall(request(path, host))
    said = b""
    while piece := talk.recv(1 << 16):
        said += piece
    return said


def status_of(said: bytes, well: str = "0") -> int:
    """The status of HTTP by a whole answer, or what says the same as the call's; 0 where nobody answered."""
    first = re.match(rb"HTTP/1\.\d (\d+)", said)
    if first is None:
        return 0
    if int(first[1]) != 200:
        return int(first[1])
    return http_status(told_by(said, STATUS), well)


def told_by(said: bytes, name: str) -> str:
    """A header or trailer of a whole answer; empty where it has none."""
    found = re.search(rb"(?i)\r\n%s: *([^\r]*)" % re.escape(name.encode()), said)
    return found[1].decode("latin-1") if found else ""


def _call(path: str) -> bytes:
    fields = b"\x83\x86" + b"\x04" + _text(path) + b"\x01" + _text("target")
    fields += b"\x0f\x10" + _text("application/grpc") + b"\x0f\x2b" + _text("ELB-HealthChecker/2.0")
    fields += b"\x00" + _text("te") + _text("trailers")
    return _frame(_HEADERS, _END_HEADERS, 1, fields) + _frame(_DATA, _END_STREAM, 1, EMPTY)


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def _text(text: str) -> bytes:
    """A text as HPACK has it without Huffman's code: its length, in seven bits and as many bytes as it takes, and itself."""
    length, content = len(text), text.encode()
    if length < 127:
        return bytes([length]) + content
    head, left = [127], length - 127
    while left > 127:
        head.append(left % 128 + 128)
        left //= 128
    return bytes([*head, left]) + content


def _pattern(codes: str) -> str:
    """What the bytes of an answer have to match, in hexadecimal, where its status is one of those of a matcher."""
    values = "|".join(form for code in _statuses(codes) for form in _forms(str(code)))
    return f"({'|'.join(_forms(STATUS))})({values})"


def _statuses(codes: str) -> Iterator[int]:
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdigit() or int(high or low) > _MOST:
            raise RehearsalError(f"the matcher {codes!r} of a target group of gRPC is not played by the rehearsal")
        yield from range(int(low), int(high or low) + 1)


def _forms(text: str) -> list[str]:
    """A text as it stands in a header, in hexadecimal: as it is, and in Huffman's code."""
    bits = "".join(_CODES[letter] for letter in text)
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return [(bytes([len(text)]) + text.encode()).hex().upper(), (bytes([128 + len(packed)]) + packed).hex().upper()]
