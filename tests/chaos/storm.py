"""Kill everything at random while messages arrive, then count: nothing lost, nothing said twice or owed.

The gateway's counterpart delivers each message signed, a fifth of them twice, out of order, again until it
gets a 2xx; its sends fail, hang, are cut off, or succeed and then fail. Meanwhile one part after the other is
killed and started again: the worker, the web process, beat, Valkey, PostgreSQL. One seed decides every choice
and its order.
"""

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bench.measure import progress
from bench.stack import SLUG, NotReady, Stack, running, tell, wait_until
from config import embedded

FAULTS = {"status": 0.04, "hang": 0.01, "reset": 0.03, "after": 0.04, "after_reset": 0.03}
VICTIMS = ("worker", "web", "valkey", "postgres", "worker2", "beat")
# The product's own patience, shortened: what it does is the same, only sooner.
HASTE = {"SWEEP_SECONDS": "2", "WORK_DEAD_SECONDS": "20"}


@dataclass(frozen=True)
class Plan:
    """How much, how fast, how cruel. `calm` is the time that the product has to come to rest, in seconds."""

    seed: int
    messages: int
    rate: float
    contacts: int
    pause: tuple[float, float]
    calm: float


def full(seed: int) -> Plan:
    """What `make chaos` runs."""
    return Plan(seed, messages=2000, rate=14, contacts=250, pause=(3.0, 8.0), calm=300)


def short(seed: int) -> Plan:
    """What CI runs: under a minute and a half."""
    return Plan(seed, messages=150, rate=10, contacts=40, pause=(1.5, 4.0), calm=60)


@dataclass
class Verdict:
    """What was counted afterwards; `wrong` is empty when everything holds."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    counted: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, holds: bool) -> None:
        if not holds:
            self.wrong.append(what)


def run(plan: Plan) -> Verdict:
    """The storm, the calm after it, and the count."""
    verdict = Verdict(plan.seed)
    stack = Stack("chaos", extra_env=HASTE)
    progress(f"seed {plan.seed}, {plan.messages} messages at {plan.rate:g} a second")
    with running(stack):
        _set_up(stack, plan)
        _storm(stack, plan, verdict)
        _calm(stack, plan, verdict)
        _count(stack, plan, verdict)
    return verdict


def texts(plan: Plan) -> list[dict[str, str]]:
    """Every message with its contact; the number in the text is how its answer is known again."""
    chance = random.Random(plan.seed)
    return [
        {
            "chat": f"55119{chance.randrange(plan.contacts):08d}@c.us",
            "text": f"Question #{number}: when do you open?",
            "unique": f"3AC{plan.seed:05X}{number:08X}",
        }
        for number in range(1, plan.messages + 1)
    ]


# -- the storm


def _set_up(stack: Stack, plan: Plan) -> None:
    """The business through its file; its model answers at once, its gateway is the counterpart."""
    channel = stack.apply_business(model=stack.outside_url, gateway=stack.gateway_url)
    session = {
        "webhook_url": f"{stack.url}/hooks/waha/{channel}",
        "hmac_key": "hmac-secret",
        "api_key": "gateway-key",
    }
    tell(f"{stack.gateway_url}/_control/sessions/default", session, method="PUT")
    # An echo tells the product that a message of unknown fate was sent: half of the seeds do without.
    options = {"echo": plan.seed % 2 == 0, "acks": True, "retry_seconds": 0.5, "retries": 600}
    tell(f"{stack.gateway_url}/_control/options", options, method="PUT")
    tell(f"{stack.gateway_url}/_control/faults", {"rates": FAULTS, "seed": plan.seed}, method="PUT")


def _storm(stack: Stack, plan: Plan, verdict: Verdict) -> None:
    burst = {"session": "default", "messages": texts(plan), "dup": 0.2, "reorder_ms": 300}
    tell(f"{stack.gateway_url}/_control/burst", burst | {"seed": plan.seed, "rate": plan.rate})
    ends = time.monotonic() + plan.messages / plan.rate
    for victim, down, pause in _choices(plan):
        if time.monotonic() + pause >= ends:
            break
        time.sleep(pause)
        progress(f"kill {victim}, for {down:.1f} s")
        verdict.kills[victim] += 1
        _kill(stack, victim)
        time.sleep(down)
        _start(stack, victim)
    time.sleep(max(0.0, ends - time.monotonic()))


def _choices(plan: Plan) -> Iterator[tuple[str, float, float]]:
    """Who is killed, how long it stays dead, and how long nothing happens before."""
    chance = random.Random(plan.seed)
    while True:
        order = list(VICTIMS)
        chance.shuffle(order)
        for victim in order:
            yield victim, chance.uniform(0.2, 1.5), chance.uniform(*plan.pause)


def _kill(stack: Stack, victim: str) -> None:
    """As the kernel or a power cut would: no time to say good-bye."""
    if victim == "postgres":
        # Immediate shutdown: every backend ends where it stands, and the next start recovers from the log.
        _signal(embedded.postgres_pid(stack.data), signal.SIGQUIT)
    elif victim == "valkey":
        _signal(embedded.valkey_pid(stack.data), signal.SIGKILL)
    else:
        stack.kill(victim)


def _signal(pid: int | None, how: signal.Signals) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def _start(stack: Stack, victim: str) -> None:
    if victim == "postgres":
        embedded.start_postgres(stack.data)
    elif victim == "valkey":
        embedded.start_valkey(stack.data)
    else:
        stack.start(victim)


# -- the calm


def _calm(stack: Stack, plan: Plan, verdict: Verdict) -> None:
    """No more faults: every delivery arrives, and everything that is open closes."""
    tell(f"{stack.gateway_url}/_control/faults", {"rates": {}}, method="PUT")
    started = time.monotonic()
    try:
        wait_until(lambda: _is_calm(stack), seconds=plan.calm, what="not everything came to rest", every=0.5)
    except NotReady as reason:
        verdict.wrong.append(f"{reason}: {_open(stack)}")
    verdict.counted["seconds_to_rest"] = round(time.monotonic() - started)
    progress(f"at rest after {verdict.counted['seconds_to_rest']} s")


def _is_calm(stack: Stack) -> bool:
    idle = tell(f"{stack.gateway_url}/_control/idle", method="GET")["idle"]
    return bool(idle) and not any(_open(stack).values())


def _open(stack: Stack) -> dict[str, int]:
    """What still has to move, by kind."""
    return {kind: _number(stack, statement) for kind, statement in OPEN.items()}


OPEN = {
    "deliveries unread": "SELECT count(*) FROM conversations_webhookevent WHERE status = 'new'",
    "messages without an end": (
        "SELECT count(*) FROM conversations_message WHERE direction = 'in' AND outcome = ''"
    ),
    "turns running": "SELECT count(*) FROM conversations_turn WHERE status = 'running'",
    "messages not sent": (
        "SELECT count(*) FROM conversations_message WHERE direction = 'out' AND "
        "(status IN ('queued', 'sending') OR status = 'unknown' AND attempts < 8)"
    ),
    "holds open": "SELECT count(*) FROM billing_hold WHERE status = 'held'",
}


def _number(stack: Stack, statement: str) -> int:
    return int(stack.ask(statement, schema=SLUG)[0][0] or 0)


# -- the count


def _count(stack: Stack, plan: Plan, verdict: Verdict) -> None:
    _count_messages(stack, plan, verdict)
    _count_answers(stack, plan, verdict)
    _count_credits(stack, verdict)


def _count_messages(stack: Stack, plan: Plan, verdict: Verdict) -> None:
    """Each stored once, each with an end, no delivery given up."""
    ends = dict(
        stack.ask(
            "SELECT outcome, count(*) FROM conversations_message WHERE direction = 'in' GROUP BY 1",
            schema=SLUG,
        )
    )
    parked = _number(stack, "SELECT count(*) FROM conversations_webhookevent WHERE status = 'parked'")
    verdict.counted |= {f"in_{outcome or 'open'}": count for outcome, count in ends.items()}
    verdict.counted["parked"] = parked
    verdict.expect(
        f"{sum(ends.values())} messages stored, not {plan.messages}", sum(ends.values()) == plan.messages
    )
    verdict.expect(f"{ends.get('', 0)} messages have no end", not ends.get(""))
    verdict.expect(f"{ends.get('ignored', 0)} messages were ignored", not ends.get("ignored"))
    verdict.expect(f"{parked} deliveries are parked", not parked)


def _count_answers(stack: Stack, plan: Plan, verdict: Verdict) -> None:
    """At the customers' phones: the number of each question stands in one answer, and in no two."""
    sent = tell(f"{stack.gateway_url}/_control/sent", method="GET", timeout=30)
    seen = Counter(number for one in sent for number in set(re.findall(r"#(\d+):", one["text"])))
    unsure = _texts(stack, "attempts > 0 AND turn_id IS NOT NULL")
    unsent = _texts(stack, "status IN ('failed', 'unknown') AND turn_id IS NOT NULL")
    handed = {
        number for (body,) in stack.ask(HANDED_OVER, schema=SLUG) for number in re.findall(r"#(\d+):", body)
    }
    numbers = {str(number) for number in range(1, plan.messages + 1)}
    twice = {number for number in numbers if seen[number] > 1}
    never = {number for number in numbers if not seen[number]}
    verdict.counted |= {"sent": len(sent), "twice": len(twice), "shown_as_not_sent": len(never & unsent)}
    verdict.expect(f"answered twice without a mark: {_some(twice - unsure)}", not twice - unsure)
    thrice = {number for number in numbers if seen[number] > 2}
    verdict.expect(f"answered more than twice: {_some(thrice)}", not thrice)
    verdict.expect(f"never answered: {_some(never - unsent - handed)}", not never - unsent - handed)
    verdict.expect("a number that nobody asked", not set(seen) - numbers)


HANDED_OVER = "SELECT body FROM conversations_message WHERE direction = 'in' AND outcome = 'handed_over'"


def _texts(stack: Stack, condition: str) -> set[str]:
    """The numbers of the questions in our messages that meet a condition."""
    statement = f"SELECT body FROM conversations_message WHERE direction = 'out' AND {condition}"
    return {
        number for (body,) in stack.ask(statement, schema=SLUG) for number in re.findall(r"#(\d+):", body)
    }


def _some(numbers: set[str]) -> str:
    return ", ".join(sorted(numbers, key=int)[:10])


def _count_credits(stack: Stack, verdict: Verdict) -> None:
    """The ledger is the balance, nothing is held, and each answer was charged once."""
    [(balance, held)] = stack.ask("SELECT balance, held FROM billing_creditaccount", schema=SLUG)
    ledger = _number(stack, "SELECT sum(amount) FROM billing_ledgerentry")
    charged = _number(stack, "SELECT count(*) FROM billing_ledgerentry WHERE kind = 'turn'")
    answered = _number(stack, "SELECT count(*) FROM conversations_turn WHERE status IN ('done', 'silent')")
    verdict.counted |= {"balance": balance, "held": held, "turns": answered}
    verdict.expect(f"the ledger says {ledger}, the balance {balance}", ledger == balance)
    verdict.expect(f"{held} credits are held by nobody", held == 0)
    verdict.expect(f"{charged} charges for {answered} answers", charged == answered)
    for kind, count in _open(stack).items():
        verdict.expect(f"{count} {kind}", not count)
