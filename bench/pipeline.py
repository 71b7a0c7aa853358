"""From the doors of three channels to the answer that is sent, beside the least that could do the same.

`python -m bench.pipeline` prints JSON. The sides are measured in turn within one run, three rounds, medians.
What customers say comes mixed (`bench.mix`): half through WAHA, three tenths in signed batches of the Cloud
API, two tenths from visitors of the web chat. The floor knows one door, and gets each message by itself.
CPU is that of the processes of the side, with PostgreSQL's and Valkey's part while it ran, never of the load
generator or of the outside world. `--short` is for CI: little of everything. `--only ack,path` chooses.
"""

import argparse
import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
import uvloop

from bench import floor, load, measure, mix
from bench.measure import Figures, progress
from bench.stack import ROOT, SERVER_OPTIONS, SLUG, Stack, free_port, get, running, tell, wait_until

IN_FLIGHT = 16
WORKERS = ("worker", "worker2")
PRODUCT = ("web", *WORKERS, "slow", "hooks", "beat", "embedder", "postgres", "valkey")
GATEWAYS = tuple(turn for turn in mix.TURN if turn[0] != "web")
VISITORS = tuple(turn for turn in mix.TURN if turn[0] == "web")
A_REQUEST = sum(count for _kind, count in mix.TURN) / len(mix.TURN)  # messages
UNLIMITED = {
    f"WEB_CHAT_{name}": "100000000"
    for name in ("MESSAGES_A_MINUTE", "ADDRESS_MESSAGES_A_MINUTE", "VISITORS_AN_HOUR", "REQUESTS_A_MINUTE")
} | {"WHATSAPP_CLOUD_MESSAGES_A_SECOND": "0", "WHATSAPP_CLOUD_PERSON_SECONDS": "0"}
QUESTIONS = [
    f"{start} {what}?"
    for start in ("Please tell me,", "Hello!", "Good morning,", "I would like to know:", "Quick question:")
    for what in (
        "when do you open on Saturday",
        "how much is a first consultation",
        "is there parking near the house",
        "do you take my health plan",
        "when are the results of a blood test ready",
        "do I need an appointment for a vaccine",
        "who sees children and when",
        "can I move my appointment",
    )
]


@dataclass
class Amounts:
    """How much of everything."""

    rounds: int = 3
    ack: int = 4000
    say: int = 400
    path: int = 240
    open_seconds: float = 10.0
    steady_seconds: float = 120.0
    fast_seconds: float = 60.0
    contacts: int = 400


SHORT = Amounts(
    rounds=1, ack=400, say=60, path=30, open_seconds=2.0, steady_seconds=6.0, fast_seconds=4.0, contacts=60
)


@dataclass
class Bench:
    """The product, the floor beside it on the same servers, and what has been said so far."""

    stack: Stack
    amounts: Amounts
    doors: mix.Doors = field(default_factory=lambda: mix.Doors("", "", "", ()))
    floor_port: int = field(default_factory=free_port)
    floor_url: str = ""
    floor_environment: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    watch: psycopg.Connection[Any] | None = None

    # -- setting up

    def set_up(self) -> None:
        """The business through its file, and the floor's table in a database of its own."""
        outside = self.stack.outside_url
        self.stack.apply_business(model=outside, gateway=outside)
        waha, cloud, web = (self.stack.channels[name] for name in ("WhatsApp", "Cloud API", "Site"))
        self.doors = mix.Doors(waha, cloud, web, self._visitors(web))
        ready = "SELECT 1 FROM knowledge_document WHERE status = 'ready'"
        wait_until(lambda: self.stack.ask(ready, schema=SLUG), seconds=120, what="the document is not ready")
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS floor WITH (FORCE)")
            connection.execute("CREATE DATABASE floor")
        self.floor_url = self.stack.database_url.rpartition("/")[0] + "/floor"
        floor.prepare(self.floor_url)
        self._start_floor()
        self.warm_up()

    def warm_up(self) -> None:
        """What a process does once, such as loading the vendor's SDK, belongs to no message."""
        for one in self.said(len(QUESTIONS)):
            _all_taken(uvloop.run(_closed(self.stack.port, [one.make()])))
            time.sleep(0.05)
        self.drained()

    def _visitors(self, channel: str) -> list[tuple[str, str]]:
        """As many as there are customers of each other channel, each with a token of the chat's own."""
        headers = {"Origin": mix.ORIGIN}
        url = f"{self.stack.url}/chat/{channel}/visitor"
        tokens = [tell(url, {}, headers=headers)["token"] for _ in range(self.amounts.contacts)]
        return [(mix.visitor_of(token), token) for token in tokens]

    def _start_floor(self) -> None:
        environment = {
            "FLOOR_DATABASE_URL": self.floor_url,
            "FLOOR_MODEL_URL": self.stack.outside_url,
            "FLOOR_GATEWAY_URL": self.stack.outside_url,
        }
        web = (sys.executable, "-m", "uvicorn", "bench.floor:door", "--port", str(self.floor_port))
        self.stack.spawn("floor", *web, *SERVER_OPTIONS, **environment)
        self.stack.wait_for_port("floor", self.floor_port)
        self.floor_environment = environment

    # -- what is sent

    def requests(self, kinds: mix.Kinds = mix.TURN) -> Iterator[mix.Request]:
        """New messages without end, each from the next customer, asking one of forty questions."""
        people = self.amounts.contacts
        return self.doors.requests(kinds, numbers=self.numbers, questions=QUESTIONS, people=people)

    def said(self, messages: int, kinds: mix.Kinds = mix.TURN) -> list[mix.Request]:
        """Requests with so many messages in them, or a few more."""
        found: list[mix.Request] = []
        for one in self.requests(kinds):
            found.append(one)
            messages -= len(one.ids)
            if messages <= 0:
                break
        return found

    def to_floor(self, messages: int) -> list[bytes]:
        """As many messages at the floor's door, one request each."""
        secret, people = floor.SECRET.decode(), self.amounts.contacts
        said = [
            load.Said(number, QUESTIONS[number % len(QUESTIONS)], f"55119{number % people:08d}@c.us")
            for number in itertools.islice(self.numbers, messages)
        ]
        return [load.post(floor.PATH, one.body(now=time.time()), secret=secret) for one in said]

    # -- rounds

    def ack(self, *, port: int, requests: list[bytes], parts: tuple[str, ...]) -> Figures:
        """The door alone: how many requests it takes with sixteen in flight, and what each costs."""
        meter = self.stack.meter(*parts)
        before = meter.cpu()
        answers = uvloop.run(_closed(port, requests))
        used = measure.spent(before, meter.cpu())
        _all_taken(answers)
        figures = {"per_second": round(answers.per_second), "cpu_ms": used["all"] / len(requests) * 1000}
        return figures | measure.milliseconds(answers.durations) | _each(used, len(requests))

    def product_ack(self) -> Figures:
        requests = [one.make() for one in itertools.islice(self.requests(GATEWAYS), self.amounts.ack)]
        return self._without_workers(requests)

    def say(self) -> Figures:
        """The web chat's door: it puts a message into its thread at once, and so costs more."""
        requests = [one.make() for one in self.said(self.amounts.say, VISITORS)]
        figures = self._without_workers(requests)
        return figures | {"drained_s": self.drained()}

    def _without_workers(self, requests: list[bytes]) -> Figures:
        for name in WORKERS:
            self.stack.end(name)
        try:
            return self.ack(port=self.stack.port, requests=requests, parts=("web", "postgres", "valkey"))
        finally:
            self.forget()
            for name in WORKERS:
                self.stack.start(name)

    def floor_ack(self) -> Figures:
        self.stack.end("floor_worker")  # the door alone
        requests = self.to_floor(self.amounts.ack)
        return self.ack(port=self.floor_port, requests=requests, parts=("floor", "postgres"))

    def forget(self) -> None:
        """Throw away what a round of the door alone has left, so that nobody works on it."""
        self.stack.ask("DELETE FROM conversations_webhookevent RETURNING id", schema=SLUG)
        redis.Redis.from_url(self.stack.redis_url).delete("inbound", "fast")

    def product_path(self) -> Figures:
        """The whole way of so many messages: CPU of each, and how many a second."""
        said = self.said(self.amounts.path)
        requests, count = [one.make() for one in said], sum(len(one.ids) for one in said)
        return self._path(self.stack.port, requests, count, parts=PRODUCT, done=self._nothing_waits)

    def floor_path(self) -> Figures:
        if "floor_worker" not in self.stack.processes:
            self.stack.spawn("floor_worker", sys.executable, "-m", "bench.floor", **self.floor_environment)
        sent_url, requests = f"{self.stack.outside_url}/sent", self.to_floor(self.amounts.path)
        tell(sent_url, method="DELETE")
        return self._path(
            self.floor_port,
            requests,
            len(requests),
            parts=("floor", "floor_worker", "postgres"),
            done=lambda: len(tell(sent_url, method="GET")) >= len(requests),
        )

    def _path(
        self, port: int, requests: list[bytes], count: int, *, parts: tuple[str, ...],
        done: Callable[[], bool],
    ) -> Figures:  # fmt: skip
        meter = self.stack.meter(*parts)
        before, started = meter.cpu(), time.perf_counter()
        _all_taken(uvloop.run(_closed(port, requests)))
        wait_until(done, seconds=120, what="the answers have not all been sent", every=0.1)
        took = time.perf_counter() - started
        time.sleep(0.5)  # what follows the send belongs to the message
        used = measure.spent(before, meter.cpu())
        return {"per_second": round(count / took, 1), "cpu_ms": used["all"] / count * 1000} | _each(
            used, count
        )

    # -- one side only

    def open_door(self, *, rate: float, seconds: float) -> Figures:
        """Requests at a steady rate, the product at work: how long each side waits for its 200."""
        share = len(VISITORS) / len(mix.TURN)
        sides = {
            "gateways": (self._bytes(GATEWAYS), rate * (1 - share)),
            "visitors": (self._bytes(VISITORS), rate * share),
        }
        answers = uvloop.run(_open_together(self.stack.port, sides, seconds=seconds))
        figures: Figures = {}
        for name, one in answers.items():
            _all_taken(one)
            waits = measure.milliseconds(one.durations)
            figures |= waits if name == "gateways" else {f"{name}_{key}": ms for key, ms in waits.items()}
        return figures | {"drained_s": self.drained()}

    def _bytes(self, kinds: mix.Kinds) -> Iterator[bytes]:
        return (one.make() for one in self.requests(kinds))

    def steady(self, *, rate: float, seconds: float) -> Figures:
        """Messages at a steady rate: from the planned moment of the delivery to the answer's send."""
        said, rate = self.said(int(rate * seconds)), rate / A_REQUEST
        meter = self.stack.meter(*PRODUCT)
        before, began = meter.cpu(), time.time()
        requests = (one.make() for one in said)
        seconds = (len(said) + 0.5) / rate
        _all_taken(uvloop.run(_open(self.stack.port, requests, rate=rate, seconds=seconds)))
        drained = self.drained()
        used = measure.spent(before, meter.cpu())
        planned = {unique: began + n / rate for n, one in enumerate(said) for unique in one.ids}
        sent = dict(self.stack.ask(_SENT_AT, schema=SLUG))
        waits = [sent[unique] - at for unique, at in planned.items() if unique in sent]
        figures = {"messages": len(planned), "answered": len(waits), "drained_s": drained}
        return (
            figures
            | measure.milliseconds(waits)
            | {"cpu_ms": round(used["all"] / len(planned) * 1000, 2)}
            | _each(used, len(planned))
        )

    def troubles(self) -> dict[str, Any]:
        """What was not as it should be: vendors that failed, turns that did, messages that a person got."""
        return {name: self.stack.ask(statement, schema=SLUG) for name, statement in _TROUBLES.items()}

    def drained(self) -> float:
        """Seconds until nothing waits any more."""
        started = time.perf_counter()
        wait_until(self._nothing_waits, seconds=300, what="a backlog is left")
        return round(time.perf_counter() - started, 2)

    def _nothing_waits(self) -> bool:
        """On a connection that is kept: a new one ten times a second would be seen in PostgreSQL's part."""
        if self.watch is None:
            self.watch = psycopg.connect(self.stack.database_url, autocommit=True)
            self.watch.execute("SELECT set_config('search_path', %s, false)", [SLUG])
        return self.watch.execute(_BACKLOG, prepare=True).fetchone() == (0,)


_BACKLOG = """
SELECT (SELECT count(*) FROM conversations_webhookevent WHERE status = 'new')
     + (SELECT count(*) FROM conversations_message WHERE direction = 'in' AND outcome = '')
     + (SELECT count(*) FROM conversations_message
        WHERE direction = 'out' AND status IN ('queued', 'sending'))
"""
_TROUBLES = {
    "vendors": "SELECT vendor, failures, detail FROM conversations_breaker WHERE failures > 0",
    "turns": "SELECT status, error, count(*) FROM conversations_turn WHERE status <> 'done' GROUP BY 1, 2",
    "outcomes": """
        SELECT outcome, outcome_reason, count(*) FROM conversations_message
        WHERE direction = 'in' AND outcome <> 'answered' GROUP BY 1, 2""",
    "sends": """
        SELECT status, error, count(*) FROM conversations_message
        WHERE direction = 'out' AND status <> 'sent' GROUP BY 1, 2""",
}
_SENT_AT = """
SELECT split_part(asked.provider_key, ':', 3), extract(epoch FROM min(answer.sent_at))::float
FROM conversations_message asked JOIN conversations_message answer
  ON answer.turn_id = asked.turn_id AND answer.direction = 'out' AND answer.sent_at IS NOT NULL
WHERE asked.direction = 'in' GROUP BY 1
"""


async def _closed(port: int, requests: list[bytes]) -> load.Answers:
    wires = load.Wires("127.0.0.1", port)
    try:
        return await load.closed_loop(wires, requests, in_flight=IN_FLIGHT)
    finally:
        wires.close()


async def _open(port: int, requests: Iterator[bytes], *, rate: float, seconds: float) -> load.Answers:
    wires = load.Wires("127.0.0.1", port)
    try:
        return await load.open_loop(wires, requests, rate=rate, seconds=seconds)
    finally:
        wires.close()


async def _open_together(
    port: int, sides: dict[str, tuple[Iterator[bytes], float]], *, seconds: float
) -> dict[str, load.Answers]:
    """Several steady streams at once, each on connections of its own."""
    streams = [_open(port, requests, rate=rate, seconds=seconds) for requests, rate in sides.values()]
    return dict(zip(sides, await asyncio.gather(*streams), strict=True))


def _all_taken(answers: load.Answers) -> None:
    if not answers.all_have(200):
        raise RuntimeError(f"The door did not take everything: {answers.statuses}")


def _each(used: Figures, count: int) -> Figures:
    """CPU milliseconds a message, by process."""
    return {
        f"cpu_ms_{name}": round(seconds / count * 1000, 3) for name, seconds in used.items() if name != "all"
    }


def compared(rounds: dict[str, list[Figures]]) -> dict[str, Any]:
    """Both sides' medians, and the product's rate and CPU as ratios of the floor's in the same round."""
    pairs = list(zip(rounds["product"], rounds["floor"], strict=True))
    ratios = [
        {"rate": ours["per_second"] / least["per_second"], "cpu": ours["cpu_ms"] / least["cpu_ms"]}
        for ours, least in pairs
    ]
    return {side: measure.median_of(figures) for side, figures in rounds.items()} | {
        "ratio": measure.median_of(ratios)
    }


def second_start() -> Figures:
    """Seconds from the command to ready, with everything made by an earlier start."""
    stack = Stack("bench-start")
    command = [sys.executable, "manage.py", "up", "--no-demo"]
    environment = {
        key: value for key, value in stack.environment.items() if key not in ("DATABASE_URL", "REDIS_URL")
    }
    stack.data.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in ("before_s", "second_s"):
        started = time.perf_counter()
        with (stack.data / "up.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: get(f"{stack.url}/health"), seconds=300, what="not ready", every=0.1)
            found[name] = round(time.perf_counter() - started, 2)
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
    return found


def run(amounts: Amounts, chosen: set[str]) -> dict[str, Any]:
    """All stages that were chosen."""
    result: dict[str, Any] = {"bench": "pipeline", "machine": measure.machine(), "amounts": vars(amounts)}
    if "start" in chosen:
        result["start"] = second_start()
    bench = Bench(Stack("bench", extra_env=dict(UNLIMITED)), amounts)
    bench.stack.extra_env["WHATSAPP_CLOUD_URL"] = bench.stack.outside_url
    with running(bench.stack):
        bench.set_up()
        for name, stage in stages(bench).items():
            if name in chosen:
                progress(name)
                result[name] = stage()
                progress(f"{name}: {result[name]}")
        result["troubles"] = bench.troubles()
    return result


def stages(bench: Bench) -> dict[str, Callable[[], Any]]:
    """By name, in the order in which they run."""
    amounts = bench.amounts
    acks = {"product": bench.product_ack, "floor": bench.floor_ack}
    paths = {"product": bench.product_path, "floor": bench.floor_path}
    return {
        "memory": lambda: bench.stack.meter(*PRODUCT).memory_mb(),
        "path": lambda: compared(measure.interleave(paths, rounds=amounts.rounds)),
        "steady_14": lambda: bench.steady(rate=14, seconds=amounts.steady_seconds),
        "steady_40": lambda: bench.steady(rate=40, seconds=amounts.fast_seconds),
        "open_140": lambda: bench.open_door(rate=140, seconds=amounts.open_seconds),
        "memory_after": lambda: bench.stack.meter(*PRODUCT).memory_mb(),
        "ack": lambda: compared(measure.interleave(acks, rounds=amounts.rounds)),
        "say": bench.say,
    }


STAGES = ("start", "memory", "path", "steady_14", "steady_40", "open_140", "memory_after", "ack", "say")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="little of everything, one round")
    parser.add_argument("--only", default=",".join(STAGES), help="stages, separated by commas")
    options = parser.parse_args()
    measure.print_json(run(SHORT if options.short else Amounts(), set(options.only.split(","))))
