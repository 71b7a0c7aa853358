"""The back office of prices: each holds from a moment on, and none is changed once it holds."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from billing.models import Price
from tenants import audit

FORM_OPEN = timedelta(minutes=15)  # how long "now" in a form is still taken for now
CATEGORIES = ("marketing", "utility", "authentication", "service")  # of WhatsApp's templates
_NAME = re.compile(r"[\w.:/@+-]{1,120}|\*")


class PriceForm(forms.ModelForm):
    class Meta:
        model = Price
        fields = "__all__"

    def clean_model(self) -> str:
        """A model as its vendor names it, * for all others, or template:<category>."""
        name = str(self.cleaned_data["model"]).strip()
        if not _NAME.fullmatch(name):
            raise forms.ValidationError(_("Write a model's name, * for every other, or template:marketing."))
        kind, colon, category = name.partition(":")
        if colon and kind == "template" and category not in CATEGORIES:
            words = _("There are templates of these categories: %(known)s.")
            raise forms.ValidationError(words % {"known": ", ".join(CATEGORIES)})
        return name

    def clean_effective_from(self) -> Any:
        """A price of the past would rewrite what was paid."""
        begins, now = self.cleaned_data["effective_from"], timezone.now()
        if begins < now - FORM_OPEN:
            raise forms.ValidationError(_("A price begins now or later."))
        return max(begins, now)


@admin.register(Price)
class PriceAdmin(ModelAdmin):
    """What has begun to hold stays as it was; a new price is a new row with a later date."""

    list_display = (
        "model",
        "effective_from",
        "input_per_million",
        "output_per_million",
        "cache_read_per_million",
        "cache_write_per_million",
        "audio_per_hour",
        "spoken_per_million",
        "reading_per_hundred_pages",
        "per_message",
        "minimum",
    )
    list_filter = ("model",)
    search_fields = ("model",)
    ordering = ("model", "-effective_from")
    fieldsets = (
        (None, {"fields": ("model", "effective_from")}),
        (
            gettext_lazy("Tokens"),
            {
                "fields": (
                    "input_per_million",
                    "output_per_million",
                    "cache_read_per_million",
                    "cache_write_per_million",
                    "minimum",
                )
            },
        ),
        (
            gettext_lazy("Everything else"),
            {
                "fields": (
                    "audio_per_hour", "spoken_per_million", "reading_per_hundred_pages", "per_message",
                ),
                "description": gettext_lazy(
                    "Of a template (template:marketing) only the credits a message count. Pages are read at "
                    "the price of *."
                ),
            },
        ),
    )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _has_begun(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _has_begun(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting by the dozen would not ask each price whether it has begun."""
        actions: dict[str, Any] = super().get_actions(request)
        return {name: one for name, one in actions.items() if name != "delete_selected"}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        return super().get_form(request, obj, change, form=PriceForm, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        actor: Any = request.user
        audit.record("price.set", actor=actor, target=obj, fields=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        actor: Any = request.user
        audit.record("price.delete", actor=actor, target=obj)
        super().delete_model(request, obj)


def _has_begun(price: Price | None) -> bool:
    return price is not None and price.effective_from <= timezone.now()
