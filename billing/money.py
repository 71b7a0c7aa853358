"""Money in words and back. An amount is an integer of the currency's smallest unit, as vendors count it."""

import re
from decimal import Decimal

from babel.numbers import NumberFormatError, format_currency, get_currency_symbol, parse_decimal
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext, to_locale

# What has no cents, for the payment vendor.
WHOLE = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
_PLAIN = re.compile(r"\d+(?:[.,]\d{1,2})?")


def units(currency: str) -> int:
    """How many of the smallest unit make one."""
    return 1 if currency.lower() in WHOLE else 100


def words(amount: int, currency: str) -> str:
    """As it is written in the language of this moment: R$ 200,00 or R$200.00."""
    value = Decimal(amount) / units(currency)
    return str(format_currency(value, currency.upper(), locale=_locale()))


def in_credits(number: int) -> str:
    """1 credit, 1,250 credits, in the language of this moment."""
    return ngettext("%(n)s credit", "%(n)s credits", number) % {"n": grouped(number)}


def grouped(number: int) -> str:
    """1250 as it is written in the language of this moment: 1,250 or 1.250."""
    return str(number_format(number, force_grouping=True))


def decimal(amount: int, currency: str) -> Decimal:
    """12345 of brl is 123.45, with as many decimals as the currency has. Pure."""
    return Decimal(amount).scaleb(0 if units(currency) == 1 else -2)


def symbol(currency: str) -> str:
    """R$, $, €; the currency's letters where a language has no sign for it."""
    return str(get_currency_symbol(currency.upper(), locale=_locale()))


def read(text: str, currency: str) -> int:
    """What a person typed, as 200, 1.234,56 or R$ 200,00; raises ValueError. No third decimal is lost."""
    plain = text.strip().removeprefix(symbol(currency)).removesuffix(symbol(currency)).strip()
    try:
        if _PLAIN.fullmatch(plain):
            value = Decimal(plain.replace(",", "."))
        else:
            value = parse_decimal(plain, locale=_locale(), strict=True)
    except NumberFormatError as error:
        raise ValueError(str(error)) from error
    amount = value * units(currency)
    if amount != amount.to_integral_value() or not 0 < amount < 10**15:
        raise ValueError(f"no amount of {currency}")
    return int(amount)


def _locale() -> str:
    return to_locale(get_language() or "en")
