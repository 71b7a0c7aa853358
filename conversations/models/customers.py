"""What a business keeps of its customers in its own words, and files of customers that came in."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.channels import Channel


class ContactField(models.Model):
    """Something that this business wants to know of its customers; the values are in Contact.details."""

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        NUMBER = "number", _("number")
        DATE = "date", _("date")
        CHOICE = "choice", _("one of a list")

    # Under it the values are kept: the first name, which stays when the field is called otherwise.
    key = models.CharField(max_length=60, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.TEXT)
    choices = ArrayField(
        models.CharField(max_length=60), verbose_name=_("to choose from"), default=list, blank=True
    )
    position = models.PositiveSmallIntegerField(_("place"), default=0, db_default=0)
    deleted_at = models.DateTimeField(_("taken away"), null=True, blank=True)

    class Meta:
        verbose_name = _("customer field")
        verbose_name_plural = _("customer fields")
        ordering: ClassVar[list[str]] = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("name"), condition=Q(deleted_at=None), name="contact_field_once")
        ]

    def __str__(self) -> str:
        return self.name


class Segment(models.Model):
    """Filters of the customers' list under a name; who is in it is looked up each time."""

    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filters"), max_length=1000)  # as the list's address has them
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("made"), default=timezone.now)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="segment_once")]

    def __str__(self) -> str:
        return self.name


class ContactImport(models.Model):
    """A file of customers: matched, looked at, read row by row in the background, and undone on a wish."""

    class Status(models.TextChoices):
        NEW = "new", _("columns to be matched")
        CHECKED = "checked", _("ready to start")
        RUNNING = "running", _("being read")
        DONE = "done", _("done")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    name = models.CharField(_("file"), max_length=120)
    file = models.FileField(upload_to="", max_length=300, blank=True)  # taken away when it was read
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.NEW)
    columns = models.JSONField(default=list, blank=True)  # for each column what it is; "" for nothing
    replaces = models.BooleanField(_("what is in the file replaces what is there"), default=False)
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, blank=True, related_name="+")
    source = models.CharField(_("how they agreed"), max_length=80, blank=True)
    row_count = models.PositiveIntegerField(_("rows"), default=0)
    done_count = models.PositiveIntegerField(_("rows read"), default=0)
    added = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("completed"), default=0)
    same = models.PositiveIntegerField(_("nothing new"), default=0)
    refused = models.PositiveIntegerField(_("not taken"), default=0)
    kept = models.PositiveIntegerField(_("not undone, since something happened since"), default=0)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # when the next part is to be done
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("import of customers")
        verbose_name_plural = _("imports of customers")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="contact_import_due")
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"  # never the file's name: this reaches logs


class ContactImportRow(models.Model):
    """What one row of a file did to one customer, so that it can be undone."""

    class Outcome(models.TextChoices):
        ADDED = "added", _("new")
        CHANGED = "changed", _("completed")
        SAME = "same", _("nothing new")
        REFUSED = "refused", _("not taken")

    of = models.ForeignKey(ContactImport, models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(_("line"))
    outcome = models.CharField(_("what became of it"), max_length=7, choices=Outcome)
    contact_id = models.BigIntegerField(null=True, blank=True)
    # Each field that it changed: {"name": [before, after]}; "labels" and "identities" hold ids of new rows.
    changes = models.JSONField(default=dict, db_default={}, blank=True)
    error = models.CharField(_("why not"), max_length=300, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")
        constraints = [models.UniqueConstraint(fields=["of", "line"], name="import_line_once")]
        indexes = [models.Index(fields=["contact_id"], name="import_row_contact")]

    def __str__(self) -> str:
        return f"{self.of_id}:{self.line}"
