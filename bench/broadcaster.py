"""The floor of the live pages: one Redis subscription, one loop over the sockets, nothing else.

`python -m bench.broadcaster --port N --redis URL --channel NAME`
"""

import argparse
import asyncio
from typing import Any

import redis.asyncio as redis
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def run(port: int, url: str, channel: str) -> None:
    """Serve until the process is ended."""
    pages: set[ServerConnection] = set()

    async def page(socket: ServerConnection) -> None:
        pages.add(socket)
        try:
            await socket.wait_closed()
        finally:
            pages.discard(socket)

    client: Any = redis.Redis.from_url(url)
    async with serve(page, "127.0.0.1", port, compression=None), client.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        async for message in pubsub.listen():
            if message["type"] == "message":
                broadcast(pages, message["data"].decode())


def main() -> None:
    parser = argparse.ArgumentParser(description="A plain websocket broadcaster.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--channel", required=True)
    wanted = parser.parse_args()
    asyncio.run(run(wanted.port, wanted.redis, wanted.channel))


if __name__ == "__main__":
    main()
