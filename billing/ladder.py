"""What answers a customer with the credits that are left: each step costs less than the one before. Pure.

From plenty down to nothing: whichever model the router chooses; the least model for everything; no model, but
what was settled and the business's own sentences, which are free; and where those say nothing, a person.
"""

from enum import StrEnum


class Step(StrEnum):
    """Where a business stands on the ladder."""

    USUAL = "usual"
    SAVING = "saving"  # the least model answers everything
    QUOTING = "quoting"  # no model is asked
    PERSON = "person"


def step(*, available: int, usual: int, least: int, saving_below: int, quotable: bool = True) -> Step:
    """The step for an answer, by credits.

    `usual` is what the dearest model that may be chosen could cost, `least` what the least one could;
    `saving_below` is the owner's; `quotable`: something was settled, or documents support an answer.
    """
    if available >= least:
        is_low = available < saving_below or available < usual
        return Step.SAVING if is_low else Step.USUAL
    return Step.QUOTING if quotable else Step.PERSON
