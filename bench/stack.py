"""The whole product as real processes on free ports of this machine, for benchmarks and for `make chaos`.

Everything lives below one data folder. Each process is ended by its own id, also when this one is interrupted
or killed, and nothing waits for ever.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.measure import Meter, progress
from config import embedded, env, remains, supervisor

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180
STOP_SECONDS = 10
SLUG = "bench"
SERVER_OPTIONS = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
SECRETS = {
    "BENCH_MODEL_KEY": "model-key",
    "BENCH_GATEWAY_KEY": "gateway-key",
    "BENCH_HMAC_SECRET": "hmac-secret",
    "BENCH_CLOUD_SECRET": "cloud-secret",
}


class NotReady(RuntimeError):
    """A process did not answer in time; the message ends with the last lines of its log."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int = 4) -> int:
    """The first of so many free ports in a row, below the range from which connections take theirs."""
    while True:
        first = 10_000 + secrets.randbelow(9_000)
        if all(remains.is_free(first + number) for number in range(count)):
            return first


def get(url: str, *, timeout: float = 5.0, headers: dict[str, str] | None = None) -> bytes:
    """The body of a loopback page."""
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return bytes(answer.read())


def tell(
    url: str,
    body: Any = None,
    *,
    method: str = "POST",
    timeout: float = 5.0,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Send JSON to a counterpart's own control page, and read JSON back."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json", **(headers or {})}
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def wait_until(done: Callable[[], Any], *, seconds: float, what: str, every: float = 0.05) -> Any:
    """Ask until the answer is true; raise NotReady after this many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, urllib.error.URLError, psycopg.Error):
            if answer := done():
                return answer
        if time.monotonic() > deadline:
            raise NotReady(f"{what} after {seconds:.0f} s")
        time.sleep(every)


@dataclass
class Stack:
    """One running product. `name` chooses its folder; a fresh database is made at every start."""

    name: str
    extra_env: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)  # ids by name, once the business is there

    def __post_init__(self) -> None:
        self.data = env.data_dir() / self.name
        self.options = supervisor.Options(port=free_ports(), host="127.0.0.1", demo=False)
        self.parts = {part.name: part for part in supervisor.parts(self.options)}
        self.outside_port = free_port()
        self.database_url = self.redis_url = ""

    # -- addresses

    @property
    def port(self) -> int:
        return self.options.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.options.gateway_port}"

    @property
    def outside_url(self) -> str:
        return f"http://127.0.0.1:{self.outside_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the product sees. Keys of the person who runs this must not be spent."""
        keep = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
        mine = {
            "FRONTDESK_DATA": str(self.data),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            # Manners are not what is measured: one number stands here for those of many businesses.
            "WAHA_MESSAGES_A_SECOND": "0",
            "WAHA_PERSON_SECONDS": "0",
            "WAHA_TYPING_SECONDS": "0",
            "C_FORCE_ROOT": "1",
            "MALLOC_ARENA_MAX": "2",
        }
        return keep | mine | SECRETS | self.extra_env

    # -- processes

    def start(self, name: str) -> None:
        """Start a part of the product, by the supervisor's words, and wait for its port if it has one."""
        part = self.parts[name]
        self.spawn(name, *part.words)
        if part.port is not None:
            self.wait_for_port(name, part.port)

    def start_all(self) -> None:
        """Every part at once, and then wait for those that listen."""
        for name, part in self.parts.items():
            self.spawn(name, *part.words)
        for name, part in self.parts.items():
            if part.port is not None:
                self.wait_for_port(name, part.port)

    def spawn(self, name: str, *words: str, **more_env: str) -> subprocess.Popen[bytes]:
        """Start one process; it dies with this one. Its output goes to logs/NAME.log of the data folder."""
        folder = self.data / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words,
                cwd=ROOT,
                env=self.environment | more_env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=embedded.die_with_parent(signal.SIGKILL),
            )
        return self.processes[name]

    def manage(self, *words: str, seconds: float = 120) -> str:
        """Run one management command to its end; its standard output."""
        return self.run("manage.py", *words, seconds=seconds)

    def run(self, *words: str, seconds: float = 120) -> str:
        """Run Python with these words to its end, as a part of the product would; its standard output."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if done.returncode:
            raise NotReady(f"{' '.join(words[:3])} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def kill(self, name: str) -> None:
        """SIGKILL, and reap."""
        process = self.processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(STOP_SECONDS)

    def end(self, name: str) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        process = self.processes.get(name)
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        self.kill(name)

    def last_words(self, name: str) -> str:
        """The end of a process's log."""
        with suppress(OSError):
            return "\n".join(
                (self.data / "logs" / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
            )
        return ""

    def check_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise NotReady(f"{name} ended with {process.returncode}:\n{self.last_words(name)}")

    # -- the parts

    def start_services(self) -> None:
        """PostgreSQL and Valkey, and a database without a past."""
        self.data.mkdir(parents=True, exist_ok=True)
        url = embedded.start_postgres(self.data)
        with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {embedded.DATABASE} WITH (FORCE)")
        self.database_url = embedded.start_postgres(self.data)
        self.redis_url = embedded.start_valkey(self.data)

    def start_outside(self) -> None:
        """The model and the gateway that cost least, on one port."""
        words = (sys.executable, "-m", "uvicorn", "bench.outside:app", "--port", str(self.outside_port))
        self.spawn("outside", *words, *SERVER_OPTIONS, "--lifespan", "off")
        self.wait_for_port("outside", self.outside_port)

    def apply_business(self, *, model: str, gateway: str) -> str:
        """Set the business up through its file; the id of its first channel, and of all in `channels`."""
        folder = ROOT / "bench"
        shutil.copy(folder / "clinic.md", self.data / "clinic.md")
        text = (folder / "business.yaml").read_text().replace("<model>", model).replace("<gateway>", gateway)
        (self.data / "business.yaml").write_text(text)
        report = json.loads(self.manage("apply", "-f", str(self.data / "business.yaml"), "--json"))
        self.channels = {one["name"]: str(one["id"]) for one in report["channels"]}
        return str(report["channels"][0]["id"])

    def wait_for_port(self, name: str, port: int) -> None:
        def answers() -> bool:
            self.check_alive()
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True

        try:
            wait_until(answers, seconds=START_SECONDS, what=f"{name} does not listen")
        except NotReady as error:
            raise NotReady(f"{error}\n{self.last_words(name)}") from None

    def wait_until_ready(self) -> None:
        """Until /health says that every part is."""

        def ready() -> bool:
            self.check_alive()
            return bool(json.loads(get(f"{self.url}/health"))["status"] == "ok")

        wait_until(ready, seconds=START_SECONDS, what="the product is not ready", every=0.1)

    # -- looking

    def ask(self, statement: str, *values: Any, schema: str = "") -> list[tuple[Any, ...]]:
        """Rows from the product's own tables, in the schema of the business."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("SELECT set_config('search_path', %s, false)", [schema or "public"])
            return connection.execute(statement, values or None).fetchall()

    def meter(self, *names: str) -> Meter:
        """CPU and memory of these processes, and of the two servers under `postgres` and `valkey`."""
        servers = {
            "postgres": embedded.postgres_pid(self.data),
            "valkey": embedded.valkey_pid(self.data),
        }
        roots = {name: self.processes[name].pid for name in names if name in self.processes}
        return Meter(roots | {name: pid for name, pid in servers.items() if pid and name in names})

    def stop(self) -> None:
        """End everything, the servers last."""
        for name in list(self.processes):
            self.end(name)
        embedded.stop_valkey(self.data)
        embedded.stop_postgres(self.data)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The product up and ready, and down again whatever happens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        progress("servers and tables")
        stack.start_services()
        stack.manage("migrate_schemas", "-v", "0")
        progress("web, workers, beat, embedder, and the outside")
        stack.start_outside()
        stack.start_all()
        stack.wait_until_ready()
        yield stack
    finally:
        stack.stop()
