"""The verdict: rows, beside what the customers' phones and pages received, beside the product's own ledger.

lost: a message without a row or an end, or whose answer reached nobody, is not with a person, and is not
shown as failed or unknown. second answer: what a customer received twice for one message, or what a gateway
was asked to send twice. second charge: a message in the answers of two turns that were paid.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import stack
from bench.stack import SLUG, Stack

if TYPE_CHECKING:
    from tests.chaos.storm import Storm

CONTROL_SECONDS = 60.0
MARK = re.compile(r"#(\d+):")
OPEN = {
    "deliveries unread": "SELECT count(*) FROM conversations_webhookevent WHERE status = 'new'",
    "messages without an end": (
        "SELECT count(*) FROM conversations_message WHERE direction = 'in' AND outcome = ''"
    ),
    "turns running": "SELECT count(*) FROM conversations_turn WHERE status = 'running'",
    # A gateway of kind WAHA can be asked what became of a send; of the Cloud API's a person decides.
    "messages not sent": (
        "SELECT count(*) FROM conversations_message m JOIN conversations_conversation t"
        " ON t.id = m.conversation_id JOIN conversations_channel c ON c.id = t.channel_id"
        " WHERE m.direction = 'out' AND (m.status IN ('queued', 'sending')"
        " OR m.status = 'unknown' AND m.attempts < 8 AND c.kind <> 'cloud')"
    ),
    "holds open": "SELECT count(*) FROM billing_hold WHERE status = 'held'",
}
_OUT = """
SELECT m.id, split_part(m.provider_key, ':', 3), m.status, m.attempts, m.turn_id, m.body, m.conversation_id,
  c.kind
FROM conversations_message m JOIN conversations_conversation t ON t.id = m.conversation_id
JOIN conversations_channel c ON c.id = t.channel_id
WHERE m.direction = 'out' ORDER BY m.id
"""


@dataclass(frozen=True)
class Row:
    """A message of ours, as the product has it; `reference` is its id, ours or the vendor's."""

    pk: int
    reference: str
    status: str
    attempts: int
    turn: int | None
    body: str
    conversation: int
    kind: str

    @property
    def numbers(self) -> set[str]:
        return numbers_in(self.body)


@dataclass(frozen=True)
class Received:
    """What a gateway sent on to a phone: its ids, ours of the call, its words, and how often it was asked."""

    ids: frozenset[str]
    call: str
    text: str
    times: int


def numbers_in(text: str) -> set[str]:
    return set(MARK.findall(text))


def json_of(text: str) -> Any:
    return json.loads(text)


def tell(url: str, body: Any = None, *, method: str = "POST") -> Any:
    """A word to a counterpart's control page, which may be busy."""
    return stack.tell(url, body, method=method, timeout=CONTROL_SECONDS)


def inside(product: Stack, *words: str) -> Any:
    """What only the product's own code can say or do (tests/chaos/inside.py)."""
    return json_of(product.run("-m", "tests.chaos.inside", SLUG, *words))


def still_open(storm: "Storm") -> dict[str, int]:
    """What still has to move by itself, by kind."""
    return {kind: storm.number(statement) for kind, statement in OPEN.items()}


def rows(storm: "Storm") -> list[Row]:
    """Everything that we said, oldest first."""
    return [Row(*values) for values in storm.stack.ask(_OUT, schema=SLUG)]


def unknown(storm: "Storm") -> list[Row]:
    return [row for row in rows(storm) if row.status == "unknown"]


def received(storm: "Storm") -> list[Received]:
    """What both gateways sent on, in their order."""
    waha = tell(f"{storm.outside['waha']}/_control/sent", method="GET")
    cloud = tell(f"{storm.outside['cloud']}/_control/sent", method="GET")
    return [
        *(Received(frozenset([one["unique"]]), one["unique"], one["text"], one["times"]) for one in waha),
        *(
            Received(frozenset([one["id"], one["reference"]]), one["reference"], one["content"]["body"], 1)
            for one in cloud
            if one["kind"] == "text"
        ),
    ]


def references(storm: "Storm") -> set[str]:
    """The ids of all that reached a phone."""
    return {key for one in received(storm) for key in one.ids}


def everything(storm: "Storm") -> None:
    """Count, and write what is wrong into the storm's verdict."""
    ours, arrived = rows(storm), received(storm)
    pages = storm.visitors.threads() if storm.visitors else {}
    _keep(storm, arrived, pages)
    _arrivals(storm, arrived, pages)
    _messages(storm)
    _answers(storm, ours, arrived, pages)
    _order(storm, ours, arrived)
    _credits(storm, ours)
    _ledger(storm)
    for kind, number in still_open(storm).items():
        storm.verdict.expect(f"{number} {kind}", not number)


def _keep(storm: "Storm", arrived: list[Received], pages: Mapping[int, Any]) -> None:
    """What was received, beside the logs and the tables, for who looks for the cause of a fault."""
    told = {"gateways": [[sorted(one.ids), one.text, one.times] for one in arrived], "pages": pages}
    (storm.stack.data / "received.json").write_text(json.dumps(told))


def _arrivals(storm: "Storm", arrived: list[Received], pages: Mapping[int, Any]) -> None:
    """How much there was of everything: figures, no verdict."""
    told: dict[str, Any] = {"waha": storm.plan.waha, "cloud": storm.plan.cloud, "web": storm.plan.web}
    for name, url in storm.outside.items():
        posts = tell(f"{url}/_control/idle", method="GET")
        told[f"deliveries_{name}"], told[f"refused_{name}"] = posts["delivered"], posts.get("refused", 0)
    assert storm.visitors is not None
    told["said_by_visitors"] = storm.visitors.tries
    told["answers_received"] = len(arrived) + len(_on_pages(pages))
    storm.verdict.counted |= told
    storm.verdict.wrong += storm.visitors.wrong


def _messages(storm: "Storm") -> None:
    """Each stored once, each with an end, no delivery given up."""
    verdict, asked = storm.verdict, "SELECT {} FROM conversations_message WHERE direction = 'in' {}"
    ends = dict(storm.stack.ask(asked.format("outcome, count(*)", "GROUP BY 1"), schema=SLUG))
    stored = Counter(
        number
        for (body,) in storm.stack.ask(asked.format("body", ""), schema=SLUG)
        for number in numbers_in(body)
    )
    parked = storm.number("SELECT count(*) FROM conversations_webhookevent WHERE status = 'parked'")
    verdict.counted |= {f"in_{outcome or 'open'}": number for outcome, number in ends.items()}
    verdict.expect_none("not stored", _all(storm) - set(stored))
    verdict.expect_none("stored twice", {number for number, times in stored.items() if times > 1})
    verdict.expect(f"{ends.get('', 0)} messages have no end", not ends.get(""))
    verdict.expect(f"{ends.get('ignored', 0)} messages were ignored", not ends.get("ignored"))
    verdict.expect(f"{parked} deliveries are parked", not parked)


def _all(storm: "Storm") -> set[str]:
    return {str(number) for number in range(1, storm.plan.messages + 1)}


def _answers(storm: "Storm", ours: list[Row], arrived: list[Received], pages: Mapping[int, Any]) -> None:
    """At the customers': each message has its turn's answer, and no other.

    Most answers repeat the question with its number. Where the model was too slow the product quoted the
    business's document instead, so an answer is known by its turn, and by the number beside.
    """
    turns = _turns(storm)
    came = {key for one in arrived for key in one.ids} | {one["id"] for one in _on_pages(pages)}
    answers = Counter(row.turn for row in ours if row.turn and row.reference in came)
    unsent = {row.turn for row in ours if row.status in ("failed", "unknown")}
    answered = {number for number, (turn, _end) in turns.items() if answers[turn]}
    never = _all(storm) - answered
    verdict = storm.verdict
    verdict.counted |= {
        "answered": len(_all(storm) & answered),
        "shown_as_not_sent": len({number for number in never & set(turns) if turns[number][0] in unsent}),
        "with_a_person": len({number for number in never & set(turns) if turns[number][1] == "handed_over"}),
        "sent_again_by_staff": len(storm.resent),
    }
    explained = {n for n in never & set(turns) if turns[n][0] in unsent or turns[n][1] == "handed_over"}
    verdict.expect_none("lost", never - explained)
    _twice(storm, arrived, pages, {str(turn) for turn, times in answers.items() if times > 1})
    known = verdict.counted.get("unknown_that_had_arrived", 0)
    verdict.expect(f"{known} messages arrived, and the product never heard of it", not known)


def _twice(storm: "Storm", arrived: list[Received], pages: Mapping[int, Any], turns: set[str]) -> None:
    """By the turn, by the number in the words, and by the id under which a gateway was asked to send."""
    bubbles = [*(one.text for one in arrived), *(one["text"] for one in _on_pages(pages))]
    seen = Counter(number for text in bubbles for number in numbers_in(text))
    calls = Counter(call for one in arrived for call in [one.call] * one.times)
    verdict = storm.verdict
    verdict.expect_none("second answers", turns | {number for number, times in seen.items() if times > 1})
    verdict.expect_none("sends repeated", {call for call, times in calls.items() if times > 1})
    verdict.expect_none("answers to nobody", set(seen) - _all(storm))


def _turns(storm: "Storm") -> dict[str, tuple[int | None, str]]:
    """Of each message that came, by its number: the turn that answers it, and how it ended."""
    found = storm.stack.ask(
        "SELECT body, turn_id, outcome FROM conversations_message WHERE direction = 'in'", schema=SLUG
    )
    return {number: (turn, end) for body, turn, end in found for number in numbers_in(body)}


def _on_pages(pages: Mapping[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The answers on the visitors' pages; one that is shown twice counts twice."""
    return [one for page in pages.values() for one in page if one["from"] == "agent"]


def _order(storm: "Storm", ours: list[Row], arrived: list[Received]) -> None:
    """In each thread our messages arrived in the order of their rows.

    One of unknown fate may be overtaken: it holds its thread for a while only (conversations/outbox.py).
    """
    place = {key: number for number, one in enumerate(arrived) for key in one.ids}
    threads: defaultdict[int, list[Row]] = defaultdict(list)
    for row in ours:
        if row.reference in place and row.pk not in storm.resent:
            threads[row.conversation].append(row)
    late = [row for thread in threads.values() for row in _overtaken(thread, place)]
    storm.verdict.counted["overtaken_while_of_unknown_fate"] = sum(row.attempts > 0 for row in late)
    unmarked = [row for row in late if row.attempts == 0]
    storm.verdict.counted["out_of_order"] = len(unmarked)
    storm.verdict.expect(f"out of order: messages {[row.pk for row in unmarked[:10]]}", not unmarked)


def _overtaken(thread: list[Row], place: Mapping[str, int]) -> Iterable[Row]:
    """The messages of a thread that arrived after a later one."""
    first = len(place)
    for row in reversed(thread):
        if place[row.reference] > first:
            yield row
        first = min(first, place[row.reference])


def _credits(storm: "Storm", ours: list[Row]) -> None:
    """The ledger is the balance, nothing is held, and each message was paid for once."""
    verdict = storm.verdict
    [(balance, held)] = storm.stack.ask("SELECT balance, held FROM billing_creditaccount", schema=SLUG)
    ledger = storm.number("SELECT sum(amount) FROM billing_ledgerentry")
    paid = [key for (key,) in storm.stack.ask(_PAID, schema=SLUG)]
    answered = storm.number("SELECT count(*) FROM conversations_turn WHERE status IN ('done', 'silent')")
    charged = Counter(key.rpartition(":")[2] for key in paid)
    paid_turns = [row for row in ours if row.turn and str(row.turn) in charged]
    numbers = Counter(number for row in paid_turns for number in row.numbers)
    verdict.counted |= {"turns_paid": len(paid), "ledger_minus_balance": ledger - balance, "held": held}
    verdict.expect_none("second charges", {number for number, times in numbers.items() if times > 1})
    verdict.expect("a turn was charged twice", max(charged.values(), default=0) <= 1)
    verdict.expect(f"the ledger says {ledger}, the balance {balance}", ledger == balance)
    verdict.expect(f"{held} credits are held by nobody", held == 0)
    verdict.expect(f"{len(paid)} charges for {answered} answers", len(paid) == answered)


# Drafts for the team are paid, too, and are none of the customers' answers.
_PAID = "SELECT key FROM billing_ledgerentry WHERE kind = 'turn'"


def _ledger(storm: "Storm") -> None:
    """The product's own account of every message, as if its time to explain them were over."""
    told, verdict = inside(storm.stack, "figures"), storm.verdict
    verdict.counted |= {"unexplained": told["unexplained"], "incidents_meanwhile": told["incidents"]}
    verdict.expect(f"unexplained: {told['figures']}", not told["unexplained"] and not told["waiting"])
    verdict.expect(f"invariants broken: {told['findings']}", not told["findings"])
    ends = told["ends"]
    verdict.expect_none("not in the ledger", {n for n in _all(storm) if not ends.get(_id_of(storm, int(n)))})


def _id_of(storm: "Storm", number: int) -> str:
    """The last part of the id under which a message was delivered."""
    plan = storm.plan
    if number <= plan.waha:
        return f"3AC{plan.seed:05X}{number:08X}"
    in_cloud = number <= plan.waha + plan.cloud
    return f"{plan.seed:05X}{number:08X}" if in_cloud else f"storm-{number:08d}"
