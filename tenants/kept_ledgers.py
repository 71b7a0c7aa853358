"""What stays of a business's money when the business is erased: files, as long as the law asks for them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class KeptLedger(models.Model):
    """The money of a business that is gone: its ledger, usage, payments and statements, as files."""

    slug = models.CharField(_("address"), max_length=63, db_index=True)
    name = models.CharField(_("business"), max_length=120)
    folder = models.CharField(max_length=120, unique=True)  # in the installation's storage
    # [{"name", "bytes", "sha256"}]: what was written, and read again before the schema was dropped.
    files = models.JSONField(_("files"), default=list, db_default=[])
    entries = models.PositiveIntegerField(_("entries"), default=0)
    closing = models.BigIntegerField(_("balance at its end"), default=0)
    # What the sums over all businesses lose with its rows, by month: {"takings": [...], "credits": [...]}
    # (billing.takings).
    months = models.JSONField(default=dict, db_default={})
    kept_at = models.DateTimeField(_("kept"), default=timezone.now)
    kept_until = models.DateField(_("kept until"), db_index=True)

    class Meta:
        verbose_name = _("kept ledger")
        verbose_name_plural = _("kept ledgers")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.slug} {self.kept_at:%Y-%m-%d}"
