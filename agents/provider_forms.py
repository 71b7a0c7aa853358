"""What a business may say of its account at a vendor of models."""

from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents import model_providers
from agents.models import ModelProvider
from providers.registry import Vendor
from tenants.secrets import last_four

KEY = {"autocomplete": "new-password", "spellcheck": "false"}
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
SEES = [
    ("", gettext_lazy("as this vendor's models usually do")),
    ("yes", gettext_lazy("yes")),
    ("no", gettext_lazy("no")),
]
# Which field is there for which capability.
FIELD_OF = {
    "model": "llm", "sees": "llm", "is_default": "llm", "speech_model": "speech",
    "speaking_model": "speaking", "voice": "speaking",
}  # fmt: skip
USUALLY = {"model": "llm", "speech_model": "speech", "speaking_model": "speaking"}


def _plain(label: Any, *, longest: int = 120, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=longest, widget=forms.TextInput(attrs=PLAIN), **more
    )


class ProviderForm(forms.Form):
    """One vendor's fields. The key is written only; an empty one keeps what is there for this address."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=PLAIN),
        help_text=gettext_lazy("What you call it here, in small letters."),
    )
    api_key = forms.CharField(
        label=gettext_lazy("API key"), required=False, max_length=500, widget=forms.PasswordInput(attrs=KEY)
    )
    model = _plain(gettext_lazy("Model that answers"))
    sees = forms.ChoiceField(label=gettext_lazy("It reads images"), choices=SEES, required=False)
    speech_model = _plain(gettext_lazy("Model that hears voice notes"))
    speaking_model = _plain(gettext_lazy("Model that speaks"))
    voice = _plain(
        gettext_lazy("Voice"), help_text=gettext_lazy("The vendor's name of it. Empty: its usual one.")
    )
    base_url = forms.URLField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=200,
        assume_scheme="https",
        widget=forms.URLInput(attrs=PLAIN),
        help_text=gettext_lazy("Empty: the vendor's own."),
    )
    is_default = forms.BooleanField(
        label=gettext_lazy("Answers wherever nothing else is chosen"), required=False
    )

    def __init__(self, data: Any = None, *, vendor: Vendor, provider: ModelProvider | None = None) -> None:
        super().__init__(data, initial=_initial(vendor, provider))
        self._vendor, self._provider = vendor, provider
        for field, capability in FIELD_OF.items():
            if not vendor.can(capability):  # type: ignore[arg-type]
                del self.fields[field]
        if not vendor.needs_key:
            del self.fields["api_key"], self.fields["base_url"], self.fields["model"], self.fields["sees"]
        if provider is not None and provider.api_key and "api_key" in self.fields:
            kept = {"key": last_four(provider.api_key)}
            self.fields["api_key"].help_text = (
                _("There is one ending in %(key)s. Leave it empty to keep it.") % kept
            )
        for field, capability in USUALLY.items():
            if field in self.fields and (usual := vendor.usual.get(capability)):
                self.fields[field].help_text = _help(field, usual)

    def clean_name(self) -> str:
        name = slugify(self.cleaned_data["name"]) or self._vendor.name
        others = ModelProvider.objects.filter(name=name)
        if self._provider is not None:
            others = others.exclude(pk=self._provider.pk)
        if others.exists():
            raise forms.ValidationError(_("There is one with this name already."))
        if self._provider is not None and name != self._provider.name:
            self._check_unnamed(self._provider)
        return name

    def _check_unnamed(self, provider: ModelProvider) -> None:
        """Versions name it, and a published one never changes."""
        if used := model_providers.named_by(provider):
            where = {"where": ", ".join(used)}
            raise forms.ValidationError(_("The name has to stay, it stands in %(where)s.") % where)

    def clean_base_url(self) -> str:
        return str(self.cleaned_data["base_url"]).rstrip("/")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "api_key" in self.fields and "api_key" not in self.errors:
            data["api_key"] = str(data.get("api_key", "")).strip() or self._kept_key(data.get("base_url", ""))
            if not data["api_key"]:
                self.add_error("api_key", self._why_key())
        return data

    def _kept_key(self, base_url: str) -> str:
        """A key is sent to no other address than the one that it was given for."""
        kept = self._provider
        return kept.api_key if kept is not None and kept.base_url == base_url else ""

    def _why_key(self) -> str:
        if self._provider is not None and self._provider.api_key:
            return _("Type the key once more: it was given for another address.")
        return _("The vendor needs your key.")

    def show_key(self) -> None:
        """After a test the person has not to type the key again."""
        if "api_key" in self.fields:
            widget = self.fields["api_key"].widget
            assert isinstance(widget, forms.PasswordInput)
            widget.render_value = True

    def row(self) -> ModelProvider:
        """What was typed, not saved; headers from a business file stay as they are."""
        row = self._provider or ModelProvider(vendor=self._vendor.name)
        for field, value in self.cleaned_data.items():
            if field == "sees":
                row.reads_images = {"yes": True, "no": False}.get(value)
            else:
                setattr(row, field, value)
        return row


def _initial(vendor: Vendor, provider: ModelProvider | None) -> dict[str, Any]:
    if provider is None:
        first = not ModelProvider.objects.filter(is_default=True).exists()
        taken = ModelProvider.objects.filter(name=vendor.name).exists()
        return {"name": "" if taken else vendor.name, "is_default": first}
    known = {name: getattr(provider, name) for name in ("name", "base_url", "is_default")}
    known |= {name: getattr(provider, name) for name in ("model", "speech_model", "speaking_model", "voice")}
    sees = "" if provider.reads_images is None else "yes" if provider.reads_images else "no"
    return known | {"sees": sees}


def _help(field: str, usual: str) -> str:
    if field == "model":
        return _("Empty: %(model)s.") % {"model": usual}
    return _("Empty: it is not used for this. For example %(model)s.") % {"model": usual}
