"""From the gateway's door to the answer that is sent, beside the least that could do the same.

`python -m bench.pipeline` prints JSON. The sides are measured in turn within one run, three rounds, medians.
CPU is that of the processes of the side, with PostgreSQL's and Valkey's part while it ran, never of the load
generator or of the outside world. `--short` is for CI: little of everything. `--only ack,path` chooses.
"""

import argparse
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

from bench import floor, load, measure
from bench.measure import Figures, progress
from bench.stack import ROOT, SERVER_OPTIONS, SLUG, Stack, free_port, get, running, tell, wait_until

IN_FLIGHT = 16
WORKERS = ("worker", "worker2")
PRODUCT = ("web", *WORKERS, "slow", "beat", "embedder", "postgres", "valkey")
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
    path: int = 240
    open_seconds: float = 10.0
    steady_seconds: float = 120.0
    fast_seconds: float = 60.0
    contacts: int = 400


SHORT = Amounts(
    rounds=1, ack=400, path=30, open_seconds=2.0, steady_seconds=6.0, fast_seconds=4.0, contacts=60
)


@dataclass
class Bench:
    """The product, the floor beside it on the same servers, and what has been said so far."""

    stack: Stack
    amounts: Amounts
    channel: str = ""
    floor_port: int = field(default_factory=free_port)
    floor_url: str = ""
    floor_environment: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # -- setting up

    def set_up(self) -> None:
        """The business through its file, and the floor's table in a database of its own."""
        outside = self.stack.outside_url
        self.channel = self.stack.apply_business(model=outside, gateway=outside)
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
        said = [load.Said(next(self.numbers), question, "5511000000000@c.us") for question in QUESTIONS]
        for one in said:
            _all_taken(uvloop.run(_closed(self.stack.port, [self.to_product(one)])))
            time.sleep(0.05)
        self.drained()

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

    def deliveries(self, *, contacts: int = 0) -> Iterator[load.Said]:
        """New messages without end, each from the next contact, asking one of forty questions."""
        for number in self.numbers:
            chat = f"55119{number % (contacts or self.amounts.contacts):08d}@c.us"
            yield load.Said(number, QUESTIONS[number % len(QUESTIONS)], chat)

    def to_product(self, said: load.Said) -> bytes:
        body = said.body(now=time.time())
        return load.post(f"/hooks/waha/{self.channel}", body, secret="hmac-secret")

    def to_floor(self, said: load.Said) -> bytes:
        return load.post(floor.PATH, said.body(now=time.time()), secret=floor.SECRET.decode())

    # -- rounds

    def ack(self, *, port: int, post: Callable[[load.Said], bytes], parts: tuple[str, ...]) -> Figures:
        """The door alone: how many it takes with sixteen in flight, and what each costs."""
        requests = [post(said) for said in itertools.islice(self.deliveries(), self.amounts.ack)]
        meter = self.stack.meter(*parts)
        before = meter.cpu()
        answers = uvloop.run(_closed(port, requests))
        used = measure.spent(before, meter.cpu())
        _all_taken(answers)
        figures = {"per_second": round(answers.per_second), "cpu_ms": used["all"] / len(requests) * 1000}
        return figures | measure.milliseconds(answers.durations) | _each(used, len(requests))

    def product_ack(self) -> Figures:
        for name in WORKERS:
            self.stack.end(name)
        try:
            return self.ack(port=self.stack.port, post=self.to_product, parts=("web", "postgres", "valkey"))
        finally:
            self.forget()
            for name in WORKERS:
                self.stack.start(name)

    def floor_ack(self) -> Figures:
        self.stack.end("floor_worker")  # the door alone
        return self.ack(port=self.floor_port, post=self.to_floor, parts=("floor", "postgres"))

    def forget(self) -> None:
        """Throw away what a round of the door alone has left, so that nobody works on it."""
        self.stack.ask("DELETE FROM conversations_webhookevent RETURNING id", schema=SLUG)
        redis.Redis.from_url(self.stack.redis_url).delete("inbound", "fast")

    def path(self, *, port: int, post: Callable[[load.Said], bytes], parts: tuple[str, ...]) -> Figures:
        """The whole way of so many messages: CPU of each, and how many a second."""
        tell(f"{self.stack.outside_url}/sent", method="DELETE")
        requests = [post(said) for said in itertools.islice(self.deliveries(), self.amounts.path)]
        meter = self.stack.meter(*parts)
        before, started = meter.cpu(), time.perf_counter()
        _all_taken(uvloop.run(_closed(port, requests)))
        wait_until(
            lambda: len(self.sent()) >= len(requests), seconds=120, what="the answers have not all been sent"
        )
        took = time.perf_counter() - started
        time.sleep(0.5)  # what follows the send belongs to the message
        used = measure.spent(before, meter.cpu())
        figures = {"per_second": round(len(requests) / took, 1), "cpu_ms": used["all"] / len(requests) * 1000}
        return figures | _each(used, len(requests))

    def product_path(self) -> Figures:
        return self.path(port=self.stack.port, post=self.to_product, parts=PRODUCT)

    def floor_path(self) -> Figures:
        if "floor_worker" not in self.stack.processes:
            self.stack.spawn("floor_worker", sys.executable, "-m", "bench.floor", **self.floor_environment)
        parts = ("floor", "floor_worker", "postgres")
        return self.path(port=self.floor_port, post=self.to_floor, parts=parts)

    def sent(self) -> Any:
        return tell(f"{self.stack.outside_url}/sent", method="GET")

    # -- one side only

    def open_door(self, *, rate: float, seconds: float) -> Figures:
        """New messages at a steady rate, the product at work: how long the gateway waits for its 200."""
        requests = map(self.to_product, self.deliveries())
        answers = uvloop.run(_open(self.stack.port, requests, rate=rate, seconds=seconds))
        _all_taken(answers)
        return measure.milliseconds(answers.durations) | {"drained_s": self.drained()}

    def steady(self, *, rate: float, seconds: float) -> Figures:
        """Messages at a steady rate: from the planned moment of the delivery to the answer's send."""
        said = list(itertools.islice(self.deliveries(), int(rate * seconds)))
        meter = self.stack.meter(*PRODUCT)
        before, began = meter.cpu(), time.time()
        requests = map(self.to_product, said)
        _all_taken(uvloop.run(_open(self.stack.port, requests, rate=rate, seconds=seconds)))
        drained = self.drained()
        used = measure.spent(before, meter.cpu())
        sent = dict(self.stack.ask(_SENT_AT, schema=SLUG))
        waits = [
            sent[one.unique_id] - (began + n / rate) for n, one in enumerate(said) if one.unique_id in sent
        ]
        figures = {"messages": len(said), "answered": len(waits), "drained_s": drained}
        return (
            figures
            | measure.milliseconds(waits)
            | {"cpu_ms": round(used["all"] / len(said) * 1000, 2)}
            | _each(used, len(said))
        )

    def drained(self) -> float:
        """Seconds until nothing waits any more."""
        started = time.perf_counter()
        wait_until(
            lambda: self.stack.ask(_BACKLOG, schema=SLUG) == [(0,)], seconds=300, what="a backlog is left"
        )
        return round(time.perf_counter() - started, 2)


_BACKLOG = """
SELECT (SELECT count(*) FROM conversations_webhookevent WHERE status = 'new')
     + (SELECT count(*) FROM conversations_message WHERE direction = 'in' AND outcome = '')
     + (SELECT count(*) FROM conversations_message
        WHERE direction = 'out' AND status IN ('queued', 'sending'))
"""
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
    bench = Bench(Stack("bench"), amounts)
    with running(bench.stack):
        bench.set_up()
        for name, stage in stages(bench).items():
            if name in chosen:
                progress(name)
                result[name] = stage()
                progress(f"{name}: {result[name]}")
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
    }


STAGES = ("start", "memory", "path", "steady_14", "steady_40", "open_140", "memory_after", "ack")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="little of everything, one round")
    parser.add_argument("--only", default=",".join(STAGES), help="stages, separated by commas")
    options = parser.parse_args()
    measure.print_json(run(SHORT if options.short else Amounts(), set(options.only.split(","))))
