"""What an owner enters for a number of WhatsApp Cloud API, and what staff fills into a template."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.channel_forms import KEY, NameForm
from conversations.cloud_setup import Access
from conversations.models import Channel

ID = r"^[0-9]{3,40}$"
KEPT = _("It is kept encrypted, and nobody can read it here again.")
KEEP = _("Leave empty to keep the one that is there.")


class AccessForm(forms.Form):
    """The ids and secrets of a number."""

    phone_number_id = forms.RegexField(
        ID,
        label=_("Phone number ID"),
        help_text=_("In Meta's app: WhatsApp, API Setup. Not the number itself."),
    )
    waba_id = forms.RegexField(
        ID, label=_("WhatsApp Business Account ID"), help_text=_("It stands beside the phone number ID.")
    )
    token = forms.CharField(
        label=_("Access token"),
        max_length=1000,
        widget=forms.PasswordInput(attrs=KEY),
        help_text=_("Of a system user, without an end: with whatsapp_business_messaging and _management."),
    )
    app_secret = forms.CharField(
        label=_("App secret"),
        max_length=200,
        widget=forms.PasswordInput(attrs=KEY),
        help_text=_("In Meta's app: Settings, Basic. With it WhatsApp signs what it delivers."),
    )

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel

    def clean_phone_number_id(self) -> str:
        number = str(self.cleaned_data["phone_number_id"])
        others = Channel.objects.filter(kind=Channel.Kind.CLOUD, phone_number_id=number)
        if (others.exclude(pk=self.channel.pk) if self.channel else others).exists():
            raise forms.ValidationError(_("Another channel has this number."))
        return number

    def access(self) -> Access:
        """What was entered; after is_valid()."""
        names = ("phone_number_id", "waba_id", "token", "app_secret")
        return Access(**{name: self.cleaned_data[name].strip() for name in names})


class NewCloudForm(AccessForm, NameForm):
    """A new number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = "WhatsApp"
        self.order_fields(["name", "phone_number_id", "waba_id", "token", "app_secret", "agent"])


class ChangeCloudForm(AccessForm):
    """Another token, secret or account; what is there cannot be read, only replaced."""

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        initial = {"phone_number_id": channel.phone_number_id, "waba_id": channel.waba_id}
        super().__init__(*args, channel=channel, initial=initial, **kwargs)
        for name in ("token", "app_secret"):
            self.fields[name].required = False
            self.fields[name].help_text = KEEP
