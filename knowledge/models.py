"""What we know: documents, the chunks that they were cut into, and how often each word occurs in them."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField, HnswIndex

LANGUAGES = ("pt", "en", "es", "fr")


class Document(models.Model):
    """Something the business taught us. Its chunks answer until they are replaced."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READING = "reading", _("reading")
        READY = "ready", _("ready")
        FAILED = "failed", _("needs attention")

    class Problem(models.TextChoices):
        """Why a document needs attention, and what to do."""

        EMPTY = "empty", _("There is no text in it. Check that this is the right file.")
        ENCRYPTED = "encrypted", _("It is protected by a password. Save it without one and upload it again.")
        CORRUPT = "corrupt", _("It cannot be opened. Save it anew from the program that made it.")
        TOO_LARGE = "too_large", _("It is too large. Split it into smaller documents.")
        TOO_MUCH = "too_much", _("Reading it takes too much time or memory. Split it, or save it as PDF.")
        UNKNOWN = (
            "unknown",
            _("This kind of file is not known. Use PDF, DOCX, PPTX, XLSX, CSV, HTML, MD or TXT."),
        )
        SCANNED = (
            "scanned",
            _("Its pages are pictures without text. Upload it with text recognition (OCR) applied."),
        )
        BROKEN = "broken", _("Something went wrong on our side. Try again; we have been told.")

    title = models.CharField(_("name"), max_length=200)
    file = models.FileField(_("file"), upload_to="", max_length=300)
    origin = models.CharField(
        max_length=300, blank=True
    )  # its path in the business file, when it came by one
    bytes = models.PositiveBigIntegerField(_("size"))
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(_("kind"), max_length=8, blank=True)
    language = models.CharField(_("language"), max_length=2, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    problem = models.CharField(_("problem"), max_length=10, choices=Problem, blank=True)
    converter = models.CharField(_("read by"), max_length=40, blank=True)
    pages = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    chunk_count = models.PositiveIntegerField(_("passages"), default=0)
    chunks_done = models.PositiveIntegerField(default=0)
    chunks_total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("added by"),
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now)
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["title"], name="document_title_once")]
        indexes = [
            models.Index(
                fields=["claimed_at"], condition=Q(status__in=["waiting", "reading"]), name="document_due"
            ),
            models.Index(fields=["sha256"], name="document_content"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def percent(self) -> int:
        """How far reading has come, 0 to 100."""
        if self.status == self.Status.READY:
            return 100
        return self.chunks_done * 100 // self.chunks_total if self.chunks_total else 0


class Chunk(models.Model):
    """A piece of a document, small enough to be quoted, with its vector and its words."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    heading = ArrayField(models.CharField(max_length=200), default=list)
    page = models.PositiveIntegerField(null=True)
    text = models.TextField()
    language = models.CharField(max_length=2)
    embedding = HalfVectorField(dimensions=896)
    embedding_model = models.CharField(max_length=60)
    search = SearchVectorField()

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        constraints = [models.UniqueConstraint(fields=["document", "position"], name="chunk_position_once")]
        indexes = [
            GinIndex(fields=["search"], name="chunk_words", fastupdate=False),
            HnswIndex(
                fields=["embedding"],
                name="chunk_meaning",
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id}:{self.position}"


class Lexeme(models.Model):
    """In how many chunks of a language a word stem occurs: rare words tell more about a question.

    The empty word occurs in every chunk, so its row says how many there are.
    """

    language = models.CharField(max_length=2)
    word = models.TextField()
    chunks = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["word", "language"], name="lexeme_once")]

    def __str__(self) -> str:
        return f"{self.language}:{self.word}"


class Middle(models.Model):
    """The one row that says what all passages have in common: a question near to it is near to everything."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    passages = models.PositiveIntegerField()
    vector = HalfVectorField(dimensions=896)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_middle")]

    def __str__(self) -> str:
        return f"{self.passages}"
