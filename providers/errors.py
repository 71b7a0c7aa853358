"""What can go wrong with the outside world: try again, or stop."""

from collections.abc import Mapping
from enum import StrEnum

LONGEST_WAIT = 300.0  # seconds; whatever a vendor asks for, a customer is waiting


class About(StrEnum):
    """What has to be mended, for whoever can."""

    UNSAID = ""
    KEY = "key"
    MONEY = "money"
    MODEL = "model"
    ADDRESS = "address"
    NETWORK = "network"
    BUSY = "busy"
    ANSWER = "answer"  # it came, and was none


class ProviderError(Exception):
    """The vendor failed in a way that may pass: try again, after `retry_after` seconds when it says so.

    `outcome_unknown` is true when what was asked may have been done all the same; `about` says what is wrong
    where that is known.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, outcome_unknown: bool = False,
        about: About = About.UNSAID,
    ) -> None:  # fmt: skip
        super().__init__(reason)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.about = about


class ProviderRejected(ProviderError):
    """The vendor said no, and will again: stop, and tell a person the reason."""


class AccountRefused(ProviderRejected):
    """The vendor refuses the key, or the account has no money left: everything, until the owner acts."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks us to wait, or None. A date instead of a number counts as not said."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    # "nan" is a number to Python, and neither bound holds it.
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def missing(status: int, words: str) -> About:
    """What a refused request lacks, as far as its status and the vendor's words tell: a model, an address."""
    if "model_not_found" in words or (status == 404 and "model" in words.lower()):
        return About.MODEL
    return About.ADDRESS if status == 404 or 300 <= status < 400 else About.UNSAID
