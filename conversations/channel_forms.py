"""What an owner may say of a channel."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agents.models import Agent
from conversations.models import Channel
from tenants.models import Tenant

KEY = {"autocomplete": "new-password", "spellcheck": "false"}
GATEWAY_HELP = _("As this installation reaches it, for example https://waha.example.com")


class NameForm(forms.Form):
    """The name of a channel, which is its own in this business, and who answers on it."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Only you and your team see it."))
    agent = forms.ModelChoiceField(Agent.objects.none(), label=_("Assistant"), empty_label=None)

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        agents = self.fields["agent"]
        assert isinstance(agents, forms.ModelChoiceField)
        may = Q(retired_at=None) | Q(pk=channel.agent_id) if channel else Q(retired_at=None)
        agents.queryset = Agent.objects.filter(may).order_by("pk")
        if not self.is_bound and channel is None:
            agents.initial = agents.queryset.first()

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        others = Channel.objects.exclude(pk=self.channel.pk) if self.channel else Channel.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("Another channel has this name."))
        return name


class ChannelForm(NameForm):
    """What can be changed of every channel."""

    watchdog_minutes = forms.IntegerField(
        label=_("Alarm after minutes"),
        min_value=5,
        max_value=1440,
        help_text=_("So long may messages stay without any sign that they arrived."),
    )

    call_reply = forms.CharField(
        label=_("Answer to calls"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Nobody can take a call here. Who calls is sent these words; empty: nothing."),
    )

    def __init__(self, *args: Any, channel: Channel, remote: bool, **kwargs: Any) -> None:
        super().__init__(*args, channel=channel, **kwargs)
        if not remote:
            del self.fields["watchdog_minutes"]
        if channel.kind not in (Channel.Kind.WAHA, Channel.Kind.CLOUD):
            del self.fields["call_reply"]


class WahaForm(NameForm):
    """A WhatsApp number behind a gateway of one's own."""

    base_url = forms.URLField(
        label=_("Address of the gateway"), max_length=200, assume_scheme="https", help_text=GATEWAY_HELP
    )
    api_key = forms.CharField(
        label=_("Key of the gateway"),
        max_length=500,
        widget=forms.PasswordInput(attrs=KEY),
        help_text=_("Its WAHA_API_KEY. It is kept encrypted, and nobody can read it here again."),
    )
    session = forms.RegexField(
        r"^[A-Za-z0-9_-]{1,54}$",
        label=_("Session"),
        help_text=_("A name for this number at the gateway: letters, digits, - and _."),
    )
    take_over = forms.BooleanField(
        label=_("Use the session of this name that the gateway has"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["session"].initial = tenant.slug[:54]
        self.fields["name"].initial = "WhatsApp"
        self.order_fields(["name", "base_url", "api_key", "session", "agent"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        same = Channel.objects.filter(
            base_url=str(data.get("base_url", "")).rstrip("/"), session=data.get("session", "")
        )
        if same.exists():
            self.add_error("session", _("Another channel uses this session."))
        return data

    def offer_take_over(self) -> None:
        """The session exists: ask whether it may be used."""
        self.add_error(
            "session", _("The gateway has a session of this name. Choose another, or use that one.")
        )
        self.fields["take_over"].widget = forms.CheckboxInput()


class GatewayForm(forms.Form):
    """Where the gateway is now, and its key."""

    base_url = forms.URLField(
        label=_("Address of the gateway"), max_length=200, assume_scheme="https", help_text=GATEWAY_HELP
    )
    api_key = forms.CharField(
        label=_("Key of the gateway"),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs=KEY),
        help_text=_("Leave empty to keep the one that is there."),
    )


class PhoneForm(forms.Form):
    """The number of the phone that is to be connected."""

    phone = forms.CharField(
        label=_("Number of the phone"),
        max_length=30,
        widget=forms.TextInput(
            attrs={"inputmode": "tel", "autocomplete": "tel", "placeholder": "+55 11 98888-7777"}
        ),
    )
