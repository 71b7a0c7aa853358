"""What a customer is worth to the business, 0 to 100, with the reasons; from facts alone. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agents.safety import fold

# points for each of a kind, and the most that this kind gives
PAID, BOOKED, BUYING, HOT, TALKS = (25, 50), (15, 45), (6, 18), (6, 18), (4, 20)
LATELY_DAYS, LATELY = 7, 10
_HOT = re.compile(
    r"\b(?:quero (?:comprar|fechar|contratar|assinar|reservar|marcar|agendar)|vou (?:querer|levar|ficar com)"
    r"|manda o (?:link|pix)|como (?:pago|faco para pagar)|orcamento|fechado"
    r"|i(?: a|')?m (?:ready to|going to) (?:buy|order|book)|i(?:'ll| will) take"
    r"|want to (?:buy|order|book|sign up)"
    r"|how (?:do|can) i pay|quote for|send me the (?:link|invoice)"
    r"|quiero (?:comprar|contratar|reservar|pedir|agendar)|me lo (?:llevo|quedo)|como (?:pago|puedo pagar)"
    r"|presupuesto|trato hecho"
    r"|je (?:veux|voudrais|souhaite) (?:acheter|commander|reserver|souscrire)|je (?:le|la) prends"
    r"|comment (?:payer|regler)|un devis|envoyez[ -]moi le lien)\b"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known for certain: counts of the last 90 days, and the days since they last wrote."""

    paid: int = 0
    booked: int = 0
    buying: int = 0  # answers whose question wanted to buy
    hot: int = 0  # messages with words of somebody who is about to buy
    talks: int = 0  # days on which they wrote
    silent_days: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points were given: a code, how many there are of it, and the points."""

    code: str
    n: int
    points: int


def hot(texts: Iterable[str]) -> int:
    """How many of these messages hold words of somebody who is about to buy."""
    return sum(bool(_HOT.search(fold(text[:1000]))) for text in texts)


def value(facts: Facts) -> tuple[int, list[Reason]]:
    """The value and what it is made of, the weightiest first."""
    counted = (
        ("paid", facts.paid, PAID),
        ("booked", facts.booked, BOOKED),
        ("buying", facts.buying, BUYING),
        ("hot", facts.hot, HOT),
        ("talks", facts.talks, TALKS),
    )
    reasons = [Reason(code, n, min(n * each, most)) for code, n, (each, most) in counted if n]
    if facts.silent_days is not None and facts.silent_days <= LATELY_DAYS:
        reasons.append(Reason("lately", facts.silent_days, LATELY))
    reasons.sort(key=lambda one: (-one.points, one.code))
    return min(100, sum(one.points for one in reasons)), reasons
