"""What to say, and with which model: an agent, its versions, and the tenant's model providers."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from providers import registry
from providers.addresses import names_host
from tenants import written
from tenants.secrets import EncryptedTextField, EncryptedValuesField
from tenants.written import slot

COMPARED = ("first", "second", "share", "salt")  # what an answer needs to know of a comparison


class Agent(models.Model):
    """Who answers. What it is told is an AgentVersion."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # A retired one answers nowhere; what it said keeps its version.
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta:
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def published(self) -> "AgentVersion | None":
        """What customers are answered with, or None before the first publication.

        Its `compared` is the open Experiment as a mapping, or None: it costs no statement of its own.
        """
        found = _PUBLISHED.first(agent=self.pk)
        if found is not None:
            found.agent = self
        return found

    @property
    def draft(self) -> "AgentVersion | None":
        return self.versions.filter(status=AgentVersion.Status.DRAFT).first()


class AgentVersion(models.Model):
    """Persona, instructions, tiers and tools as of one moment. A published one never changes."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="versions", verbose_name=_("assistant"))
    # 0 for the draft: it gets its number when it is published.
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.DRAFT)
    persona = models.TextField(_("who it is"), blank=True)
    # What it must and must not do: [{"rule": words, "example": how that sounds, or ""}].
    rules = models.JSONField(_("rules"), default=list, db_default=[], blank=True)
    # What it talks about, each in a few words; empty for all that the documents tell.
    topics = models.JSONField(_("topics"), default=list, db_default=[], blank=True)
    # When a person is to take over: [{"when": words for the model, "words": what is enough when somebody says
    # it, parted by commas, or "", "say": the line for the customer, or ""}].
    handover = models.JSONField(_("hands over when"), default=list, db_default=[], blank=True)
    # What it does while people are away, where that differs from the rules of conduct:
    # {"out_of_hours": ChatRules.OutOfHours, "text": words}. When they are away is the business's.
    hours = models.JSONField(_("hours"), default=dict, db_default={}, blank=True)
    # "" answers in the customer's language.
    language = models.CharField(_("language"), max_length=5, blank=True, default="", db_default="")
    # What it may ask customers for and keep beside name and e-mail, each in a few words.
    collects = models.JSONField(_("asks customers for"), default=list, db_default=[], blank=True)
    # The names of the tools that it may use.
    tools = models.JSONField(_("tools"), default=list, db_default=[], blank=True)
    # Which model answers what: agents.routing.Policy, as far as it differs from the usual.
    routing = models.JSONField(_("routing"), default=dict, db_default={}, blank=True)
    greeting = models.TextField(_("greeting"), blank=True)
    tone = models.CharField(_("tone"), max_length=200, blank=True)
    source_line = models.BooleanField(_("name the source under an answer"), default=True)
    memory_messages = models.PositiveSmallIntegerField(_("messages remembered"), default=20)
    memory_minutes = models.PositiveSmallIntegerField(_("minutes remembered"), default=30)
    debounce_seconds = models.DecimalField(
        _("seconds to wait for the customer to finish"), max_digits=4, decimal_places=1, null=True, blank=True
    )
    debounce_ceiling_seconds = models.DecimalField(
        _("seconds after which it answers even if the customer still writes"),
        max_digits=4,
        decimal_places=1,
        null=True,
        blank=True,
    )
    tiers = models.JSONField(_("models by tier"), default=dict, blank=True)
    note = models.CharField(_("what changed"), max_length=200, blank=True, default="", db_default="")
    edited_at = models.DateTimeField(_("last edited"), null=True, blank=True)
    # As published_by: what was published stays when the person goes.
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("last edited by"),
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    # No database constraint: deleting a person must neither change nor be stopped by what was published.
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("published by"),
    )

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering: ClassVar[list[str]] = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["agent"], condition=models.Q(status="draft"), name="one_draft_an_agent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.number or self.get_status_display()}"


def _published() -> models.QuerySet[AgentVersion]:
    told = {name: f"{name}_id" if name in ("first", "second") else name for name in COMPARED}
    opened = Experiment.objects.filter(agent=models.OuterRef("agent"), ended_at=None)
    versions = AgentVersion.objects.filter(agent=slot("agent"), status=AgentVersion.Status.PUBLISHED)
    compared = models.Subquery(opened.values(told=JSONObject(**told))[:1])
    return versions.annotate(compared=compared).order_by("-number")[:1]


_PUBLISHED = written.Rows(_published)


def vendors() -> list[tuple[str, str]]:
    """Who may answer, hear or speak for a business, in the reader's language."""
    known = registry.all_known().values()
    return [(one.name, gettext(one.label)) for one in known if one.llm or one.speech or one.speaking]


# The labels of vendors that are no proper names.
LABELS = (gettext_noop("OpenAI or compatible"), gettext_noop("quotes from documents, no model"))


class ModelProvider(models.Model):
    """Where a tier's model is asked: the tenant's own key, or a base URL of its choice."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    vendor = models.CharField(_("vendor"), max_length=12, choices=vendors)
    base_url = models.URLField(_("base URL"), blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True)
    headers = EncryptedValuesField(_("extra headers"), default=dict, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    speech_model = models.CharField(
        _("model that hears voice notes"), max_length=120, blank=True, default="", db_default=""
    )
    speaking_model = models.CharField(
        _("model that speaks"), max_length=120, blank=True, default="", db_default=""
    )
    voice = models.CharField(_("voice"), max_length=120, blank=True, default="", db_default="")
    reads_images = models.BooleanField(_("the model reads images"), null=True, blank=True)
    is_default = models.BooleanField(_("used when a tier names none"), default=False)

    class Meta:
        verbose_name = _("model provider")
        verbose_name_plural = _("model providers")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_provider"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def sees(self) -> bool:
        """Whether images may be shown to the model: as the business says, else as the vendor's models do."""
        known = registry.all_known().get(self.vendor)
        return bool(known and known.sees) if self.reads_images is None else self.reads_images

    @property
    def may_be_private(self) -> bool:
        """Whether the installation lets the base URL lead into a private network; raises ProviderRejected."""
        return bool(self.base_url) and names_host(self.base_url, settings.MODEL_PRIVATE_HOSTS)

    def request_headers(self) -> dict[str, Any]:
        return dict(self.headers or {})


class OwnTool(models.Model):
    """A tool that the business made itself in a form: an HTTP call, a look-up in records, an MCP server."""

    class Kind(models.TextChoices):
        HTTP = "http", _("HTTP endpoint")
        RECORDS = "records", _("records")
        MCP = "mcp", _("MCP server")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.SlugField(_("name"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=80)
    when = models.TextField(_("when to use it"), max_length=1000)
    enabled = models.BooleanField(_("may be used"), default=True)
    needs_verified = models.BooleanField(_("only for a verified customer"), default=False)
    needs_confirmation = models.BooleanField(_("asks before it acts"), default=False)
    # What the kind needs: see agents.own_tools. Secrets stand in it by name only.
    definition = models.JSONField(_("definition"), default=dict, blank=True)
    tested_at = models.DateTimeField(_("last test"), null=True, blank=True)
    problem = models.CharField(_("what the last test met"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("tool")
        verbose_name_plural = _("tools")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.title


class ToolSecret(models.Model):
    """A key or a password that tools name, and nobody reads again."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    value = EncryptedTextField(_("value"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class RecordTable(models.Model):
    """Rows that a business uploaded as CSV for its assistant to look things up in."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    columns = models.JSONField(_("columns"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("table")
        verbose_name_plural = _("tables")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class RecordRow(models.Model):
    """One row: {column: text}."""

    table = models.ForeignKey(RecordTable, models.CASCADE, related_name="rows", verbose_name=_("table"))
    values = models.JSONField(_("values"), default=dict)

    class Meta:
        verbose_name = _("row")
        verbose_name_plural = _("rows")
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.table} {self.pk}"


class IntentExample(models.Model):
    """A message whose intent a person of the business has said: the router learns from it."""

    text = models.CharField(_("message"), max_length=300)
    language = models.CharField(_("language"), max_length=5, blank=True)
    intent = models.SlugField(_("intent"), max_length=30)
    # Of the local model, little-endian halves; made when it is first needed.
    vector = models.BinaryField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        db_constraint=False, verbose_name=_("by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("example of an intent")
        verbose_name_plural = _("examples of intents")
        constraints = [models.UniqueConstraint(fields=["text", "language"], name="intent_example_once")]

    def __str__(self) -> str:
        return f"{self.intent} {self.pk}"


class Scenario(models.Model):
    """A talk that an assistant must get right: what the customer says, and what is expected."""

    class Kind(models.TextChoices):
        CASE = "case", _("case")
        PINNED = "pinned", _("pinned case")
        CUSTOMER = "customer", _("simulated customer")

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="scenarios", verbose_name=_("assistant"))
    name = models.SlugField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.CASE)
    language = models.CharField(_("language"), max_length=5, blank=True)
    says = models.JSONField(_("the customer says"), default=list)
    # {"cites", "says", "says_not", "tool", "refuses", "hands_over"}: see conversations.judging.
    expects = models.JSONField(_("expected"), default=dict, blank=True)
    from_blueprint = models.BooleanField(_("of the blueprint"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("scenario")
        verbose_name_plural = _("scenarios")
        ordering: ClassVar[list[str]] = ["pk"]
        constraints = [models.UniqueConstraint(fields=["agent", "name"], name="scenario_once")]

    def __str__(self) -> str:
        return self.name


class Evaluation(models.Model):
    """One replay of an assistant's cases against a version, beside what is published."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    version = models.ForeignKey(AgentVersion, models.CASCADE, related_name="evaluations")
    base = models.ForeignKey(AgentVersion, models.CASCADE, null=True, blank=True, related_name="+")
    # Of the version's content: an edited draft needs another evaluation.
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.QUEUED)
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    problem = models.CharField(_("what went wrong"), max_length=200, blank=True)
    overridden_because = models.CharField(_("published all the same because"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        db_constraint=False, verbose_name=_("by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status__in=["queued", "running"]),
                name="evaluation_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.pk}"


class EvaluationResult(models.Model):
    """What one case showed: before and after, judged."""

    class Verdict(models.TextChoices):
        PASSED = "passed", _("passed")
        FAILED = "failed", _("failed")
        CHANGED = "changed", _("changed")
        SAME = "same", _("the same")

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="results")
    kind = models.CharField(_("kind"), max_length=10)  # pinned, scenario, real, simulation
    name = models.CharField(_("name"), max_length=80)
    question = models.TextField(_("question"))
    verdict = models.CharField(_("verdict"), max_length=8, choices=Verdict)
    blocks = models.BooleanField(_("stops the publication"), default=False)
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    # {"text", "supported", "handed_over", "tier", "model", "credits", "ms", "tools", "sources"}
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        ordering: ClassVar[list[str]] = ["pk"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "kind", "name"], name="result_once")]

    def __str__(self) -> str:
        return self.name


class Experiment(models.Model):
    """Two published versions on live customers: each contact stays with one of them."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="experiments", verbose_name=_("assistant"))
    first = models.ForeignKey(AgentVersion, models.PROTECT, related_name="+", verbose_name=_("version A"))
    second = models.ForeignKey(AgentVersion, models.PROTECT, related_name="+", verbose_name=_("version B"))
    share = models.PositiveSmallIntegerField(_("percent of customers with B"), default=50)
    salt = models.CharField(max_length=32)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agent"], condition=models.Q(ended_at=None), name="one_open_experiment"
            ),
            models.CheckConstraint(condition=models.Q(share__gte=1, share__lte=99), name="a_share_of_both"),
        ]

    def __str__(self) -> str:
        return f"{self.first} / {self.second}"
