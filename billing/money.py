"""Amounts of money in words and back. They are kept as integers of the currency's smallest unit (cents)."""

from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency
from django.utils.translation import get_language, to_locale

# As the payment vendor counts them: these have no cents, and those have a thousand of them.
WHOLE = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THOUSANDTHS = frozenset("bhd jod kwd omr tnd".split())


def places(currency: str) -> int:
    """How many digits stand after the point of this currency. Pure."""
    code = currency.lower()
    return 0 if code in WHOLE else 3 if code in THOUSANDTHS else 2


def decimal(cents: int, currency: str) -> Decimal:
    """12345 of brl is 123.45. Pure."""
    return Decimal(cents).scaleb(-places(currency))


def cents(amount: Decimal, currency: str) -> int:
    """123.45 of brl is 12345; what is finer than the currency is cut off. Pure."""
    return int(amount.scaleb(places(currency)))


def words(cents: int, currency: str) -> str:
    """As the reader writes it: R$ 123,45."""
    return str(format_currency(decimal(cents, currency), currency.upper(), locale=_locale()))


def _locale() -> str:
    name = to_locale(get_language() or "en")
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return "en"
    return name
