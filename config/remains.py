"""What an earlier run left behind, and who holds a port: read from /proc, and silent where there is none."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "FRONTDESK_CHILD_OF"  # in the environment of every process that a supervisor starts
PROC = Path("/proc")
LISTENING = "0A"


def end_remains(data: Path, *, patience: float = 3.0) -> int:
    """End the processes that a killed supervisor of this data folder left; returns how many there were."""
    found = list(_marked(data))
    for how, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        for pid in _marked(data):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, how)
        deadline = time.monotonic() + seconds
        while any(_marked(data)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return len(found)
    return len(found)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether we could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on the port, for a sentence: "python (process 123)" or "another program"."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    for pid in _processes():
        with suppress(OSError):
            if any(os.readlink(link) in inodes for link in (PROC / str(pid) / "fd").iterdir()):
                return f"{(PROC / str(pid) / 'comm').read_text().strip()} (process {pid})"
    return "another program"


def _marked(data: Path) -> Iterator[int]:
    mark = f"{MARK}={data}".encode()
    for pid in _processes():
        with suppress(OSError):
            if pid != os.getpid() and mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                yield pid


def _processes() -> list[int]:
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit()] if PROC.is_dir() else []


def _listening(port: int) -> Iterator[str]:
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == LISTENING:
                    yield fields[9]
