"""What a person may say of an event address."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations import hooks
from conversations.models import HookEndpoint


class HookForm(forms.Form):
    """An address, and what it is told."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    url = forms.URLField(label=gettext_lazy("Address"), max_length=500, assume_scheme="https")
    events = forms.MultipleChoiceField(
        label=gettext_lazy("What it is told"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one event.")},
    )

    def __init__(self, *args: Any, endpoint: HookEndpoint | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._endpoint = endpoint
        events: Any = self.fields["events"]
        events.choices = [(kind.name, kind.label) for kind in hooks.kinds()]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = HookEndpoint.objects.filter(name=name)
        if self._endpoint is not None:
            others = others.exclude(pk=self._endpoint.pk)
        if others.exists():
            raise forms.ValidationError(_("Another address has this name."))
        return name

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            hooks.check_url(url)
        except hooks.Refused as error:
            raise forms.ValidationError(str(error)) from None
        return url
