"""One answer by the agent: the turn, what it read, what it did, what it could not answer."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.threads import Conversation


class Turn(models.Model):
    """One answer by the agent: what it read, how it decided, what it cost."""

    class Status(models.TextChoices):
        RUNNING = "running", _("thinking")
        DONE = "done", _("answered")
        MERGED = "merged", _("merged into the next")
        SILENT = "silent", _("a person took over")
        HANDED_OVER = "handed_over", _("handed to a person")
        FAILED = "failed", _("failed")

    class Free(models.TextChoices):
        """Why what it cost was given back."""

        NOT_DELIVERED = "not_delivered", _("not delivered")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    agent_version = models.ForeignKey("agents.AgentVersion", models.PROTECT, null=True, related_name="+")
    hold = models.OneToOneField("billing.Hold", models.SET_NULL, null=True, blank=True, related_name="+")
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.RUNNING)
    tier = models.CharField(_("tier"), max_length=10, blank=True)
    route_reason = models.CharField(_("why this tier"), max_length=120, blank=True)
    vendor = models.CharField(_("vendor"), max_length=12, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    supported = models.BooleanField(_("supported by documents"), default=False)
    pinned = models.ForeignKey(
        "knowledge.PinnedAnswer", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("pinned answer"),
    )  # fmt: skip
    # What part of the answer rests on which passages, where the model told: [{start, end, passages: [rank]}].
    citations = models.JSONField(default=list, db_default=[], blank=True)
    input_tokens = models.PositiveIntegerField(_("tokens read"), default=0)
    output_tokens = models.PositiveIntegerField(_("tokens written"), default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    credits = models.PositiveIntegerField(_("credits"), default=0)
    free_because = models.CharField(
        _("free because"), max_length=13, choices=Free, blank=True, default="", db_default=""
    )
    latency_ms = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    # How the tier was chosen, and who was asked in vain: agents.routing.Decision, {"fallbacks": [...]}.
    route = models.JSONField(_("route"), default=dict, db_default={}, blank=True)
    intent = models.CharField(_("intent"), max_length=30, blank=True, default="", db_default="")
    # What was done in which order: [{"kind", "name", "ms", ...}], for whoever asks why.
    steps = models.JSONField(_("steps"), default=list, db_default=[], blank=True)
    # What the vendor takes for it, in millionths of a US dollar; empty where no price is known.
    provider_cost = models.BigIntegerField(_("vendor's price"), null=True, blank=True)
    cached = models.BooleanField(_("answered from the cache"), default=False, db_default=False)
    # What a vendor would have taken for an answer that was given again.
    provider_saved = models.BigIntegerField(_("vendor's price saved"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    # How many drafts were given up before this one, each because the customer wrote again.
    merges = models.PositiveSmallIntegerField(_("drafts before it"), default=0, db_default=0)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status="running"), name="one_running_turn"
            )
        ]
        indexes = [
            models.Index(fields=["started_at"], condition=Q(status="running"), name="turn_running"),
            models.Index(fields=["started_at"], name="turn_when"),
        ]

    def __str__(self) -> str:
        return str(_("Turn %(number)s") % {"number": self.pk})


class TurnPassage(models.Model):
    """A passage that a turn read, kept as it was, and whether the answer cites it."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="passages")
    chunk_id = models.BigIntegerField(null=True)  # the chunk may be replaced; what was read stays
    document_id = models.BigIntegerField(null=True)
    document_title = models.CharField(max_length=200)
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    text = models.TextField()
    quote = models.TextField(blank=True)
    score = models.FloatField()
    rank = models.PositiveSmallIntegerField()
    cited = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("passage read")
        verbose_name_plural = _("passages read")
        ordering: ClassVar[list[str]] = ["rank"]
        constraints = [models.UniqueConstraint(fields=["turn", "rank"], name="passage_rank_once")]

    def __str__(self) -> str:
        return f"{self.document_title} {self.rank}"


class ToolRun(models.Model):
    """The receipt of one thing that the assistant did, committed before an answer may claim it."""

    class Status(models.TextChoices):
        ASKED = "asked", _("waits for the customer's yes")
        STARTED = "started", _("started")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("not allowed")
        DECLINED = "declined", _("the customer said no")
        UNKNOWN = "unknown", _("nobody knows whether it was done")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="tool_runs")
    turn = models.ForeignKey(Turn, models.SET_NULL, null=True, blank=True, related_name="tool_runs")
    tool = models.CharField(_("tool"), max_length=64)
    # The same wish of the same messages has the same key, however often the turn is tried.
    key = models.CharField(_("idempotency key"), max_length=64, unique=True)
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    claims = models.JSONField(_("stands for"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.STARTED)
    test = models.BooleanField(_("rehearsed only"), default=False)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("tool receipt")
        verbose_name_plural = _("tool receipts")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes = [
            models.Index(
                fields=["started_at"], condition=Q(status__in=["started", "asked"]), name="tool_run_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.pk}"


class Proof(models.Model):
    """A code on its way to an e-mail address, and whether who writes here has read it there."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="proofs")
    email = models.CharField(_("e-mail"), max_length=254)
    code = models.CharField(max_length=64, blank=True, editable=False)  # its digest, never the code
    send_at = models.DateTimeField(null=True, blank=True, editable=False)  # None when it is not to be sent
    attempts = models.PositiveSmallIntegerField(default=0)  # to send it
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    expires_at = models.DateTimeField(_("good until"))
    proved_at = models.DateTimeField(_("proved"), null=True, blank=True)

    class Meta:
        verbose_name = _("proof of an address")
        verbose_name_plural = _("proofs of addresses")
        indexes = [
            models.Index(fields=["send_at"], condition=Q(send_at__isnull=False), name="proof_due"),
            models.Index(fields=["created_at"], name="proof_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"  # never the address: this reaches logs


class FollowUp(models.Model):
    """Words for later: promised by the assistant, unless something happens before; or set by a person."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        DROPPED = "dropped", _("not sent")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="follow_ups")
    key = models.CharField(_("idempotency key"), max_length=64, unique=True)
    text = models.TextField(_("words"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # the person who chose to send it later; None: the assistant
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.WAITING)
    # Of a person's: only when the customer has not written until then. The assistant's always are.
    if_silent = models.BooleanField(_("only if they stay silent"), default=False, db_default=False)
    reason = models.CharField(_("why not"), max_length=80, blank=True)
    due_at = models.DateTimeField(_("due"))
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering: ClassVar[list[str]] = ["due_at", "pk"]
        indexes = [models.Index(fields=["due_at"], condition=Q(status="waiting"), name="follow_up_due")]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"


class Suggestion(models.Model):
    """Words that a model wrote for a person of the team, who decides what becomes of them."""

    class Kind(models.TextChoices):
        DRAFT = "draft", _("draft of an answer")
        FRIENDLIER = "friendlier", _("friendlier")
        SHORTER = "shorter", _("shorter")
        FORMAL = "formal", _("more formal")
        FIX = "fix", _("mistakes mended")
        TRANSLATE = "translate", _("in the customer's language")
        READ = "read", _("translated for the reader")

    class Status(models.TextChoices):
        DUE = "due", _("to be written")
        RUNNING = "running", _("being written")
        DONE = "done", _("written")
        FAILED = "failed", _("could not be written")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="suggestions")
    message = models.ForeignKey(
        "Message", models.CASCADE, null=True, blank=True, related_name="translations"
    )  # what was translated for the reader
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    key = models.CharField(_("idempotency key"), max_length=90, unique=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    given = models.TextField(_("words that were given"), blank=True)
    text = models.TextField(_("words"), blank=True)
    # What a draft was made from, as the page lists it: [{title, page, text, document_id}].
    passages = models.JSONField(_("passages read"), default=list, db_default=[], blank=True)
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.DUE)
    model = models.CharField(_("model"), max_length=120, blank=True)
    credits = models.PositiveIntegerField(_("credits"), default=0)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("suggestion to a colleague")
        verbose_name_plural = _("suggestions to colleagues")
        indexes = [models.Index(fields=["created_at"], name="suggestion_when")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Unanswered(models.Model):
    """A turn that had to say "I do not know", the question in it, and the gap that it belongs to."""

    turn = models.OneToOneField(Turn, models.CASCADE, primary_key=True, related_name="unanswered")
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="+")
    # Null until somebody has looked which gap has the same meaning.
    gap = models.ForeignKey("knowledge.Gap", models.CASCADE, null=True, related_name="asked")
    question = models.CharField(_("question"), max_length=500)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)

    class Meta:
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")
        indexes = [models.Index(fields=["created_at"], condition=Q(gap=None), name="unanswered_unsorted")]

    def __str__(self) -> str:
        return f"{self.turn_id}"
