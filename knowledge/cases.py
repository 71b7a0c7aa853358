"""Regression cases: questions whose answers were settled, asked again after what we know has changed.

Each change makes all cases due a little later, so that a burst of changes is looked at once. A case fails
when its settled answer is not what comes any more, or when the documents now say otherwise.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from knowledge import facts, retrieval
from knowledge.models import Audience, Document, PinnedAnswer, RegressionCase
from providers.errors import ProviderError
from tenants import live
from tenants.background import enqueue, task

log = structlog.get_logger(__name__)
Result = RegressionCase.Result
QUIET = timedelta(seconds=20)  # without another change
LATER = timedelta(seconds=60)
A_RUN = 50  # then others' slow work is seen to
# What came instead; the words that follow are somebody's own.
OTHER = gettext_noop("Another settled answer came: %(words)s")
SWITCHED_OFF = gettext_noop("The settled answer is switched off.")
NOT_MET = gettext_noop("The settled answer was not met; the documents answer: %(words)s")
NOTHING = gettext_noop("Nothing answers it any more.")
SAYS_OTHERWISE = gettext_noop("The documents now say otherwise: %(words)s")
OTHER_DOCUMENT = gettext_noop("Another document answers it now: %(words)s")
SENTENCES = (OTHER, SWITCHED_OFF, NOT_MET, NOTHING, SAYS_OTHERWISE, OTHER_DOCUMENT)


def keep(
    *, question: str, now: datetime, answer: PinnedAnswer | None = None, document: Document | None = None
) -> RegressionCase:
    """Ask this again from now on: it is answered by this settled answer, or from this document."""
    language = answer.language if answer else document.language if document else ""
    settled = {"language": language, "pinned": answer, "document": document}
    fresh = {"result": Result.UNKNOWN, "detail": "", "due_at": now}
    case, _new = RegressionCase.objects.update_or_create(
        question=question,
        defaults={**settled, **fresh},
        create_defaults={**settled, **fresh, "created_at": now},
    )
    return case


def knowledge_changed(*, now: datetime) -> None:
    """Have all cases asked again when it has been quiet for a moment; in the caller's transaction."""
    if RegressionCase.objects.update(due_at=now + QUIET):
        enqueue(check, countdown=QUIET.total_seconds() + 1)


@transaction.atomic
def ask_again(*, now: datetime) -> int:
    """Have all cases asked again at once, because a person wants to know; how many there are."""
    count = RegressionCase.objects.update(due_at=now)
    enqueue(check)
    return count


@task()
def check() -> None:
    """Ask the cases that are due, each once."""
    for pk in due(now=timezone.now()).order_by("pk").values_list("pk", flat=True)[:A_RUN]:
        try:
            _check_one(pk, now=timezone.now())
        except ProviderError as error:
            log.warning("cases.postponed", reason=str(error))
            RegressionCase.objects.filter(pk=pk).update(due_at=timezone.now() + LATER)
            return
    if due(now=timezone.now()).exists():
        with transaction.atomic():
            enqueue(check)


def due(*, now: datetime) -> QuerySet[RegressionCase]:
    """The cases that are to be asked at this moment."""
    return RegressionCase.objects.filter(due_at__lte=now)


def _check_one(pk: int, *, now: datetime) -> None:
    """Compare-and-set on the moment that it was due: a change meanwhile has it asked again."""
    case = RegressionCase.objects.select_related("pinned").filter(pk=pk).first()
    if case is None or case.due_at is None:
        return
    detail = _what_came_instead(case)
    asked = RegressionCase.objects.filter(pk=pk)
    result = Result.FAILED if detail else Result.PASSED
    with transaction.atomic():
        asked.update(result=result, detail=detail[:300], checked_at=now)
        asked.filter(due_at=case.due_at).update(due_at=None)
        live.publish("answers.changed")


def _what_came_instead(case: RegressionCase) -> str:
    """Empty when it was answered as settled; raises ProviderError."""
    if case.pinned is not None and not case.pinned.enabled:
        return SWITCHED_OFF
    agents = case.pinned.agent_ids if case.pinned else []
    found = retrieval.search(
        question=case.question,
        language=case.language,
        limit=3,
        agent_id=agents[0] if agents else None,
        audience=case.pinned.audience if case.pinned else "customers",
    )
    return _instead_of_pinned(case, found) if case.pinned else _instead_of_document(case, found)


def _instead_of_pinned(case: RegressionCase, found: retrieval.Retrieved) -> str:
    assert case.pinned is not None
    if found.pinned is not None and found.pinned.id != case.pinned.pk:
        return OTHER % {"words": _short(found.pinned.text)}
    if found.pinned is None:
        best = _best(found)
        return NOT_MET % {"words": _named(best)} if best else NOTHING
    for passage in found.passages:
        said = facts.otherwise(
            case.pinned.text, passage.text, about=case.question, language=case.pinned.language
        )
        if said:
            return SAYS_OTHERWISE % {"words": f"{passage.document_title}: {_short(said)}"}
    return ""


def _instead_of_document(case: RegressionCase, found: retrieval.Retrieved) -> str:
    best = _best(found)
    if best is None:
        return NOTHING
    return "" if best.document_id == case.document_id else OTHER_DOCUMENT % {"words": _named(best)}


def of_assistant(agent_id: int) -> QuerySet[RegressionCase]:
    """What customers of this assistant must be answered as settled, in the order of its making."""
    ours = Q(pinned__agent_ids=[]) | Q(pinned__agent_ids__contains=[agent_id])
    settled = Q(pinned__enabled=True, pinned__audience=Audience.CUSTOMERS) & ours
    known = Q(pinned=None, document__status=Document.Status.READY, document__audience=Audience.CUSTOMERS)
    known &= Q(document__agent_ids=[]) | Q(document__agent_ids__contains=[agent_id])
    return RegressionCase.objects.filter(settled | known).select_related("pinned", "document").order_by("pk")


def not_as_settled(case: RegressionCase, *, answer_id: int | None, text: str, sources: Sequence[str]) -> str:
    """What is wrong with an answer to the question of a case, one of SENTENCES; empty when it is as settled.

    `answer_id` is the settled answer that was given, `sources` the titles of the documents that were named.
    """
    if case.pinned is not None and answer_id == case.pinned.pk:
        return case.detail if case.result == Result.FAILED and case.due_at is None else ""
    if case.document is not None and case.document.title in sources:
        return ""
    if answer_id is not None:
        return OTHER % {"words": _short(text)}
    if not sources:
        return NOTHING
    instead = {"words": f"{sources[0]}: {_short(text)}"}
    return (OTHER_DOCUMENT if case.pinned is None else NOT_MET) % instead


def _best(found: retrieval.Retrieved) -> retrieval.Found | None:
    return found.passages[0] if found.supported and found.passages else None


def _named(passage: retrieval.Found) -> str:
    return f"{passage.document_title}: {_short(passage.text)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:159]}…"


def failed() -> QuerySet[RegressionCase]:
    """Those that are not answered as settled, the latest first; who keeps an answer back knows it already."""
    wrong = RegressionCase.objects.filter(result=Result.FAILED)
    return wrong.exclude(Q(pinned__enabled=False)).order_by("-checked_at", "-pk")
