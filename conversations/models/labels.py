"""Words of the business's own, put on threads and customers."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class _Kept(models.Manager[Any]):
    """Without those that were deleted and may still come back."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(deleted_at=None)


class Label(models.Model):
    """A word on a thread or a customer, with a colour that is never its only mark."""

    class Colour(models.TextChoices):
        GREY = "grey", _("grey")
        GREEN = "green", _("green")
        BLUE = "blue", _("blue")
        VIOLET = "violet", _("violet")
        ROSE = "rose", _("rose")
        AMBER = "amber", _("amber")

    name = models.CharField(_("name"), max_length=40)
    colour = models.CharField(_("colour"), max_length=6, choices=Colour, default=Colour.GREY)
    # Since when it is gone from everywhere; what it was on is kept for a while, so that it can come back.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[models.Manager["Label"]] = _Kept()
    everything: ClassVar[models.Manager["Label"]] = models.Manager()

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), condition=Q(deleted_at=None), name="label_once")
        ]

    def __str__(self) -> str:
        return self.name
