"""A bounded load: kept connections and fresh ones, each request counted. Run as a program of its own.

``python -m cfngen.rehearse.load HOST PORT AUTHORITY SECONDS KEPT EVERY FILE PATH…`` writes a line of JSON for each request, until its time is
over or it is told to end: when it began, path, kind of connection, status (0: no answer), who answered, milliseconds,
and for how many of these at most the machine let this program wait at once, as one does that has much else to do.
With the file of an authority it speaks TLS, and trusts that one alone. Each worker asks once in `EVERY` seconds, one after the other
over all of that time, so that as many ask in each second; empty, they ask again after a pause that suits their kind.
"""

from __future__ import annotations

import asyncio
import collections
import json
import signal
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from cfngen.rehearse import grpc
from cfngen.rehearse.places import Place
from cfngen.rehearse.rules import TARGET_HEADER, TELLER

_TIMEOUT_SECONDS = 20.0
_PAUSE_SECONDS = {"kept": 0.1, "fresh": 0.2}
_TICK_SECONDS, _WRITTEN_TICKS = 0.05, 10
"""How often it looks at its own lateness, and after how many looks all that it noted can be read."""
_USUAL_SECONDS = 0.01
"""So late may anybody wake up on a machine that has little to do."""


class Lateness:
    """How long the machine let this program wait at once: by how much short sleeps end too late. `clock` tells seconds.

    Not in all: a service that takes its time does so, too, while the machine is a little late all along.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._late: collections.deque[tuple[float, float]] = collections.deque()
        """When sleeps were over, and how late; of those that another one outlasted later nobody asks any more."""
        self._due = clock()

    def sleeps(self) -> float:
        """The last sleep is over; returns how long the next one has to be."""
        now, late = self.clock(), self._open
        while self._late and self._late[-1][1] <= late:
            self._late.pop()
        while self._late and self._late[0][0] < now - _TIMEOUT_SECONDS:
            self._late.popleft()
        self._late.append((now, late))
        self._due = now + _TICK_SECONDS
        return _TICK_SECONDS

    @property
    def _open(self) -> float:
        """Of the sleep that should have been over: an answer may be read before the sleeper wakes up."""
        return max(0.0, self.clock() - self._due - _USUAL_SECONDS)

    def longest(self, since: float) -> float:
        """The longest lateness that ended after a time, or did not end yet, in seconds."""
        return max(self._open, next((late for at, late in self._late if at > since), 0.0))


class Load:
    """Workers that ask until they are told to end; answers go to `out`.

    For each path `kept` of them keep their connection, and half as many take a new one for each request.
    """

    def __init__(self, host: str, port: int, authority: str, kept: int, every: str, out: TextIO) -> None:
        self.host, self.port, self.out = host, port, out
        self.kinds = ["kept"] * kept + ["fresh"] * max(1, kept // 2)
        self.every = float(every or 0)
        self.secure = ssl.create_default_context(cafile=authority) if authority else None
        self.over = asyncio.Event()
        self.late = Lateness()

    async def run(self, paths: list[str], seconds: float) -> None:
        """Ask for these paths until the time is over, and finish what has begun."""
        asked = [(path, kind) for kind in self.kinds for path in paths]
        workers = [self._work(*each, self.every * number / len(asked)) for number, each in enumerate(asked)]
        asyncio.get_running_loop().call_later(seconds, self.over.set)
        self._watch()
        await asyncio.gather(*workers)
        self.out.flush()

    def _watch(self, ticks: int = 1) -> None:
        if not self.over.is_set():
            if ticks % _WRITTEN_TICKS == 0:
                self.out.flush()
            asyncio.get_running_loop().call_later(self.late.sleeps(), self._watch, ticks + 1)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _work(self, path: str, kind: str, first: float) -> None:
        place = Place.of(path)
        due = time.perf_counter() + first
        if first:
            await self._rest(first)
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.over.is_set():
            began, clock = time.time(), time.perf_counter()
            status, target, is_kept = 0, "", False
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    if connection is None:
                        connection = await self._connect(place)
                    status, target, is_kept = await self._ask(*connection, place, kind)
            except (OSError, EOFError, ValueError, IndexError, TimeoutError) as error:
                target = type(error).__name__
            took = (time.perf_counter() - clock) * 1000
            waited = min(took, self.late.longest(clock) * 1000)
            told = [round(began, 4), path, kind, status, target, round(took, 2), round(waited, 2)]
            self.out.write(json.dumps(told) + "\n")
            if connection and not (is_kept and kind == "kept"):
                connection[1].close()
                connection = None
            if self.every:
                # However long an answer took, the next request comes when it is due.
                due = max(due + self.every, time.perf_counter())
                await self._rest(due - time.perf_counter())
            else:
                await asyncio.sleep(_PAUSE_SECONDS[kind])
        if connection:
            connection[1].close()

    async def _connect(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        own = (TELLER, 0) if place.address else None
        reader, writer = await asyncio.open_connection(self.host, self.port, local_addr=own)
        writer.write(place.told(self.port))
        if self.secure:
            await writer.start_tls(self.secure, server_hostname=self.host)
        return reader, writer

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place, kind: str
    ) -> tuple[int, str, bool]:
        wish = "keep-alive" if kind == "kept" else "close"
        host = place.host or self.host
        asked = f"GET {place.path} HTTP/1.1\r\nHost: {host}\r\nConnection: {wish}\r\n\r\n".encode()
        writer.write(grpc.request(place.path, host, wish) if place.well else asked)
        await writer.drain()
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines if line)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            while trailer := (await reader.readuntil(b"\r\n")).decode("latin-1").strip():
                name, _, value = trailer.partition(":")
                headers[name.lower()] = value.strip()
        else:
            await reader.readexactly(int(headers.get("content-length", 0)))
        is_kept = headers.get("connection", "").lower() != "close"
        status = int(first.split()[1])
        if place.well and status == 200:
            status = grpc.http_status(headers.get(grpc.STATUS, ""), place.well)
        return status, headers.get(TARGET_HEADER, ""), is_kept


async def _main(
    host: str, port: str, authority: str, seconds: str, kept: str, every: str, file: str, *paths: str
) -> None:
    with open(file, "a", encoding="utf-8", buffering=1 << 12) as out:  # noqa: ASYNC230, PTH123  (once, before the load)
        load = Load(host, int(port), authority, int(kept), every, out)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, load.over.set)
        out.write("")
        await load.run(list(paths), float(seconds))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
