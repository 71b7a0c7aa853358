"""Kill everything at random while messages arrive on three channels, then count (tests/chaos/count.py).

Customers write over a WAHA gateway, over the Cloud API in batches, and in the web chat; a share of the
deliveries comes late, a share comes again three times, all of them until they get a 2xx. Sends fail, hang,
are cut off, or succeed and then fail. Meanwhile one part after the other is killed, stopped or emptied, also
a worker at the very moment at which its message has left and is not marked. One seed decides every choice.
"""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psutil
import redis

from bench.measure import progress
from bench.stack import ROOT, SLUG, NotReady, Stack, free_port, running, wait_until
from config import embedded
from tests.chaos import count
from tests.chaos.count import tell
from tests.chaos.verdict import Verdict
from tests.chaos.visitors import Visitors

WAHA_FAULTS = {"status": 0.03, "hang": 0.004, "reset": 0.02, "after": 0.03, "after_reset": 0.03}
# Meta's own errors say that nothing was sent. Of the last three nobody can say so: they are rarer.
CLOUD_FAULTS = {
    "131016": 0.03, "130429:1": 0.02, "after": 0.03, "after_reset": 0.02, "after_hang": 0.004,
    "status": 0.001, "reset": 0.001, "hang": 0.001,
}  # fmt: skip
SENDERS = ("worker", "worker2")
CLOUD = {"token": "storm token", "app_secret": "storm secret"}
NETWORK = {"late": 0.3, "late_seconds": 4.0, "again": 0.25, "times": 3}
WARM = 12  # first questions, for both workers
HELD_SECONDS = 45.0  # so long a send is waited for that can be killed between its leaving and its mark
HANG_SECONDS = 14.0  # longer than a send waits


@dataclass(frozen=True)
class Plan:
    """How much, how fast, how cruel. `calm` is the time that the product has to come to rest, in seconds."""

    seed: int
    waha: int
    cloud: int
    web: int
    rate: float
    people: tuple[int, int, int]
    pause: tuple[float, float]
    calm: float
    dead_seconds: int
    acts: tuple[str, ...]  # in the order of the first round

    @property
    def messages(self) -> int:
        return self.waha + self.cloud + self.web

    @property
    def seconds(self) -> float:
        return self.messages / self.rate

    def of(self, messages: int, *, rate: float) -> "Plan":
        """As many messages, in the same shares, at this rate."""
        share = messages / self.messages
        waha, cloud = round(self.waha * share), round(self.cloud * share)
        return replace(self, waha=waha, cloud=cloud, web=messages - waha - cloud, rate=rate)


KILLED = ("web", "worker", "worker2", "beat", "valkey", "postgres")
BETWEEN = ("between_waha", "between_cloud")


def full(seed: int) -> Plan:
    """What `make chaos` runs: 10,000 messages."""
    return Plan(
        seed, waha=4500, cloud=4000, web=1500, rate=20, people=(900, 800, 60), pause=(1.0, 5.0), calm=900,
        dead_seconds=30,
        acts=(
            *KILLED, *BETWEEN, *BETWEEN, "flush", "slow", "hooks", "embedder", "waha_hangs", "cloud_hangs",
        ),
    )  # fmt: skip


def short(seed: int) -> Plan:
    """What CI runs: about a minute with its setting up."""
    return Plan(
        seed, waha=90, cloud=90, web=40, rate=11, people=(40, 40, 8), pause=(0.2, 0.8), calm=180,
        dead_seconds=30, acts=(*BETWEEN, "postgres", "worker", "flush", "web", "valkey", "beat"),
    )  # fmt: skip


@dataclass
class Storm:
    """One run: the product, its outside world, and what is done to both."""

    plan: Plan
    verdict: Verdict
    stack: Stack
    cloud_port: int
    channels: dict[str, str] = field(default_factory=dict)  # name to id
    visitors: Visitors | None = None
    resent: set[int] = field(default_factory=set)  # rows that staff sent again

    # -- addresses

    @property
    def cloud_url(self) -> str:
        return f"http://127.0.0.1:{self.cloud_port}"

    @property
    def outside(self) -> dict[str, str]:
        """The two gateways by the names of their channels."""
        return {"waha": self.stack.gateway_url, "cloud": self.cloud_url}

    # -- setting up

    def set_up(self) -> None:
        """The business through its file; its model answers at once, its gateways are the counterparts."""
        server = (sys.executable, "-m", "tests.counterparts.cloud", "--port", str(self.cloud_port))
        self.stack.spawn("cloud", *server)
        self.stack.wait_for_port("cloud", self.cloud_port)
        self.channels = self._apply()
        self._pair_waha()
        self._pair_cloud()
        numbers = range(self.plan.waha + self.plan.cloud + 1, self.plan.messages + 1)
        self.visitors = Visitors(
            self.stack.url, self.channels["Site"], people=self.plan.people[2], seed=self.plan.seed,
            says=[(number, said(number)) for number in numbers], seconds=self.plan.seconds,
        )  # fmt: skip

    def _apply(self) -> dict[str, str]:
        data = self.stack.data
        shutil.copy(ROOT / "bench" / "clinic.md", data / "clinic.md")
        text = (ROOT / "tests" / "chaos" / "business.yaml").read_text()
        text = text.replace("<model>", self.stack.outside_url).replace("<gateway>", self.stack.gateway_url)
        (data / "business.yaml").write_text(text)
        report = count.json_of(self.stack.manage("apply", "-f", str(data / "business.yaml"), "--json"))
        return {channel["name"]: channel["id"] for channel in report["channels"]}

    def _pair_waha(self) -> None:
        session = {
            "webhook_url": f"{self.stack.url}/hooks/waha/{self.channels['WAHA']}",
            "hmac_key": "hmac-secret",
            "api_key": "gateway-key",
        }
        url = self.stack.gateway_url
        tell(f"{url}/_control/sessions/default", session, method="PUT")
        # An echo tells the product that a message of unknown fate was sent: half of the seeds do without.
        options = {"echo": self.plan.seed % 2 == 0, "acks": True, "retry_seconds": 0.5, "retries": 900}
        tell(f"{url}/_control/options", options, method="PUT")

    def _pair_cloud(self) -> None:
        webhook = f"{self.stack.url}/hooks/cloud/{self.channels['Cloud']}"
        number = {**CLOUD, "waba_id": "222", "webhook_url": webhook}
        tell(f"{self.cloud_url}/_control/numbers/111", number, method="PUT")
        options = {"retry_seconds": 0.5, "retries": 900}
        tell(f"{self.cloud_url}/_control/options", options, method="PUT")

    def warm_up(self) -> None:
        """What a worker does once, such as loading the vendor's SDK, is no part of the storm."""
        for number in range(WARM):
            hello = {"session": "default", "chat": f"55119999{number:05d}@c.us", "text": "Good morning!"}
            tell(f"{self.stack.gateway_url}/_control/messages", hello)
        wait_until(self._is_warm, seconds=180, what="nobody is answered", every=0.1)

    def _is_warm(self) -> bool:
        return len(tell(f"{self.stack.gateway_url}/_control/sent", method="GET")) >= WARM

    # -- the storm

    def rage(self) -> None:
        """Customers write, and one thing after the other goes wrong, until all has been said."""
        for name, rates in {"waha": WAHA_FAULTS, "cloud": CLOUD_FAULTS}.items():
            faults = {"rates": rates, "seed": self.plan.seed}
            tell(f"{self.outside[name]}/_control/faults", faults, method="PUT")
        self._everybody_writes()
        ends = time.monotonic() + self.plan.seconds
        for number, (act, down, pause) in enumerate(self._choices()):
            if number >= len(BETWEEN) and time.monotonic() + pause >= ends:
                break
            time.sleep(pause)
            self._act(act, down)
        time.sleep(max(0.0, ends - time.monotonic()))

    def _everybody_writes(self) -> None:
        plan, share = self.plan, {"seed": self.plan.seed, **NETWORK}
        over_waha, over_cloud = waha_messages(plan), cloud_messages(plan)
        rates = {"waha": plan.waha / plan.seconds, "cloud": plan.cloud / plan.seconds}
        burst = {"session": "default", "messages": over_waha, "rate": rates["waha"]} | share
        tell(f"{self.stack.gateway_url}/_control/burst", burst)
        burst = {"number": "111", "messages": over_cloud, "rate": rates["cloud"], "batch": 50} | share
        tell(f"{self.cloud_url}/_control/burst", burst)
        assert self.visitors is not None
        self.visitors.start()

    def _choices(self) -> Iterator[tuple[str, float, float]]:
        """What is done, how long it lasts, and how long nothing happens before: in a new order each round."""
        chance, order = random.Random(self.plan.seed), list(self.plan.acts)
        while True:
            for act in order:
                yield act, chance.uniform(0.2, 1.5), chance.uniform(*self.plan.pause)
            chance.shuffle(order)

    def _act(self, act: str, down: float) -> None:
        progress(act)
        acts: dict[str, Callable[[], None]] = {
            "flush": self._flush,
            "between_waha": lambda: self._kill_between("waha", "sendText"),
            "between_cloud": lambda: self._kill_between("cloud", "messages"),
            "waha_hangs": lambda: self._hang("gateway"),
            "cloud_hangs": lambda: self._hang("cloud"),
        }
        if act in acts:
            try:
                return acts[act]()
            except (OSError, NotReady) as reason:
                # The counterpart was too busy to play its part: nothing was done to the product.
                return progress(f"{act} came to nothing: {reason}")
        self.verdict.acts[f"kill {act}"] += 1
        self._kill(act)
        time.sleep(down)
        self._start(act)

    def _flush(self) -> None:
        """The broker forgets every doorbell, and the cache with it."""
        self.verdict.acts["flush the broker"] += 1
        with suppress(redis.RedisError):
            redis.Redis.from_url(self.stack.redis_url).flushall()

    def _hang(self, name: str) -> None:
        """A gateway that takes connections and answers nobody; what it was asked it does afterwards."""
        self.verdict.acts[f"{name} hangs {HANG_SECONDS:.0f} s"] += 1
        process = self.stack.processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(HANG_SECONDS)
        finally:
            process.send_signal(signal.SIGCONT)

    def _kill_between(self, outside: str, call: str) -> None:
        """The next send reaches the customer and is not answered: whoever sent it dies before its mark."""
        url = self.outside[outside]
        tell(f"{url}/_control/next", {"call": call, "fault": "held"}, method="PUT")
        [one] = wait_until(
            lambda: tell(f"{url}/_control/held", method="GET"),
            seconds=HELD_SECONDS, what="nobody sent", every=0.02,
        )[:1]  # fmt: skip
        victim = self._sender_at(int(one["port"]))
        self._kill(victim)
        self.verdict.acts[f"kill between send and mark, {outside}"] += 1
        tell(f"{url}/_control/held", method="DELETE")
        self._start(victim)

    def _sender_at(self, port: int) -> str:
        """The worker whose connection has this port at its end."""
        for name in SENDERS:
            if (process := self.stack.processes.get(name)) and port in _ports_of(process.pid):
                return name
        raise NotReady(f"no worker has a connection from port {port}")

    def _kill(self, victim: str) -> None:
        """As the kernel or a power cut would: no time to say good-bye."""
        if victim == "postgres":
            # Immediate: every backend ends where it stands, and the next start recovers from the log.
            _signal(embedded.postgres_pid(self.stack.data), signal.SIGQUIT)
        elif victim == "valkey":
            _signal(embedded.valkey_pid(self.stack.data), signal.SIGKILL)
        else:
            self.stack.kill(victim)

    def _start(self, victim: str) -> None:
        if victim == "postgres":
            embedded.start_postgres(self.stack.data)
        elif victim == "valkey":
            embedded.start_valkey(self.stack.data)
        else:
            self.stack.start(victim)

    # -- the calm

    def calm(self) -> None:
        """No more faults: every delivery arrives, and everything that can close by itself closes."""
        for url in self.outside.values():
            tell(f"{url}/_control/faults", {"rates": {}}, method="PUT")
        started = time.monotonic()
        self._rest()
        self.verdict.counted["seconds_to_rest"] = round(time.monotonic() - started)
        progress(f"at rest after {self.verdict.counted['seconds_to_rest']} s")

    def _rest(self) -> None:
        try:
            wait_until(self._is_calm, seconds=self.plan.calm, what="not everything came to rest", every=0.5)
        except NotReady as reason:
            self.verdict.wrong.append(f"{reason}: {count.still_open(self)}")

    def _is_calm(self) -> bool:
        assert self.visitors is not None
        idle = [tell(f"{url}/_control/idle", method="GET")["idle"] for url in self.outside.values()]
        return all(idle) and self.visitors.all_said and not any(count.still_open(self).values())

    def staff_looks(self) -> None:
        """What is shown as of unknown fate and never left is sent again, as a person would by one click."""
        unknown = count.unknown(self)
        arrived = [one for one in unknown if one.reference in count.references(self)]
        lost = [one for one in unknown if one not in arrived]
        self.verdict.counted |= {"shown_as_unknown": len(unknown), "unknown_that_had_arrived": len(arrived)}
        if lost:
            self.resent = {one.pk for one in lost}
            count.inside(self.stack, "resend", *(str(one.pk) for one in lost))
            self._rest()

    def number(self, statement: str) -> int:
        return int(self.stack.ask(statement, schema=SLUG)[0][0] or 0)


def run(plan: Plan) -> Verdict:
    """The storm, the calm after it, and the count."""
    verdict, cloud_port, started = Verdict(plan.seed), free_port(), time.monotonic()
    stack = Stack("chaos", extra_env=_environment(plan, cloud_port))
    progress(f"seed {plan.seed}, {plan.messages} messages at {plan.rate:g} a second")
    with running(stack):
        storm = Storm(plan, verdict, stack, cloud_port)
        storm.set_up()
        storm.warm_up()
        try:
            storm.rage()
            storm.calm()
            storm.staff_looks()
            count.everything(storm)
        finally:
            if storm.visitors is not None:
                storm.visitors.stop()
    verdict.counted["seconds"] = round(time.monotonic() - started)
    return verdict


def _environment(plan: Plan, cloud_port: int) -> dict[str, str]:
    """The product's own patience, shortened: what it does is the same, only sooner. And no manners."""
    many = "1000000"
    return {
        "SWEEP_SECONDS": "5",
        "WORK_DEAD_SECONDS": str(plan.dead_seconds),
        "WHATSAPP_CLOUD_URL": f"http://127.0.0.1:{cloud_port}",
        "WHATSAPP_CLOUD_MESSAGES_A_SECOND": "0",
        "WHATSAPP_CLOUD_PERSON_SECONDS": "0",
        "STORM_CLOUD_TOKEN": CLOUD["token"],
        "STORM_CLOUD_SECRET": CLOUD["app_secret"],
        # All visitors of the storm come from one address.
        "WEB_CHAT_MESSAGES_A_MINUTE": many,
        "WEB_CHAT_ADDRESS_MESSAGES_A_MINUTE": many,
        "WEB_CHAT_VISITORS_AN_HOUR": many,
        "WEB_CHAT_REQUESTS_A_MINUTE": many,
        "WEB_CHAT_SOCKETS_AN_ADDRESS": many,
    }


# -- what is said


def said(number: int) -> str:
    """The words of a message; the number is how its answer is known again."""
    return f"Question #{number}: when do you open?"


def waha_messages(plan: Plan) -> list[dict[str, str]]:
    chance = random.Random(plan.seed)
    return [
        {
            "chat": f"55119{chance.randrange(plan.people[0]):08d}@c.us",
            "text": said(number),
            "unique": f"3AC{plan.seed:05X}{number:08X}",
        }
        for number in range(1, plan.waha + 1)
    ]


def cloud_messages(plan: Plan) -> list[dict[str, Any]]:
    chance = random.Random(plan.seed + 1)
    numbers = itertools.islice(itertools.count(plan.waha + 1), plan.cloud)
    return [
        {
            "from": f"55219{chance.randrange(plan.people[1]):08d}",
            "text": said(number),
            "id": f"wamid.{plan.seed:05X}{number:08X}",
        }
        for number in numbers
    ]


def _ports_of(pid: int) -> set[int]:
    """The local ports of a process's connections."""
    with suppress(psutil.Error):
        return {one.laddr.port for one in psutil.Process(pid).net_connections(kind="tcp") if one.laddr}
    return set()


def _signal(pid: int | None, how: signal.Signals) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
