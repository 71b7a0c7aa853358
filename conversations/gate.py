"""The gate: a draft is asked its cases, beside what is published, before customers hear it.

An Evaluation is a row: claimed, played in threads on the slow queue, each result kept as it comes, so that a
page shows how far it is and a worker that dies loses nothing but the case that it was at. Everything is
rehearsed: no tool touches the world, and no credits are taken. How many a business may ask for is bounded.
"""

import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django_tenants.utils import schema_context

from agents import gates, publishing, tools
from agents.models import AgentVersion, Evaluation, EvaluationResult
from conversations import gate_cases, judging, model_judge, replaying
from conversations.gate_cases import Case
from conversations.judging import Said
from knowledge import stored_words
from tenants import live
from tenants.background import enqueue, ring, task
from tenants.db import connection
from tenants.models import User

log = structlog.get_logger(__name__)
Status, Verdict = Evaluation.Status, EvaluationResult.Verdict
LOST = timedelta(minutes=1)  # longer than a healthy doorbell takes
DEAD = timedelta(minutes=10)  # without another result
KEPT = timedelta(days=60)
SHOWN = 5  # failing cases that an objection names
EDITED = gettext_noop("The draft was changed meanwhile: ask again.")
BROKEN = gettext_noop("Something went wrong on our side. Ask again; we have been told.")
SENTENCES = (EDITED, BROKEN)


class TooMany(Exception):
    """The business has asked as often as it may in a day; the words are for whoever asks."""


# -- asking for one


@transaction.atomic(durable=True)
def begin(version: AgentVersion, *, user: User | None, now: datetime) -> Evaluation:
    """Ask this version its cases in the background; one that is under way or just done is that one.

    Raises TooMany.
    """
    base = version.agent.published
    fingerprint = publishing.fingerprint(version)
    same = Evaluation.objects.filter(version=version, fingerprint=fingerprint)
    if (under_way := same.filter(status__in=[Status.QUEUED, Status.RUNNING]).first()) is not None:
        return under_way
    of_today = Evaluation.objects.filter(created_at__gt=now - timedelta(days=1))
    if of_today.count() >= settings.EVALUATIONS_A_DAY:
        words = _("The cases can be asked %(most)s times in a day. Ask again tomorrow.")
        raise TooMany(words % {"most": settings.EVALUATIONS_A_DAY})
    Evaluation.objects.filter(created_at__lt=now - KEPT).delete()
    other = base if base is not None and base.pk != version.pk else None
    made = Evaluation.objects.create(
        version=version, base=other, fingerprint=fingerprint, created_by=user, created_at=now
    )
    enqueue(run, evaluation_id=made.pk)
    _tell(made.pk)
    return made


def latest(version: AgentVersion) -> Evaluation | None:
    """The last evaluation of a version as it stands now, whatever came of it."""
    fingerprint = publishing.fingerprint(version)
    return Evaluation.objects.filter(version=version, fingerprint=fingerprint).first()


# -- playing the cases


@task()
def run(evaluation_id: int) -> None:
    """Play the cases of a waiting evaluation, or go on with one whose worker died."""
    evaluation = _claim(evaluation_id, now=timezone.now())
    if evaluation is None:
        return
    if publishing.fingerprint(evaluation.version) != evaluation.fingerprint:
        return _end(evaluation, status=Status.FAILED, problem=EDITED)
    try:
        _play(evaluation)
    except Exception:
        log.exception("evaluation.failed", evaluation_id=evaluation_id)
        _end(evaluation, status=Status.FAILED, problem=BROKEN)


def at_once(version: AgentVersion, *, now: datetime) -> Evaluation:
    """As `begin` and `run` together, here and alone: for the command line."""
    made = Evaluation.objects.create(
        version=version,
        fingerprint=publishing.fingerprint(version),
        status=Status.RUNNING,
        created_at=now,
        claimed_at=now,
    )
    _play(made)
    made.refresh_from_db()
    return made


def _claim(evaluation_id: int, *, now: datetime) -> Evaluation | None:
    """Compare-and-set: one worker at a time has it."""
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, claimed_at__lt=now - DEAD)
    if not Evaluation.objects.filter(free, pk=evaluation_id).update(status=Status.RUNNING, claimed_at=now):
        return None
    known = Evaluation.objects.select_related("version__agent", "base__agent")
    return known.get(pk=evaluation_id)


def _play(evaluation: Evaluation) -> None:
    cases = gate_cases.collect(evaluation.version.agent, now=evaluation.created_at)
    evaluation.totals = {"cases": len(cases)}
    evaluation.save(update_fields=["totals"])
    _tell(evaluation.pk)
    done = set(evaluation.results.values_list("kind", "name"))
    play_all(evaluation, [case for case in cases if (case.kind, case.name) not in done])
    results = list(evaluation.results.all())
    _end(evaluation, status=Status.DONE, totals=totals(results))


def play_all(evaluation: Evaluation, cases: Sequence[Case]) -> None:
    """Play each case in one of a few threads, and keep what it showed."""
    schema = connection.schema_name
    connection.close_if_unusable_or_obsolete()  # the models may think for minutes: it is not ours to keep
    with ThreadPoolExecutor(settings.EVALUATION_THREADS, "evaluation") as threads:
        asked = [threads.submit(_in_thread, schema, evaluation, case) for case in cases]
        try:
            for one in as_completed(asked):
                one.result()
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


def _in_thread(schema: str, evaluation: Evaluation, case: Case) -> None:
    try:
        with schema_context(schema):
            result = played(evaluation, case)
            _keep(evaluation, result)
    finally:
        connection.close_if_unusable_or_obsolete()


def played(evaluation: Evaluation, case: Case) -> EvaluationResult:
    """What a case shows of the version, beside what is published; not saved."""
    now = evaluation.created_at
    before = _talk(case, evaluation.base, now=now) if evaluation.base else []
    after = _talk(case, evaluation.version, now=now)
    wrong, changed = case.judge(after) if case.has_rules else [], judging.differences(before, after)
    result = EvaluationResult(
        evaluation=evaluation,
        kind=case.kind,
        name=case.name[:80],
        question=case.question[:2000],
        verdict=_verdict(case, wrong, changed if evaluation.base else []),
        blocks=bool(wrong) and case.blocks,
        reasons=[*wrong, *case.untried(after), *(changed if evaluation.base else [])],
        before=judging.as_kept(before),
        after=judging.as_kept(after),
    )
    if before and case.has_rules:
        result.before["failed"] = bool(case.judge(before))
    model_judge.look(result, case, evaluation.version, passed=not wrong)
    return result


def _talk(case: Case, version: AgentVersion, *, now: datetime) -> list[Said]:
    return replaying.play(case.script, version, language=case.language, simulated=case.is_simulated, now=now)


def _verdict(case: Case, wrong: Sequence[Any], changed: Sequence[Any]) -> str:
    if case.has_rules:
        return Verdict.FAILED if wrong else Verdict.PASSED
    return Verdict.CHANGED if changed else Verdict.SAME


@transaction.atomic(durable=True)
def _keep(evaluation: Evaluation, result: EvaluationResult) -> None:
    """A result, and with it the sign of life."""
    result.save()
    Evaluation.objects.filter(pk=evaluation.pk).update(claimed_at=timezone.now())
    _tell(evaluation.pk)


@transaction.atomic(durable=True)
def _end(
    evaluation: Evaluation, *, status: str, totals: dict[str, Any] | None = None, problem: str = ""
) -> None:
    open_one = Evaluation.objects.filter(pk=evaluation.pk, status=Status.RUNNING)
    kept = evaluation.totals if totals is None else totals
    open_one.update(status=status, totals=kept, problem=problem, finished_at=timezone.now())
    _tell(evaluation.pk)
    live.publish("evaluation.done", id=evaluation.pk)


def _tell(pk: int) -> None:
    live.publish("evaluation.changed", id=pk)


# -- what it showed


def totals(results: Sequence[EvaluationResult]) -> dict[str, Any]:
    """The sums that a page shows: how many failed and changed, and from what to what the rest went."""
    beside = [one for one in results if one.before]
    counted = {
        "cases": len(results),
        "passed": sum(one.verdict == Verdict.PASSED for one in results),
        "failed": sum(one.verdict == Verdict.FAILED for one in results),
        "blocking": sum(one.blocks for one in results),
        "worse": sum(one.verdict == Verdict.FAILED and one.before.get("failed") is False for one in results),
        "changed": sum(is_changed(one) for one in beside),
        "untried": sum(any(why.get("why") == "untried" for why in one.reasons) for one in results),
        "errors": sum("error" in one.after for one in results),
    }
    return counted | {
        "handed_over": _both(beside, lambda said: int(bool(said.get("handed_over")))),
        "unanswered": _both(beside, lambda said: int(_is_unanswered(said))),
        "credits": _both(beside, lambda said: int(said.get("credits", 0))),
        "ms": [_middle(one.before for one in beside), _middle(one.after for one in beside)],
        "judge": model_judge.agreement(results),
    }


def is_changed(result: EvaluationResult) -> bool:
    """Whether the customer hears something else: of the reasons those that compare two answers."""
    return any(
        str(one.get("why", "")).startswith(("now_", "no_longer_", "other_")) and one["why"] != "other_intent"
        for one in result.reasons
    )


def _both(results: Sequence[EvaluationResult], count: Any) -> list[int]:
    """A sum before and after."""
    return [sum(count(one.before) for one in results), sum(count(one.after) for one in results)]


def _is_unanswered(said: dict[str, Any]) -> bool:
    return bool(not said.get("supported") or said.get("refused")) and not said.get("handed_over")


def _middle(said: Iterable[dict[str, Any]]) -> int:
    """The middle of the milliseconds."""
    taken = [int(one.get("ms", 0)) for one in said]
    return int(statistics.median(taken)) if taken else 0


def in_words(result: EvaluationResult) -> list[str]:
    """Why a result is what it is, in the reader's language."""
    return [_reason(one) for one in result.reasons]


def _reason(kept: Any) -> str:
    if kept.get("why") == "not_settled":
        kept = {**kept, "words": stored_words.in_words(kept["words"])}
    if kept.get("why") in judging.ABOUT_TOOLS:
        kept = {**kept, "words": tools.title(kept["words"])}
    return judging.in_words(kept)


# -- before a publication


def register() -> None:
    """Stand before every publication."""
    gates.register(objections)


def objections(version: AgentVersion) -> list[gates.Objection]:
    """What the cases say against publishing this version; nothing where there is none to ask."""
    found = latest(version)
    must = gate_cases.have_pinned(version.agent)
    if found is None:
        words = _("The pinned cases have not been asked of this draft yet. Ask them first.")
        return [gates.Objection(words, blocks=True)] if must else []
    if found.status in (Status.QUEUED, Status.RUNNING):
        return [gates.Objection(_("The cases are being asked at this moment."), blocks=True)] if must else []
    if found.status == Status.FAILED:
        return [gates.Objection(_(found.problem), blocks=True)] if must else []
    if gate_cases.have_pinned(version.agent, since=found.created_at):
        words = _("A case was pinned after the cases were asked. Ask them again.")
        return [gates.Objection(words, blocks=True)]
    return [*_failing(found), *_telling(found)]


def _failing(evaluation: Evaluation) -> list[gates.Objection]:
    """One objection for each pinned case that fails; the first few by name."""
    failing = list(evaluation.results.filter(blocks=True)[: SHOWN + 1])
    named = [
        gates.Objection(f"“{one.question[:80]}”: {' '.join(in_words(one)[:1])}", blocks=True)
        for one in failing[:SHOWN]
    ]
    if len(failing) > SHOWN:
        named.append(gates.Objection(_("More pinned cases fail."), blocks=True))
    return named


def _telling(evaluation: Evaluation) -> list[gates.Objection]:
    """What an owner should know, and what stops nothing."""
    sums, told = evaluation.totals, []
    other = int(sums.get("failed", 0)) - int(sums.get("blocking", 0))
    if other > 0:
        words = ngettext("%(n)s scenario fails.", "%(n)s scenarios fail.", other)
        told.append(words % {"n": other})
    if changed := int(sums.get("changed", 0)):
        words = ngettext("%(n)s answer changes.", "%(n)s answers change.", changed)
        told.append(words % {"n": changed})
    return [gates.Objection(text, blocks=False) for text in told]


# -- the sweep


def overdue(*, now: datetime) -> QuerySet[Evaluation]:
    """Those whose doorbell was lost or whose worker died."""
    lost = Q(status=Status.QUEUED, created_at__lt=now - LOST)
    return Evaluation.objects.filter(lost | Q(status=Status.RUNNING, claimed_at__lt=now - DEAD))


def sweep_tenant(*, now: datetime) -> None:
    """Ring again for what is overdue in this tenant."""
    for pk in overdue(now=now).values_list("pk", flat=True)[:5]:
        ring(run, schema=connection.schema_name, evaluation_id=pk)
