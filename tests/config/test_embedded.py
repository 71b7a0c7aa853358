"""The embedded servers: started twice, killed, and started again."""

import os
import signal
import stat
import subprocess
import sys
import time

import psycopg
import pytest
import redis

from config import embedded, env


@pytest.fixture
def data(tmp_path):
    """A data folder whose servers are stopped afterwards."""
    tmp_path.chmod(0o755)
    yield tmp_path
    embedded.stop_postgres(tmp_path)
    embedded.stop_valkey(tmp_path)


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def test_postgres_keeps_rows_and_address_through_a_kill(data):
    url = embedded.start_postgres(data)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 10)")
    pid = embedded.postgres_pid(data)
    assert embedded.start_postgres(data) == url
    assert embedded.postgres_pid(data) == pid
    os.kill(pid, signal.SIGKILL)
    assert embedded.start_postgres(data) == url
    assert embedded.postgres_pid(data) not in (pid, None)
    assert _count(url) == 10


def test_postgres_has_what_the_product_asks_for(data):
    with psycopg.connect(embedded.start_postgres(data), autocommit=True) as connection:
        for extension in ("vector", "unaccent", "pg_trgm", "btree_gist"):
            connection.execute(f"CREATE EXTENSION {extension}")
        assert connection.execute("SELECT lower('ÇÃO'), upper('ção')").fetchone() == ("ção", "ÇÃO")
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_valkey_asks_for_the_password_and_listens_here_only(data):
    url = embedded.start_valkey(data)
    client = redis.Redis.from_url(url)
    assert client.ping()
    assert client.config_get("bind")["bind"] == "127.0.0.1"
    port = client.connection_pool.connection_kwargs["port"]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    os.kill(embedded.valkey_pid(data), signal.SIGKILL)
    assert embedded.start_valkey(data) == url


def test_the_addresses_are_private_and_go_when_the_servers_stop(data, monkeypatch):
    embedded.start_valkey(data)
    for name in ("services.json", "valkey.json"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    monkeypatch.setenv("FRONTDESK_DATA", str(data))
    assert set(env.services()) == {"redis_url"}
    embedded.stop_valkey(data)
    assert env.services() == {}
    assert embedded.valkey_pid(data) is None


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(data):
    url = embedded.start_valkey(data)
    embedded.stop_valkey(data)
    taken = embedded._address(data, "valkey").port
    import socket

    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", taken))
        stranger.listen()
        assert embedded.start_valkey(data) != url


def test_servers_end_with_the_process_that_started_them(data):
    start = (
        "import sys, time; from pathlib import Path; from config import embedded; data = Path(sys.argv[1])\n"
    )
    start += (
        "embedded.start_valkey(data); embedded.start_postgres(data); print('up', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", start, str(data)], stdout=subprocess.PIPE, cwd=env.BASE_DIR
    )
    assert owner.stdout.readline() == b"up\n"
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 20
    while (embedded.postgres_pid(data) or embedded.valkey_pid(data)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert embedded.postgres_pid(data) is None
    assert embedded.valkey_pid(data) is None
