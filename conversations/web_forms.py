"""What an owner chooses for a web chat."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.models import Channel
from conversations.widget import MAX_DOMAINS, Widget, clean_domain


class WidgetForm(forms.Form):
    """How it looks, what it says, where it may stand; the result is a Widget."""

    domains = forms.CharField(
        label=_("Sites"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "www.example.com"}),
        help_text=_("One on each line. *.example.com stands for every name before it. Others are refused."),
    )
    title = forms.CharField(
        label=_("Title"), required=False, max_length=60, help_text=_("Empty: the name of your business.")
    )
    greeting = forms.CharField(
        label=_("Greeting"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Empty: the assistant's own, or a short hello in the visitor's language."),
    )
    colour = forms.CharField(
        label=_("Colour"),
        max_length=7,
        widget=forms.TextInput(attrs={"type": "color", "class": "w-24 p-1"}),
        help_text=_("Words on it are black or white, whichever is easier to read."),
    )
    theme = forms.ChoiceField(
        label=_("Brightness"),
        choices=[("auto", _("as the visitor's device")), ("light", _("light")), ("dark", _("dark"))],
    )
    position = forms.ChoiceField(label=_("Corner"), choices=[("right", _("right")), ("left", _("left"))])
    language = forms.ChoiceField(
        label=_("Language of the buttons"),
        choices=[
            ("auto", _("as the page or the visitor")),
            ("pt", "Português"),
            ("en", "English"),
            ("es", "Español"),
            ("fr", "Français"),
        ],
    )
    accepts_files = forms.BooleanField(
        label=_("Visitors may send files and voice notes"),
        required=False,
        help_text=_("Pictures, documents and recordings, up to 25 MB each."),
    )
    remember_days = forms.IntegerField(
        label=_("Days that a visitor is remembered"),
        min_value=1,
        max_value=365,
        help_text=_("After so many days without a visit the conversation begins anew."),
    )

    @classmethod
    def of(cls, widget: Widget, data: Any = None, **given: Any) -> "WidgetForm":
        """The form as these settings fill it."""
        return cls(data, initial=widget.model_dump() | {"domains": "\n".join(widget.domains)}, **given)

    def clean_domains(self) -> list[str]:
        lines = [line for line in self.cleaned_data["domains"].split() if line]
        if len(lines) > MAX_DOMAINS:
            raise forms.ValidationError(_("These are too many."))
        try:
            return list(dict.fromkeys(clean_domain(line) for line in lines))
        except ValueError:
            raise forms.ValidationError(
                _("Write domains, such as example.com, www.example.com or *.example.com.")
            ) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                Widget.model_validate(self.settings(cleaned))
            except ValueError:
                raise forms.ValidationError(_("These settings do not go together.")) from None
        return cleaned

    @staticmethod
    def settings(cleaned: dict[str, Any]) -> dict[str, Any]:
        """Of the cleaned fields those that are the widget's."""
        return {name: value for name, value in cleaned.items() if name in Widget.model_fields}

    def widget_settings(self) -> dict[str, Any]:
        """What the channel's row keeps."""
        return Widget.model_validate(self.settings(self.cleaned_data)).model_dump()


class NewWebChatForm(WidgetForm):
    """The same, with the name of the channel first."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Only you and your team see it."))
    field_order = ("name",)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if Channel.objects.filter(name=name).exists():
            raise forms.ValidationError(_("Another channel has this name."))
        return name
