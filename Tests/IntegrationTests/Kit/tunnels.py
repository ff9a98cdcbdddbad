"""Both ends of tunnels: a worker and a client that speak WebSocket by PyPI's `websockets`.

usage: tunnels.py serve
       tunnels.py talk URL TASK [--cookie TEXT] [--compress]
serve   listens on a free port and says so: "listening PORT". For each connection "begins PATH" and "ends PATH CODE",
        with 1006 where it ended without a closing handshake. The path's end says what it does with each message:
        /echo      sends it back
        /pieces    sends it back in ten fragments
        /ping      pings the client, and says "pong" when that has answered
        /leave     closes with 4001
        /break     breaks the connection off (RST)
talk    does one task and says in one line what came of it: "refused STATUS", "closed CODE", or "ok ...":
        pieces     a message in a hundred fragments comes back whole
        large      16 MiB come back as they went
        ping       a ping is answered, and so are messages after it
        message    one message; then the other side's
        break      one message, then the connection is broken off (RST)
        stay       says "open" (and "cookie NAME" for each that comes with the switch) and waits for the end
"""
import asyncio
import os
import socket
import struct
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

# Of a whole task: longer than any test waits.
DEADLINE = 300
LARGE = 16 << 20
# Neither side pings by itself: what goes through a tunnel is what a test says.
QUIET = {"max_size": None, "ping_interval": None}


def say(*words):
    print(*words, flush=True)


def break_off(connection):
    """Closes so that the other side sees a reset."""
    sock = connection.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


def cut(message, count):
    size = max(1, len(message) // count)
    return [message[start:start + size] for start in range(0, len(message), size)]


async def answer(connection, kind, message):
    if kind == "echo":
        await connection.send(message)
    elif kind == "pieces":
        await connection.send(cut(message, 10))
    elif kind == "ping":
        await (await connection.ping())
        await connection.send("pong")
    elif kind == "leave":
        await connection.close(4001, "over")
    elif kind == "break":
        break_off(connection)


async def attend(connection):
    path = connection.request.path
    say("begins", path)
    try:
        async for message in connection:
            await answer(connection, path.rsplit("/", 1)[-1], message)
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    say("ends", path, connection.close_code)


async def listen():
    async with serve(attend, "127.0.0.1", 0, compression="deflate", **QUIET) as server:
        say("listening", server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()


async def expect(connection, message, sent=None):
    await connection.send(message if sent is None else sent)
    back = await connection.recv()
    if back != message:
        raise SystemExit(f"sent {len(message)}, got {len(back)} of something else")


async def play(connection, task):
    if task == "pieces":
        text = "".join(chr(0x20 + index % 5_000) for index in range(100_000))
        await expect(connection, text, cut(text, 100))
        data = os.urandom(100_000)
        await expect(connection, data, cut(data, 100))
        return "ok"
    if task == "large":
        await expect(connection, os.urandom(LARGE))
        return f"ok {LARGE}"
    if task == "ping":
        await (await connection.ping(b"hello"))
        await expect(connection, "after the ping")
        return "ok"
    if task == "message":
        await connection.send("hello")
        return f"ok {await connection.recv()}"
    if task == "break":
        await expect(connection, "hello")
        break_off(connection)
        return "ok"
    if task == "stay":
        for cookie in connection.response.headers.get_all("Set-Cookie"):
            say("cookie", cookie.split("=")[0])
        say("open")
        await connection.recv()
        return "ok"
    raise SystemExit(f"no task {task}")


async def talk(url, task, options):
    headers = [("Cookie", options["cookie"])] if "cookie" in options else []
    compression = "deflate" if "compress" in options else None
    try:
        connection = await connect(
            url,
            additional_headers=headers,
            compression=compression,
            proxy=None,
            open_timeout=DEADLINE,
            close_timeout=DEADLINE,
            **QUIET,
        )
    except InvalidStatus as error:
        return f"refused {error.response.status_code}"
    try:
        said = await play(connection, task)
        if task != "break":
            await connection.close()
        return said
    except ConnectionClosed:
        await connection.wait_closed()
        return f"closed {connection.close_code}"


async def main(words):
    if words[:1] == ["serve"]:
        return await listen()
    if words[:1] == ["talk"] and len(words) >= 3:
        options, rest = {}, words[3:]
        while rest:
            name = rest.pop(0).removeprefix("--")
            options[name] = rest.pop(0) if name == "cookie" else ""
        async with asyncio.timeout(DEADLINE):
            say(await talk(words[1], words[2], options))
        return
    raise SystemExit(__doc__)


asyncio.run(main(sys.argv[1:]))
