"""Words of the business's own, put on threads and customers."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


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

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="label_once")]

    def __str__(self) -> str:
        return self.name
