"""What we know: sources, their documents, the chunks they were cut into, and what was settled by hand."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from providers import registry
from tenants.secrets import EncryptedTextField

LANGUAGES = ("pt", "en", "es", "fr")


class Audience(models.TextChoices):
    """Who may be answered from it."""

    CUSTOMERS = "customers", _("customers and staff")
    STAFF = "staff", _("staff only")


class Reach(models.Model):
    """Whom a piece of knowledge is for: an audience, and the assistants that may use it; empty means all."""

    audience = models.CharField(
        _("for"), max_length=9, choices=Audience, default=Audience.CUSTOMERS, db_default=Audience.CUSTOMERS
    )
    # Ids without a key: knowledge does not know what an assistant is. One that is gone matches nobody.
    agent_ids = ArrayField(models.BigIntegerField(), default=list, db_default=[], blank=True)

    class Meta:
        abstract = True


class Source(Reach):
    """A place that documents come from and are refreshed from: pages of a site, a folder, a table."""

    class Kind(models.TextChoices):
        PAGE = "page", _("web page")
        SITE = "site", _("web site")
        DRIVE = "drive", _("Google Drive folder")
        BASEROW = "baserow", _("Baserow table")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READING = "reading", _("reading")
        READY = "ready", _("ready")
        FAILED = "failed", _("needs attention")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    title = models.CharField(_("name"), max_length=200, unique=True)
    address = models.CharField(_("address"), max_length=2000)  # a URL, or the id of a folder or a table
    options = models.JSONField(default=dict, blank=True)  # by kind: knowledge/sources.py says which
    secret = EncryptedTextField(blank=True, default="")
    refresh_hours = models.PositiveIntegerField(_("look again after hours"), default=24)  # 0: only when asked
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    problem = models.CharField(_("problem"), max_length=300, blank=True)  # in words for its owner
    found = models.PositiveIntegerField(_("found"), default=0)
    done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(_("last looked at"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # the next look, or the one that is under way
    # What this look has seen so far, for who goes on with it after a pause or a crash.
    resume = models.JSONField(default=dict, db_default={}, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now)

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="source_due"),
            models.Index(fields=["claimed_at"], condition=Q(status="reading"), name="source_reading"),
        ]

    def __str__(self) -> str:
        return self.title


class Document(Reach):
    """Something the business taught us. Its chunks answer until they are replaced."""

    class Form(models.TextChoices):
        FILE = "file", _("file")
        PAGE = "page", _("web page")
        TEXT = "text", _("text")
        PAIRS = "pairs", _("questions and answers")
        TABLE = "table", _("table")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READING = "reading", _("reading")
        READY = "ready", _("ready")
        REVIEW = "review", _("changes answers")
        RETIRED = "retired", _("not there any more")
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
            _("This kind of file is not known. Use PDF, DOCX, PPTX, XLSX, CSV, HTML, EML, MD, TXT, images."),
        )
        SCANNED = (
            "scanned",
            _("Its pages are pictures in which no text could be read. Scan it anew, straight and sharp."),
        )
        MACRO = "macro", _("It carries macros, which are programs. Save it without them and upload it again.")
        POLYGLOT = (
            "polyglot",
            _("It is two kinds of file in one, which no program makes by itself. Save it anew."),
        )
        NO_CREDITS = "no_credits", _("There are not enough credits to read it. Top up, then try again.")
        LIMIT = (
            "limit",
            _("Today's spending limit leaves too little to read it. Raise the limit, or try again tomorrow."),
        )
        VENDOR = (
            "vendor",
            _("The model that finds by meaning was refused. Look at Account, Search, then try again."),
        )
        BROKEN = "broken", _("Something went wrong on our side. Try again; we have been told.")

    # What is read so far is kept: a second try goes on from there.
    NOT_ITS_FAULT = (Problem.NO_CREDITS, Problem.LIMIT, Problem.BROKEN)

    source = models.ForeignKey(
        Source, models.CASCADE, null=True, blank=True, related_name="documents", verbose_name=_("source")
    )
    key = models.CharField(
        max_length=2000, blank=True, default="", db_default=""
    )  # its address in the source
    form = models.CharField(_("form"), max_length=5, choices=Form, default=Form.FILE, db_default=Form.FILE)
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
    pages_done = models.PositiveIntegerField(default=0, db_default=0)
    credits = models.PositiveIntegerField(_("credits"), default=0, db_default=0)  # what reading it has cost
    reviews = models.BooleanField(default=False, db_default=False)  # a person is asked before answers change
    # The version that answers while this one is read or awaits a person's word: its file and what it was.
    earlier = models.JSONField(default=dict, db_default={}, blank=True)
    fetched = models.JSONField(default=dict, db_default={}, blank=True)  # what its server said of its version
    refreshed_at = models.DateTimeField(_("last looked at"), null=True, blank=True)
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
    looked_at = models.DateTimeField(null=True, blank=True)  # for what its owner should look at (Flag)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["title"], condition=Q(source__isnull=True), name="document_title_once"
            ),
            models.UniqueConstraint(
                fields=["source", "key"], condition=Q(source__isnull=False), name="document_key_once"
            ),
        ]
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
        return min(self.pages_done * 100 // self.pages, 100) if self.pages else 0

    @property
    def answering_file(self) -> str:
        """The stored file that its passages are from: the earlier one's until this one answers."""
        return str(self.earlier.get("file") or self.file.name or "")


class Piece(Reach):
    """A piece of a document, small enough to be quoted, with its vector and its words."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="%(class)ss")
    position = models.PositiveIntegerField()
    heading = ArrayField(models.CharField(max_length=200), default=list)
    page = models.PositiveIntegerField(null=True)
    # Where it stands on its pages: [page, left, top, right, bottom], shares of the page from its upper left.
    boxes = models.JSONField(default=list, db_default=[])
    text = models.TextField()
    digest = models.CharField(max_length=64, default="", db_default="")  # sha256 of what is embedded
    language = models.CharField(max_length=2)
    embedding = HalfVectorField()  # as many dimensions as the business's embedding model has
    embedding_model = models.CharField(max_length=120)
    search = SearchVectorField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.document_id}:{self.position}"


class Chunk(Piece):
    """A piece that answers."""

    enabled = models.BooleanField(_("answers"), default=True, db_default=True)
    edited = models.BooleanField(_("edited by hand"), default=False, db_default=False)
    original = models.TextField(blank=True, default="", db_default="")  # what was read, when it was edited

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        constraints = [models.UniqueConstraint(fields=["document", "position"], name="chunk_position_once")]
        indexes = [
            GinIndex(fields=["search"], name="chunk_words", fastupdate=False),
            models.Index(fields=["digest"], name="chunk_digest"),
        ]


class DraftChunk(Piece):
    """A piece that is read and embedded but does not answer yet: the rest or a person's word is missing."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "position"], name="draft_position_once")]


class Lexeme(models.Model):
    """In how many chunks of a language a word stem occurs: rare words tell more about a question.

    The empty word occurs in every chunk, so its row says how many there are.
    """

    language = models.CharField(max_length=2)
    word = models.TextField()
    chunks = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["word", "language"], name="lexeme_once")]
        indexes = [
            # Words that somebody mistyped are found by their letters.
            GinIndex(fields=["word"], name="lexeme_letters", opclasses=["gin_trgm_ops"], fastupdate=False),
        ]

    def __str__(self) -> str:
        return f"{self.language}:{self.word}"


class Middle(models.Model):
    """The one row that says what all passages have in common: a question near to it is near to everything."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    passages = models.PositiveIntegerField()
    vector = HalfVectorField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_middle")]

    def __str__(self) -> str:
        return f"{self.passages}"


LOCAL = "local"  # the embedding process of the installation


def embedding_vendors() -> list[tuple[str, str]]:
    """Who may turn a business's texts into vectors, in the reader's language."""
    others = [(vendor.name, gettext(vendor.label)) for vendor in registry.having("embedding")]
    return [(LOCAL, gettext("of this installation")), *others]


def reranking_vendors() -> list[tuple[str, str]]:
    """Who may put a business's passages in order."""
    return [(vendor.name, gettext(vendor.label)) for vendor in registry.having("reranking")]


class Embedding(models.Model):
    """A model that turns this business's texts into vectors: the one that serves, and the one that is built.

    No row: the installation's own serves.
    """

    class Status(models.TextChoices):
        BUILDING = "building", _("being built")
        SERVING = "serving", _("in use")
        FAILED = "failed", _("needs attention")

    vendor = models.CharField(_("vendor"), max_length=12, choices=embedding_vendors)
    base_url = models.URLField(_("base URL"), max_length=500, blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True, default="")
    model = models.CharField(_("model"), max_length=100, blank=True)
    dimensions = models.PositiveIntegerField(_("dimensions"))
    # The vendor is asked for so many; otherwise they are as many as its model has.
    shortened = models.BooleanField(default=False, db_default=False)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.BUILDING)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)  # nobody goes on with it before
    created_at = models.DateTimeField(_("chosen"), default=timezone.now)

    class Meta:
        verbose_name = _("embedding model")
        verbose_name_plural = _("embedding models")
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="serving"), name="one_serving_embedding"
            ),
            models.UniqueConstraint(
                fields=["status"], condition=~Q(status="serving"), name="one_coming_embedding"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.model}"


class NextVector(models.Model):
    """A text's vector by the model that is being built, whichever passages or questions have this text."""

    embedding = models.ForeignKey(Embedding, models.CASCADE, related_name="vectors")
    digest = models.CharField(max_length=64)  # of a passage as in Chunk; a question's is another
    vector = HalfVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["embedding", "digest"], name="next_vector_once")]

    def __str__(self) -> str:
        return f"{self.embedding_id}:{self.digest[:8]}"


class Reranker(models.Model):
    """Who puts the best passages into their final order: one row, or none."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    vendor = models.CharField(_("vendor"), max_length=12, choices=reranking_vendors)
    base_url = models.URLField(_("base URL"), max_length=500, blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True, default="")
    model = models.CharField(_("model"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("reranker")
        verbose_name_plural = _("rerankers")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_reranker")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.model}"


class PinnedAnswer(Reach):
    """An answer that a person settled: whoever asks the same is told exactly this."""

    text = models.TextField(_("answer"))
    language = models.CharField(_("language"), max_length=2)
    enabled = models.BooleanField(_("in use"), default=True)
    used = models.PositiveIntegerField(_("times given"), default=0)
    used_at = models.DateTimeField(_("last given"), null=True, blank=True)
    turn_id = models.BigIntegerField(null=True, blank=True)  # the answer that it corrects
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("settled"), default=timezone.now)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    class Meta:
        verbose_name = _("pinned answer")
        verbose_name_plural = _("pinned answers")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"


class PinnedQuestion(models.Model):
    """One way to ask what a pinned answer answers. Its vector is null until it is embedded."""

    answer = models.ForeignKey(PinnedAnswer, models.CASCADE, related_name="questions")
    text = models.CharField(_("question"), max_length=500)
    vector = HalfVectorField(null=True, blank=True)
    vector_model = models.CharField(max_length=120, blank=True)

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [models.UniqueConstraint(fields=["text"], name="pinned_question_once")]
        indexes = [models.Index(fields=["id"], condition=Q(vector=None), name="pinned_unembedded")]

    def __str__(self) -> str:
        return f"{self.answer_id}"


class Gap(models.Model):
    """Something that customers ask and that we do not know; who asked is in conversations."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        ANSWERED = "answered", _("answered")
        DISMISSED = "dismissed", _("dismissed")

    question = models.CharField(_("question"), max_length=500)  # as it was first asked
    language = models.CharField(_("language"), max_length=2)
    vector = HalfVectorField(null=True, blank=True)
    vector_model = models.CharField(max_length=120, blank=True)
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.OPEN)
    draft = models.TextField(_("drafted answer"), blank=True)
    draft_from = models.JSONField(default=list, blank=True)  # [{document_id, title, page, chunk_id}]
    pinned = models.ForeignKey(PinnedAnswer, models.SET_NULL, null=True, blank=True, related_name="gaps")
    created_at = models.DateTimeField(_("first asked"), default=timezone.now)
    asked_at = models.DateTimeField(_("last asked"), default=timezone.now)
    drafted_at = models.DateTimeField(null=True, blank=True)  # an answer was looked for, and perhaps found
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("gap")
        verbose_name_plural = _("gaps")
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(status="open"), name="gap_open"),
            models.Index(fields=["id"], condition=Q(status="open", drafted_at=None), name="gap_undrafted"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class RegressionCase(models.Model):
    """A question whose answer was settled, asked again whenever knowledge changes."""

    class Result(models.TextChoices):
        UNKNOWN = "unknown", _("not asked yet")
        PASSED = "passed", _("as settled")
        FAILED = "failed", _("not as settled")

    question = models.CharField(_("question"), max_length=500, unique=True)
    language = models.CharField(_("language"), max_length=2)
    pinned = models.ForeignKey(PinnedAnswer, models.CASCADE, null=True, blank=True, related_name="cases")
    document = models.ForeignKey(Document, models.SET_NULL, null=True, blank=True, related_name="cases")
    result = models.CharField(_("result"), max_length=7, choices=Result, default=Result.UNKNOWN)
    detail = models.CharField(_("what came instead"), max_length=300, blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # when it is to be asked again
    created_at = models.DateTimeField(_("settled"), default=timezone.now)

    class Meta:
        verbose_name = _("regression case")
        verbose_name_plural = _("regression cases")
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="case_due")]

    def __str__(self) -> str:
        return f"{self.pk}"


class Flag(models.Model):
    """Something in the documents that their owner should look at."""

    class Kind(models.TextChoices):
        CONTRADICTION = "contradiction", _("two passages contradict each other")
        STALE = "stale", _("it may be out of date")

    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    chunk = models.ForeignKey(Chunk, models.CASCADE, related_name="flags")
    other = models.ForeignKey(Chunk, models.CASCADE, null=True, blank=True, related_name="+")
    detail = models.CharField(_("what"), max_length=300)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("found"), default=timezone.now)

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "chunk", "other"], nulls_distinct=False, name="flag_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.chunk_id}"
