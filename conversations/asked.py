"""Which questions documents answered lately: `knowledge.asked` wants to know before it changes."""

from django.db.models import Exists, OuterRef, Prefetch

from conversations import turns
from conversations.models import Message, Turn, TurnPassage
from knowledge import asked
from knowledge.asked import Asked


def register() -> None:
    """Tell knowledge where to ask."""
    asked.register(recent)


def recent(limit: int) -> list[Asked]:
    """The last answers that rest on a passage, newest first, in three statements."""
    cited = TurnPassage.objects.filter(cited=True).order_by("rank")
    rests = Exists(cited.filter(turn=OuterRef("pk")).order_by())
    said = Message.objects.filter(direction=Message.Direction.IN).select_related("transcript")
    answered = Turn.objects.filter(rests, status=Turn.Status.DONE, supported=True)
    last = answered.select_related("conversation").order_by("-pk")[:limit]
    prefetched = last.prefetch_related(
        Prefetch("messages", queryset=said, to_attr="questions"),
        Prefetch("passages", queryset=cited, to_attr="cited_passages"),
    )
    return [one for turn in prefetched if (one := _told(turn)).question]


def _told(turn: Turn) -> Asked:
    passage: TurnPassage = turn.cited_passages[0]  # type: ignore[attr-defined]
    return Asked(
        question=turns.question_of(turn.questions),  # type: ignore[attr-defined]
        language=turn.conversation.language,
        turn_id=turn.pk,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        text=passage.text,
    )
