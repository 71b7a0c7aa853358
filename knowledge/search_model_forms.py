"""What a business may say of the models that its search uses."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from knowledge.embedding_choice import Choice
from knowledge.models import LOCAL, Embedding, Reranker, embedding_vendors, reranking_vendors
from providers.embedding import MOST_DIMENSIONS

KEY = {"autocomplete": "new-password", "spellcheck": "false"}
EXAMPLES = "text-embedding-3-small, voyage-3.5, embed-v4.0"
PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class AccountForm(forms.Form):
    """A business's account at a vendor. The key is written only; an empty one keeps what is there."""

    vendor = forms.ChoiceField(label=gettext_lazy("Vendor"))
    api_key = forms.CharField(
        label=gettext_lazy("API key"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs=KEY),
    )
    model = forms.CharField(
        label=gettext_lazy("Model"), required=False, max_length=100, widget=forms.TextInput(attrs=PLAIN)
    )
    base_url = forms.URLField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(attrs=PLAIN),
        help_text=gettext_lazy("Empty: the vendor's own."),
    )

    def __init__(self, *args: Any, known: tuple[Embedding | Reranker, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = known

    def clean_base_url(self) -> str:
        return str(self.cleaned_data["base_url"]).rstrip("/")

    def kept_key(self, data: dict[str, Any]) -> str:
        """What was typed, else the key that was given for this very vendor and address."""
        if typed := str(data.get("api_key", "")).strip():
            return typed
        where = (data.get("vendor"), data.get("base_url"))
        return next((row.api_key for row in self._known if (row.vendor, row.base_url) == where), "")

    def show_key(self) -> None:
        """After a test the person has not to type the key again."""
        widget = self.fields["api_key"].widget
        assert isinstance(widget, forms.PasswordInput)
        widget.render_value = True


class EmbeddingForm(AccountForm):
    """The model that turns texts into vectors."""

    dimensions = forms.IntegerField(
        label=gettext_lazy("Dimensions"),
        required=False,
        min_value=1,
        max_value=MOST_DIMENSIONS,
        help_text=gettext_lazy("Empty: as many as the model has."),
    )

    field_order = ("vendor", "api_key", "model", "dimensions", "base_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vendor = self.fields["vendor"]
        assert isinstance(vendor, forms.ChoiceField)
        vendor.choices = embedding_vendors()
        vendor.help_text = _("That of this installation needs nothing else.")
        self.fields["model"].help_text = _("For example %(models)s.") % {"models": EXAMPLES}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("vendor") == LOCAL:
            return {"vendor": LOCAL}
        data["api_key"] = self.kept_key(data)
        if not data["api_key"] and "api_key" not in self.errors:
            self.add_error("api_key", _("The vendor needs your key."))
        if not data.get("model") and "model" not in self.errors:
            self.add_error("model", _("Say which model of the vendor."))
        return data

    def choice(self) -> Choice:
        return Choice(**self.cleaned_data)


class RerankerForm(AccountForm):
    """Who puts the best passages in order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vendor = self.fields["vendor"]
        assert isinstance(vendor, forms.ChoiceField)
        vendor.choices = [("", _("nobody: our own order")), *reranking_vendors()]
        vendor.required = False
        self.fields["model"].help_text = _("Empty: the vendor's usual one.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("vendor"):
            data["api_key"] = self.kept_key(data)
            if not data["api_key"] and "api_key" not in self.errors:
                self.add_error("api_key", _("The vendor needs your key."))
        return data

    def row(self) -> Reranker | None:
        """What was chosen; None is our own order."""
        return Reranker(**self.cleaned_data) if self.cleaned_data["vendor"] else None
