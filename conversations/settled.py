"""A settled answer on its way to a customer: as it stands, or for the model to say in another language."""

from dataclasses import replace

from knowledge import retrieval
from knowledge.pinned import Pinned
from providers import llm

VENDOR = "pinned"
TITLE = "Settled answer"  # what the model's rule calls its passage


def of(found: retrieval.Retrieved, *, files: bool) -> Pinned | None:
    """The settled answer to all that was said; none where a file came with it, which may say anything."""
    return None if files else found.pinned


def is_spoken(answer: Pinned | None, language: str) -> bool:
    """Whether it is written in the customer's language, and so needs nobody to say it."""
    return answer is not None and (answer.spoken or answer.language == language[:2])


def said(answer: Pinned) -> llm.Completion:
    """The answer as it stands; nobody was asked and nothing was used."""
    return llm.Completion(text=answer.text, usage=llm.Usage(), model=VENDOR, supported=True)


def as_passage(answer: Pinned, *, ref: int) -> llm.Passage:
    """The answer as a model reads it."""
    return llm.Passage(ref=ref, title=TITLE, text=answer.text)


def without_passage(completion: llm.Completion, *, ref: int) -> llm.Completion:
    """What a model said, citing only the documents' passages: the settled answer is the turn's own mark."""
    spans = (replace(span, passages=tuple(n for n in span.passages if n != ref)) for span in completion.spans)
    return replace(
        completion,
        citations=tuple(one for one in completion.citations if one.passage != ref),
        spans=tuple(span for span in spans if span.passages),
    )
