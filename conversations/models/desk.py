"""What people do with a chat: labels, notes, who has it, by when, and what was promised."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.answers import Turn
from conversations.models.messages import Message
from conversations.models.threads import Conversation


class Activity(models.Model):
    """A mark in a thread: who took it, gave it back, labelled it, and when. Never what was said."""

    class Kind(models.TextChoices):
        QUEUED = "queued", _("waits for a person")
        TAKEN = "taken", _("taken over")
        GIVEN_BACK = "given_back", _("given back to the assistant")
        LAPSED = "lapsed", _("given back because the time was over")
        ASSIGNED = "assigned", _("assigned")
        CLOSED = "closed", _("closed")
        REOPENED = "reopened", _("opened again")
        LABELLED = "labelled", _("labelled")
        UNLABELLED = "unlabelled", _("label taken off")
        PRIORITY = "priority", _("priority changed")
        LATE = "late", _("later than agreed")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="activities")
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # None: the product did it
    detail = models.JSONField(_("details"), default=dict, db_default={}, blank=True)  # names and ids of ours
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("mark in a thread")
        verbose_name_plural = _("marks in threads")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes = [models.Index(fields=["conversation", "-id"], name="activity_thread")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Note(models.Model):
    """Words among colleagues in a thread; no customer ever sees them, no model reads them."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    text = models.TextField(_("note"), max_length=4000)
    mentions = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    key = models.CharField(max_length=64, null=True, blank=True, unique=True)  # the form that sent it
    created_at = models.DateTimeField(_("written"), default=timezone.now)
    edited_at = models.DateTimeField(_("changed"), null=True, blank=True)

    class Meta:
        verbose_name = _("private note")
        verbose_name_plural = _("private notes")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes = [models.Index(fields=["conversation", "-id"], name="note_thread")]

    def __str__(self) -> str:
        return f"{self.pk}"


class CannedReply(models.Model):
    """Words that people of the team say often, called by `/` and a short name."""

    shortcut = models.SlugField(_("short name"), max_length=40, allow_unicode=True)
    text = models.TextField(_("words"), max_length=4000)  # {{name}} is the customer's, {{me}} the writer's
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    used_count = models.PositiveIntegerField(_("used"), default=0, db_default=0)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        ordering: ClassVar[list[str]] = ["shortcut"]
        constraints = [models.UniqueConstraint(Lower("shortcut"), name="canned_reply_once")]

    def __str__(self) -> str:
        return self.shortcut


class Seat(models.Model):
    """How one member works at the desk: how many chats at once, what for, and whether now."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    takes_chats = models.BooleanField(_("takes chats"), default=True)
    capacity = models.PositiveSmallIntegerField(_("chats at once"), default=10)
    # Labels and languages ("pt", "label:3") that are theirs first.
    skills = ArrayField(models.CharField(max_length=40), verbose_name=_("skills"), default=list, blank=True)
    away_until = models.DateTimeField(_("away until"), null=True, blank=True)
    last_assigned_at = models.DateTimeField(_("last given a chat"), null=True, blank=True)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")

    def __str__(self) -> str:
        return f"{self.user_id}"


class DeskRules(models.Model):
    """How the team works, as the owner set it: at most one row, without it the usual rules."""

    class Assignment(models.TextChoices):
        MANUAL = "manual", _("people take chats themselves")
        ROUND_ROBIN = "round_robin", _("in turn")
        LOAD = "load", _("who has the fewest, with the skill")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    assignment = models.CharField(
        _("who gets a chat"), max_length=11, choices=Assignment, default=Assignment.MANUAL
    )
    # Minutes of business hours; None: no clock.
    first_reply_minutes = models.PositiveIntegerField(_("first reply within"), null=True, blank=True)
    next_reply_minutes = models.PositiveIntegerField(_("next replies within"), null=True, blank=True)
    resolve_minutes = models.PositiveIntegerField(_("solved within"), null=True, blank=True)
    warn_percent = models.PositiveSmallIntegerField(_("warn after, in percent of the time"), default=75)
    # After so many silent minutes of a person the assistant answers again; None: never by itself.
    give_back_minutes = models.PositiveIntegerField(_("give back after"), null=True, blank=True)
    asks_rating = models.BooleanField(_("ask how it was, when a chat is closed"), default=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("rules of the desk")
        verbose_name_plural = _("rules of the desk")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_row_of_desk_rules")]

    def __str__(self) -> str:
        return str(_("Rules of the desk"))


class SlaClock(models.Model):
    """A time that was agreed for one thing in one thread: when it is up, when warned, when it was kept."""

    class Kind(models.TextChoices):
        FIRST = "first", _("first reply")
        NEXT = "next", _("next reply")
        RESOLVE = "resolve", _("solved")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="clocks")
    kind = models.CharField(_("what"), max_length=7, choices=Kind)
    started_at = models.DateTimeField(_("since"))
    warn_at = models.DateTimeField(_("warn at"))
    due_at = models.DateTimeField(_("due"))
    warned_at = models.DateTimeField(_("warned"), null=True, blank=True)
    breached_at = models.DateTimeField(_("broken"), null=True, blank=True)
    # While it is the customer who is to say something: only the time to a solution stands still then.
    paused_at = models.DateTimeField(_("stands still since"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("ended"), null=True, blank=True)
    is_kept = models.BooleanField(_("in time"), null=True, blank=True)  # None: open, or ended for nobody
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # who had it when it ended or broke

    class Meta:
        verbose_name = _("agreed time")
        verbose_name_plural = _("agreed times")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "kind"], condition=Q(stopped_at=None), name="one_clock_of_a_kind"
            )
        ]
        indexes = [
            models.Index(
                fields=["warn_at"],
                condition=Q(stopped_at=None, paused_at=None, warned_at=None),
                name="clock_to_warn",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(stopped_at=None, paused_at=None, breached_at=None),
                name="clock_to_break",
            ),
            models.Index(fields=["started_at"], name="clock_when"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Todo(models.Model):
    """What was promised to a customer, or must be done for them: comes back when it is due."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="todos")
    text = models.CharField(_("what"), max_length=300)
    # The message that promised it, when one did; once a message.
    message = models.OneToOneField(
        Message, models.SET_NULL, null=True, blank=True, related_name="todo", verbose_name=_("promised in")
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # None: the product heard the promise
    # Heard in a promise by rule: nobody has said yet that it is to be done.
    suggested = models.BooleanField(_("only suggested"), default=False, db_default=False)
    due_at = models.DateTimeField(_("due"))
    told_at = models.DateTimeField(_("came back"), null=True, blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), default=timezone.now)

    class Meta:
        verbose_name = _("thing to do")
        verbose_name_plural = _("things to do")
        ordering: ClassVar[list[str]] = ["due_at", "pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(done_at=None), name="todo_open"),
            models.Index(
                fields=["due_at"],
                condition=Q(done_at=None, told_at=None, suggested=False),
                name="todo_to_tell",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class HandoverSummary(models.Model):
    """What a person reads when a chat comes to them: wanted, tried, missing, and the next step."""

    class Status(models.TextChoices):
        DUE = "due", _("being written")
        DONE = "done", _("written")
        FAILED = "failed", _("could not be written")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="summaries")
    status = models.CharField(_("status"), max_length=6, choices=Status, default=Status.DUE)
    wanted = models.TextField(_("what they want"), blank=True)
    tried = models.TextField(_("what was tried"), blank=True)
    missing = models.TextField(_("what is missing"), blank=True)
    next_step = models.TextField(_("next step"), blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)  # blank: taken from the thread itself
    attempts = models.PositiveSmallIntegerField(default=0)
    read_until = models.BigIntegerField(default=0, db_default=0)  # the last message that went into it
    due_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)

    class Meta:
        verbose_name = _("hand-over summary")
        verbose_name_plural = _("hand-over summaries")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status="due"), name="summary_due"),
            models.Index(fields=["conversation", "-id"], name="summary_of_thread"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"


class Rating(models.Model):
    """What a customer said of a closed chat, from 1 to 5; asked once a closing."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="ratings")
    turn = models.ForeignKey(
        Turn, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # the last answer
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # who had it
    score = models.PositiveSmallIntegerField(_("1 to 5"), null=True, blank=True)
    words = models.CharField(_("words"), max_length=1000, blank=True)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    ended_at = models.DateTimeField(_("no answer counts after"), null=True, blank=True)  # None: still open

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        constraints = [
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__range=(1, 5)), name="score_one_to_five"
            ),
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(ended_at=None), name="one_open_question"
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="rating_when")]

    def __str__(self) -> str:
        return f"{self.pk}"
