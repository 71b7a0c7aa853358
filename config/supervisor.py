"""`manage.py up`: everything under one roof. It prepares, starts, shows, restarts and stops in order.

Every process is started by the main thread and dies with it (`embedded.die_with_parent`), so a supervisor
that was killed leaves nothing for long; the next one ends what is left (`remains`) before it starts its own.
"""

import asyncio
import email
import fcntl
import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from weakref import WeakKeyDictionary

from config import console, embedded, env, preparation, remains

QUESTION = "Quanto custa uma limpeza?"
GATEWAY = "tests.counterparts.gateway"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
HEALTHY_SECONDS = 30.0
LOOK_SECONDS = 0.2
OPEN_FILES = 65536


class CannotStart(Exception):
    """Something that a person has to change first; the message says what."""


@dataclass(frozen=True)
class Options:
    """How this run was asked for."""

    port: int
    host: str
    demo: bool

    @property
    def gateway_port(self) -> int:
        return env.integer("FAKE_GATEWAY_PORT", self.port + 1)

    @property
    def embedding_port(self) -> int:
        return self.port + 3


@dataclass(frozen=True)
class Part:
    """A process that belongs to the product: its name, its words, the port it takes, how long it may end."""

    name: str
    words: tuple[str, ...]
    port: int | None = None
    patience: float = 8.0


def parts(options: Options) -> list[Part]:
    """What runs, in the order of starting."""
    uvicorn = f"uvicorn config.asgi:application --host {options.host} --port {options.port} --loop uvloop"
    # What a header claims of the caller's address is for the product to judge: TRUSTED_PROXIES.
    quiet = "--no-access-log --log-level warning --no-proxy-headers"
    # Events are a hundred bytes and go to many pages: each would be deflated by itself, for nothing.
    web = f"{uvicorn} --http httptools --ws-per-message-deflate false {quiet} --timeout-graceful-shutdown 5"
    worker = "celery --quiet -A config worker -P threads --without-mingle --without-gossip -l INFO"
    found = [
        Part("web", _module(web), options.port),
        # Two, because Python runs one thread at a time: answers use both cores, and one's death stops nobody.
        Part("worker", _module(f"{worker} -c 8 -Q inbound,fast -n fast@%h")),
        Part("worker2", _module(f"{worker} -c 8 -Q inbound,fast,bulk -n fast2@%h")),
        Part("slow", _module(f"{worker} -c 2 -Q slow -n slow@%h")),
        # Threads that mostly wait for strangers: time to read what comes in while the others are busy.
        Part("hooks", _module(f"{worker} -c 16 -Q inbound,hooks -n hooks@%h")),
        Part("beat", _module("celery --quiet -A config beat -l WARNING --pidfile=")),
    ]
    if not env.text("EMBEDDING_URL"):
        port = options.embedding_port
        found.append(Part("embedder", _module(f"providers.embedding_server --port {port}"), port))
    if not env.production() and _exists(GATEWAY):
        port = options.gateway_port
        memory = env.data_dir() / "gateway"
        found.append(Part("gateway", (*_module(f"{GATEWAY} --port {port} --data"), str(memory)), port))
    return found


def _module(line: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *line.split())


def _exists(module: str) -> bool:
    """A container of the product carries no tests, and so no counterparts."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run(options: Options) -> int:
    """Run until told to stop; the exit code."""
    try:
        with _only_one(env.data_dir(), options):
            return asyncio.run(Supervisor(options).run())
    except (CannotStart, embedded.ServerFailed) as reason:
        console.say(console.paint(f"✗ {reason}", 31))
        return 1


def _only_one(data: Path, options: Options) -> IO[str]:
    """The lock that makes this the only supervisor of the data folder; it goes when the process goes."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "up.lock").open("a+")
    except OSError as error:
        raise CannotStart(
            f"{data} cannot be written ({error.strerror}): choose another FRONTDESK_DATA."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        raise CannotStart(
            f"Frontdesk already runs on {data}: {file.read().strip()}. Stop that one first."
        ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}, http://localhost:{options.port}")
    file.flush()
    return file


@dataclass
class Supervisor:
    """One run."""

    options: Options
    data: Path = field(default_factory=env.data_dir)
    began: float = field(default_factory=time.monotonic)
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    stopping: bool = False

    async def run(self) -> int:
        self._listen_to_signals()
        keepers: list[asyncio.Task[None]] = []
        try:
            _raise_file_limit()
            self._clear_the_way()
            self._start_servers()
            await self._prepare()
            keepers = [asyncio.create_task(self._keep(part)) for part in parts(self.options)]
            keepers += [asyncio.create_task(self._keep_servers()), asyncio.create_task(self._show_mail())]
            has_demo = await self._make_demo()
            await self._ready()
            self._welcome(has_demo)
            await asyncio.gather(*keepers)
        except asyncio.CancelledError:
            console.say()
        finally:
            self.stopping = True
            await self._stop(keepers)
        return 0

    # -- before

    def _listen_to_signals(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(how, self._told_to_stop, task)

    def _told_to_stop(self, task: asyncio.Task[int]) -> None:
        if not self.stopping:
            self.stopping = True
            task.cancel()
            return
        # Told twice: no more patience.
        for name in list(self.running):
            self._signal(name, signal.SIGKILL)

    def _clear_the_way(self) -> None:
        if ended := remains.end_remains(self.data):
            console.say(f"Ended {ended} processes that an earlier run had left.")
        for part in parts(self.options):
            if part.port is not None and not remains.is_free(part.port):
                raise CannotStart(
                    f"Port {part.port} ({part.name}) is taken by {remains.holder(part.port)}. "
                    f"Stop it, or choose another port: PORT={self.options.port + 10} make run"
                )

    def _start_servers(self) -> None:
        if not env.text("DATABASE_URL"):
            with console.step("PostgreSQL"):
                embedded.start_postgres(self.data)
        if not env.text("REDIS_URL"):
            with console.step("Valkey"):
                embedded.start_valkey(self.data)

    async def _prepare(self) -> None:
        """Migrations and bundle, at the same time, each only when something changed."""
        (self.data / "static").mkdir(exist_ok=True)
        stamps = preparation.Stamps(self.data, preparation.database_identity())
        tables, bundle = preparation.migrations_made_from(), preparation.bundle_made_from()
        todo = []
        if not stamps.matches("migrations", tables):
            todo.append(
                self._step(stamps, "migrations", tables, "Tables of every business", "migrate_schemas")
            )
        if not stamps.matches("bundle", bundle) or not preparation.BUNDLE.is_dir():
            title = "Styles, scripts and translations (the first time downloads their tools)"
            todo.append(self._step(stamps, "bundle", bundle, title, "build_frontend"))
        await asyncio.gather(*todo)

    async def _make_demo(self) -> bool:
        """The demo business, when it is wanted; again when its file has changed. Whether it is there."""
        if not self.options.demo or not preparation.DEMO.is_file():
            return False
        stamps = preparation.Stamps(self.data, preparation.database_identity())
        made_from = preparation.demo_made_from(self.options.port)
        try:
            if not stamps.matches("demo", made_from):
                await self._step(stamps, "demo", made_from, "The demo business", "apply_demo")
        except CannotStart as reason:
            console.log("up", f"going on without the demo business: {reason}")
            return False
        return True

    async def _step(
        self, stamps: preparation.Stamps, name: str, made_from: str, title: str, *words: str
    ) -> None:
        """Run a management command and keep the stamp; say now and then that it still works."""
        with console.step(title):
            patience = asyncio.create_task(_still_working(title))
            try:
                process = await self._spawn(name, (sys.executable, "manage.py", *words))
                code = await process.wait()
                await asyncio.gather(*_readers.pop(process, ()))
            finally:
                patience.cancel()
            self.running.pop(name, None)
            if code:
                raise CannotStart(f"`manage.py {' '.join(words)}` failed; the lines above say why.")
        stamps.keep(name, made_from)

    # -- while it runs

    async def _spawn(self, name: str, words: tuple[str, ...]) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=env.BASE_DIR,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop them in order
            preexec_fn=embedded.die_with_parent(signal.SIGTERM),
            limit=2**20,
        )
        self.running[name] = process
        assert process.stdout is not None
        _readers[process] = [asyncio.create_task(_show(name, process.stdout))]
        return process

    def _environment(self) -> dict[str, str]:
        mine = {
            remains.MARK: str(self.data),
            "FRONTDESK_DATA": str(self.data),
            "PORT": str(self.options.port),
            "FAKE_GATEWAY_PORT": str(self.options.gateway_port),
            **preparation.demo_environment(self.options.gateway_port),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",  # the second start reads what the first has compiled
            # Celery's fear of root is of pickled tasks; ours are JSON.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            "MALLOC_ARENA_MAX": "2",  # many threads must not mean as many heaps
            "CELERY_SKIP_CHECKS": "1",  # the checks would load every page into the workers
        }
        return {**os.environ, **mine, **({"FORCE_COLOR": "1"} if console.coloured() else {})}

    async def _keep(self, part: Part) -> None:
        """Run a part, and again whenever it ends; each time it fails soon the pause is longer."""
        pause = FIRST_PAUSE
        while not self.stopping:
            began = time.monotonic()
            process = await self._spawn(part.name, part.words)
            code = await process.wait()
            self.running.pop(part.name, None)
            pause = FIRST_PAUSE if time.monotonic() - began > HEALTHY_SECONDS else pause
            console.log("up", f"{part.name} ended ({_how(code)}); again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _keep_servers(self) -> None:
        """Start an embedded server again when it died; it comes back at its old address."""
        kept: list[tuple[str, str, Callable[[Path], int | None], Callable[[Path], str]]] = [
            ("DATABASE_URL", "PostgreSQL", embedded.postgres_pid, embedded.start_postgres),
            ("REDIS_URL", "Valkey", embedded.valkey_pid, embedded.start_valkey),
        ]
        while not self.stopping:
            for variable, title, pid, start in kept:
                if not env.text(variable) and pid(self.data) is None:
                    console.log("up", f"{title} ended; starting it again")
                    _try_to_start(title, start, self.data)
            await asyncio.sleep(LOOK_SECONDS)

    async def _show_mail(self) -> None:
        """In development mail becomes files: say for whom, and show the link that is in it."""
        folder = self.data / "mail"
        seen = set(folder.glob("*.log"))
        while not self.stopping:
            for path in set(folder.glob("*.log")) - seen:
                seen.add(path)
                console.log("mail", _about_mail(path))
            await asyncio.sleep(1)

    async def _ready(self) -> None:
        """Wait until /health says yes; meanwhile name what is missing."""
        told, changed = "", time.monotonic()
        while True:
            missing = await _missing(self.options.port)
            if not missing:
                return
            if missing != told and time.monotonic() - changed > 5:
                console.log("up", f"not ready yet: {missing}")
                told, changed = missing, time.monotonic()
            await asyncio.sleep(0.15)

    def _welcome(self, has_demo: bool) -> None:
        """Where it is, who to be, and what to try first."""
        home = f"http://localhost:{self.options.port}"
        lines = [("Data", f"{self.data} (Ctrl-C stops everything)")]
        if has_demo:
            business, login = _demo_login(self.options.port)
            lines += [("The demo business", business), ("Sign in", login)]
            staff = f"{preparation.DEMO_STAFF}   {preparation.demo_password()}"
            lines.append(("The back office", f"{home}/admin/   {staff}"))
        if has_demo and "gateway" in self.running:
            lines.append(("A customer's phone", f"http://localhost:{self.options.gateway_port}"))
            lines.append(("The chat on a site", f"{business}/widget-demo   (signed in)"))
            lines.append(("Try", f"write “{QUESTION}” there, and watch Chats"))
        else:
            lines.append(("Try", f"{home}/accounts/signup/: a business of your own in three steps"))
        console.say()
        console.say(console.paint(f"Frontdesk is ready ({time.monotonic() - self.began:.1f} s): {home}", 1))
        for title, text in lines:
            console.say(f"  {title:<20}{text}")
        console.say()

    # -- after

    async def _stop(self, keepers: list[asyncio.Task[None]]) -> None:
        """The doors first, then those who work, the embedder they use, and the servers last."""
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        order = ("gateway", "web", "beat", "worker", "worker2", "slow")
        console.log("up", "stopping")
        await asyncio.gather(*(self._end(name) for name in order))
        await asyncio.gather(*(self._end(name) for name in list(self.running)))
        if not env.text("REDIS_URL"):
            embedded.stop_valkey(self.data)
        if not env.text("DATABASE_URL"):
            embedded.stop_postgres(self.data)
        console.log("up", "stopped")

    async def _end(self, name: str, patience: float = 8.0) -> None:
        process = self.running.get(name)
        if process is None:
            return
        self._signal(name, signal.SIGTERM)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), patience)
        # What the process itself had started goes with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self.running.pop(name, None)

    def _signal(self, name: str, how: signal.Signals) -> None:
        with suppress(ProcessLookupError, KeyError):
            self.running[name].send_signal(how)


# The tasks that read what a process says: a task that nobody awaits must be held by somebody.
_readers: WeakKeyDictionary[asyncio.subprocess.Process, list[asyncio.Task[None]]] = WeakKeyDictionary()


async def _show(name: str, output: asyncio.StreamReader) -> None:
    while True:
        try:
            line = await output.readline()
        except ValueError:
            line = b"(a line of more than a megabyte was left out)\n"
        if not line:
            return
        console.log(name, line.decode(errors="replace").rstrip())


async def _still_working(title: str) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(5)
        console.say(f"  {title}: still working ({time.monotonic() - began:.0f} s)")


def _raise_file_limit() -> None:
    """A socket is a file: the usual limit of 1,024 would be the limit of open pages."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _try_to_start(title: str, start: Callable[[Path], str], data: Path) -> None:
    try:
        start(data)
    except embedded.ServerFailed as reason:
        console.log("up", f"{title} does not start: {reason}")


def _how(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    return signal.Signals(-code).name


async def _missing(port: int) -> str:
    """What /health says is not ready, in a few words; empty when everything is."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "web does not listen"
    try:
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 15)
    except (TimeoutError, OSError):
        return "web does not answer"
    finally:
        writer.close()
    return _words_of(answer)


def _words_of(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] == [b"200"]:
        return ""
    with suppress(json.JSONDecodeError, AttributeError):
        states = json.loads(body)["parts"].items()
        return "; ".join(f"{name} {state}" for name, state in states if state != "ok")
    return f"web answers {head.split(b' ')[1:2]}"


def _about_mail(path: Path) -> str:
    """For whom a mail is, what about, and its first link."""
    message = email.message_from_bytes(path.read_bytes().partition(b"\n" + b"-" * 79)[0])
    body = message.get_payload(decode=True)
    link = re.search(rb"https?://\S+", body if isinstance(body, bytes) else b"")
    words = f"to {message['To']}: {message['Subject']}"
    return f"{words} {link[0].decode()}" if link else words


def _demo_login(port: int) -> tuple[str, str]:
    """The demo business's address, and its owner's e-mail and password, as the file has them."""
    said = preparation.demo_file()
    host = f"{said['business']['slug']}.{env.text('BASE_DOMAIN', 'localhost')}"
    return f"http://{host}:{port}", f"{said['owner']['email']}   {said['owner']['password']}"
