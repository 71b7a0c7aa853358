"""T5: the product does not start behind a proxy that lends a backend for one transaction."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from tenants import guard

pytestmark = pytest.mark.django_db


class Pooler:
    """A transaction pooler of the smallest kind: it logs each client in, and lends its backends by message.

    Every client speaks to a backend of its own until it is ready; from then on each query goes to the first
    backend that no other client is inside a transaction on.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.backends: list[socket.socket] = []
        self.lent: dict[socket.socket, threading.Thread] = {}
        self.lock = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        backend = socket.create_connection(self.target)
        try:
            self._log_in(client, backend)
            with self.lock:
                self.backends.append(backend)
            while True:
                self._exchange(client)
        except (OSError, EOFError):
            client.close()

    def _log_in(self, client: socket.socket, backend: socket.socket) -> None:
        """Pass on what both say, until the backend is ready for queries."""
        first = read(client, 4)
        backend.sendall(first + read(client, int.from_bytes(first) - 4))
        while True:
            kind, body = message(backend)
            client.sendall(kind + body)
            if kind == b"Z":
                return
            if kind == b"R" and int.from_bytes(body[4:8]) in (3, 5, 10, 11):
                backend.sendall(b"".join(message(client)))

    def _exchange(self, client: socket.socket) -> None:
        kind, body = message(client)
        if kind == b"X":
            raise EOFError
        backend = self._borrow()
        backend.sendall(kind + body)
        while kind not in (b"Q", b"S"):
            kind, body = message(client)
            backend.sendall(kind + body)
        while True:
            answer, body = message(backend)
            client.sendall(answer + body)
            if answer == b"Z":
                break
        with self.lock:
            if body[4:5] == b"I":
                self.lent.pop(backend)
            self.lock.notify_all()

    def _borrow(self) -> socket.socket:
        me = threading.current_thread()
        with self.lock:
            while True:
                for backend in self.backends:
                    if self.lent.get(backend, me) is me and (
                        backend in self.lent or me not in self.lent.values()
                    ):
                        self.lent[backend] = me
                        return backend
                self.lock.wait(1)

    def close(self) -> None:
        self.server.close()
        for backend in self.backends:
            backend.close()


def read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def message(sock: socket.socket) -> tuple[bytes, bytes]:
    kind, size = read(sock, 1), read(sock, 4)
    return kind, size + read(sock, int.from_bytes(size) - 4)


@pytest.fixture
def pooler(settings) -> Iterator[Pooler]:
    proxy = Pooler(settings.DATABASES["default"]["HOST"], int(settings.DATABASES["default"]["PORT"]))
    yield proxy
    proxy.close()


def at_port(monkeypatch, port: int, password: str = "") -> None:
    params = dict(connections["default"].get_connection_params()) | {"port": port, "host": "127.0.0.1"}
    params |= {"sslmode": "disable"}
    monkeypatch.setattr(connections["default"], "get_connection_params", lambda: params)


def test_postgresql_itself_is_fine():
    guard.refuse_transaction_pooling()


def test_a_transaction_pool_is_refused(pooler, monkeypatch):
    at_port(monkeypatch, pooler.port)
    with pytest.raises(ImproperlyConfigured, match="session"):
        guard.refuse_transaction_pooling()


@pytest.mark.parametrize("part", ["web", "worker"])
def test_no_part_starts_behind_one(part, pooler):
    url = urlsplit(os.environ["DATABASE_URL"])
    behind = url._replace(
        netloc=f"{url.username}:{url.password}@127.0.0.1:{pooler.port}", query="sslmode=disable"
    )
    words = {
        "web": ["uvicorn", "config.asgi:application", "--port", "0"],
        "worker": ["celery", "-A", "config", "worker", "-P", "solo"],
    }
    done = subprocess.run(
        [sys.executable, "-m", *words[part]],
        env=os.environ | {"DATABASE_URL": behind.geturl(), "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "pools transactions" in done.stdout + done.stderr


@pytest.mark.skipif(
    not shutil.which("pgbouncer"), reason="PgBouncer is not installed: its own pool is left out"
)
@pytest.mark.parametrize(
    ("mode", "refused"), [("transaction", True), ("statement", True), ("session", False)]
)
def test_pgbouncer(mode, refused, tmp_path, settings, monkeypatch):
    port = free_port()
    with pgbouncer(tmp_path, settings.DATABASES["default"], port, mode):
        at_port(monkeypatch, port)
        if refused:
            with pytest.raises(ImproperlyConfigured):
                guard.refuse_transaction_pooling()
        else:
            guard.refuse_transaction_pooling()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class pgbouncer:
    """A PgBouncer in this mode, before the test database."""

    def __init__(self, folder: Path, database: dict[str, str], port: int, mode: str) -> None:
        # As root it refuses to run: an unlisted user owns its folder.
        self.uid = 65534 if os.geteuid() == 0 else None
        self.port, config = port, folder / "pgbouncer.ini"
        (folder / "users.txt").write_text(f'"{database["USER"]}" "{database["PASSWORD"]}"\n')
        config.write_text(
            f"[databases]\n* = host={database['HOST']} port={database['PORT']}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = plain\n"
            f"auth_file = {folder}/users.txt\npool_mode = {mode}\nserver_tls_sslmode = disable\n"
            "ignore_startup_parameters = extra_float_digits,options\n"
        )
        for path in (folder, *folder.iterdir(), *folder.parents[:3]):
            if path != Path("/"):
                path.chmod(path.stat().st_mode | 0o055)
        self.words = [shutil.which("pgbouncer") or "", str(config)]

    def __enter__(self) -> None:
        self.process = subprocess.Popen(
            self.words, user=self.uid, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _try in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("PgBouncer did not start")

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
