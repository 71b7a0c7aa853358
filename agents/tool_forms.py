"""What an owner fills in to give an assistant a tool of the business's own: words and choices, no JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from agents import own_secrets, tool_templates
from agents.form_rows import Row, RowsField
from agents.models import OwnTool, ToolSecret
from agents.own_definitions import KINDS, MOST_ARGUMENTS, MOST_PAIRS, Definition
from agents.tools import Claim, Reveals
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError
from tenants.models import User

CLAIMS = (
    ("", gettext_lazy("nothing that an answer may claim")),
    (Claim.BOOKED, gettext_lazy("something is booked")),
    (Claim.CHANGED, gettext_lazy("something is changed")),
    (Claim.CANCELLED, gettext_lazy("something is cancelled")),
    (Claim.SENT, gettext_lazy("something is sent")),
    (Claim.SCHEDULED, gettext_lazy("something is scheduled")),
    (Claim.REGISTERED, gettext_lazy("something is registered")),
    (Claim.PAID, gettext_lazy("something is paid")),
)
ARGUMENT_KINDS = (
    ("text", gettext_lazy("text")),
    ("integer", gettext_lazy("whole number")),
    ("number", gettext_lazy("number")),
    ("yes_no", gettext_lazy("yes or no")),
    ("date", gettext_lazy("date")),
    ("choice", gettext_lazy("one of several")),
    ("email", gettext_lazy("e-mail address")),
    ("phone", gettext_lazy("phone number")),
)
BY = (("phone", gettext_lazy("their phone number")), ("email", gettext_lazy("their e-mail address")))
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
NEW = "+"  # of the list of keys: the one that is typed beside it
REGION_OF = {"pt": "BR", "en": "US", "es": "ES", "fr": "FR"}


class WordRows(RowsField):
    """Rows in which a choice alone says nothing: only what is typed makes a row one."""

    def __init__(self, columns: Mapping[str, int], *, typed: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(columns, **kwargs)
        self.typed = typed

    def clean(self, value: Any) -> list[Row]:
        return super().clean([row for row in value or () if any(row.get(name) for name in self.typed)])


def pairs_field(label: Any) -> WordRows:
    return WordRows({"name": 100, "value": 1000}, typed=("name", "value"), most=MOST_PAIRS, label=label)


class ToolForm(forms.Form):
    """What every tool has. `own` is the one that is changed; `parsed` what came of it, once it is valid."""

    kind = ""
    title = forms.CharField(
        label=gettext_lazy("Name"), max_length=80,
        help_text=gettext_lazy("As you call it. Customers read it where they are asked before it acts."),
    )  # fmt: skip
    when = forms.CharField(
        label=gettext_lazy("When the assistant is to use it"), max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For example: When a customer asks where their order is. Not for prices."),
    )  # fmt: skip
    needs_verified = forms.BooleanField(
        label=gettext_lazy("Only for customers of whom we know who they are"), required=False,
        help_text=gettext_lazy("By their WhatsApp number, or by a code sent to an address on record."),
    )  # fmt: skip
    rehearse_example = forms.CharField(
        label=gettext_lazy("An example of what comes back"), required=False, max_length=3000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "status: shipped\ndate: 12 May"}),
        help_text=gettext_lazy("Stands in for the real thing in Try and before publishing. One fact a line."),
    )  # fmt: skip

    def __init__(self, *args: Any, own: OwnTool | None = None, **kwargs: Any) -> None:
        self.own, self.parsed = own, None
        if own is not None:
            kwargs["initial"] = self.initial_of(own) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    parsed: Definition | None
    # Which field shows what is wrong with a part of the definition.
    places: Mapping[str, str] = {}

    @classmethod
    def initial_of(cls, own: OwnTool) -> dict[str, Any]:
        """What the tool has, as the form shows it."""
        rehearsal = dict_of(own.definition.get("rehearsal"))
        return {
            "title": own.title,
            "when": own.when,
            "needs_verified": own.needs_verified,
            "needs_confirmation": own.needs_confirmation,
            "rehearse_example": rehearsal.get("example", ""),
            "rehearse_real": bool(rehearsal.get("real")),
            "rehearse_customer": rehearsal.get("customer", ""),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            self._parse(self.definition(data))
        return data

    def definition(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The definition as the fields say it."""
        raise NotImplementedError

    def _parse(self, definition: Mapping[str, Any]) -> None:
        try:
            self.parsed = KINDS[self.kind].model_validate(definition)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_context=False, include_input=False):
                self.add_error(self.places.get(str(one["loc"][0]) if one["loc"] else ""), _words(one))

    def check_address(self, field: str) -> None:
        """Refuse an address that may not be called, at once and in words."""
        typed = str(self.cleaned_data.get(field) or "")
        if tool_templates.GAP.search(typed.partition("://")[2].partition("/")[0]):
            return  # a host with gaps is refused as such
        url = tool_templates.GAP.sub("x", typed)
        try:
            check_outbound(url, allow_private=names_host(url, settings.TOOL_PRIVATE_HOSTS))
        except ProviderError as error:
            self.add_error(field, _(str(error)))

    def rehearsal(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "example": data.get("rehearse_example", ""),
            "real": bool(data.get("rehearse_real")),
            "customer": data.get("rehearse_customer", ""),
        }


def _words(error: Any) -> str:
    """What pydantic says, as far as it is ours; else the plain fact."""
    message = str(error["msg"])
    if error["type"] == "value_error":
        return message.removeprefix("Value error, ")
    where = ".".join(str(step) for step in error["loc"][1:] if not isinstance(step, int))
    return _("%(where)s is not right: %(what)s") % {"where": where or error["loc"][0], "what": message}


def dict_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


class SecretMixin(forms.Form):
    """A key that is chosen by its name or typed now. What is typed is kept at once, and never shown again."""

    user: User | None = None  # who fills in the form
    secret = forms.ChoiceField(label=gettext_lazy("Key"), required=False)
    new_secret = forms.CharField(
        label=gettext_lazy("The new key"), required=False, max_length=20_000, strip=True,
        widget=forms.PasswordInput(attrs={**PLAIN, "autocomplete": "new-password"}),
        help_text=gettext_lazy("It is kept encrypted; nobody can read it again."),
    )  # fmt: skip

    def offer_secrets(self) -> None:
        field: Any = self.fields["secret"]
        names = list(ToolSecret.objects.order_by("name").values_list("name", flat=True))
        chosen = str(self.initial.get("secret") or "")
        gone = [chosen] if chosen and chosen not in names else []
        field.choices = [("", _("none")), *((name, name) for name in [*names, *gone]), (NEW, _("a new one"))]

    def clean_new_secret(self) -> str:
        typed: str = self.cleaned_data["new_secret"]
        if typed and "\x00" in typed:
            raise forms.ValidationError(_("The key has a character that cannot stand in one."))
        return typed

    def chosen_secret(self, *, title: str) -> str:
        """The name of the key; one that was typed is kept under a name made of the tool's."""
        typed = self.cleaned_data.get("new_secret") or ""
        if not typed:
            chosen = str(self.cleaned_data.get("secret") or "")
            return "" if chosen == NEW else chosen
        name = own_secrets.keep_new(title=title, value=typed, user=self.user)
        self._show_kept(name)
        return name

    def _show_kept(self, name: str) -> None:
        """A form that is shown again names the key that was typed; it is not to be typed twice."""
        typed_in: Any = self.data
        data = typed_in.copy()
        data["secret"], data["new_secret"] = name, ""
        self.data = data
        self.initial["secret"] = name
        self.offer_secrets()


class SignInMixin(SecretMixin):
    """How the other system knows us."""

    sign_in_how = forms.ChoiceField(
        label=gettext_lazy("Sign in"), required=False, initial="none",
        choices=(
            ("none", gettext_lazy("not needed")),
            ("bearer", gettext_lazy("with a token (Bearer)")),
            ("header", gettext_lazy("with a key in a header")),
            ("query", gettext_lazy("with a key in the address")),
            ("basic", gettext_lazy("with user:password")),
        ),
    )  # fmt: skip
    sign_in_name = forms.CharField(
        label=gettext_lazy("Name of the header or parameter"), required=False, max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "X-API-Key"}),
    )  # fmt: skip

    @staticmethod
    def initial_sign_in(definition: Mapping[str, Any]) -> dict[str, Any]:
        found = dict_of(definition.get("sign_in"))
        return {
            "sign_in_how": found.get("how", "none"),
            "sign_in_name": found.get("name", ""),
            "secret": found.get("secret", ""),
        }

    def sign_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        how = data.get("sign_in_how") or "none"
        if how == "none":
            return {"how": "none"}
        secret = self.chosen_secret(title=data.get("title", ""))
        return {"how": how, "name": data.get("sign_in_name", ""), "secret": secret}


class HttpToolForm(SignInMixin, ToolForm):
    """A call of an HTTP endpoint."""

    kind = "http"
    places = {
        "url": "url", "arguments": "arguments", "query": "query", "headers": "headers", "body": "body",
        "picks": "picks", "sign_in": "sign_in_how", "owner_path": "owner_path", "done_path": "done_path",
        "hosts": "hosts", "region": "region",
    }  # fmt: skip
    method = forms.ChoiceField(
        label=gettext_lazy("What it does"), initial="GET",
        choices=(
            ("GET", gettext_lazy("GET: looks something up")),
            ("POST", gettext_lazy("POST: makes something")),
            ("PUT", gettext_lazy("PUT: replaces something")),
            ("PATCH", gettext_lazy("PATCH: changes something")),
            ("DELETE", gettext_lazy("DELETE: deletes something")),
        ),
    )  # fmt: skip
    url = forms.CharField(
        label=gettext_lazy("Address"), max_length=1000,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "https://api.example.com/orders/{order}"}),
        help_text=gettext_lazy("Write {name} where a value of the customer belongs, and name it below."),
    )  # fmt: skip
    arguments = WordRows(
        {"name": 40, "kind": 10, "required": 1, "about": 200, "choices": 600, "example": 200},
        typed=("name", "about", "choices", "example"), most=MOST_ARGUMENTS,
        label=gettext_lazy("What the customer must say"),
    )  # fmt: skip
    query = pairs_field(gettext_lazy("Parameters of the address"))
    body = pairs_field(gettext_lazy("What is sent"))
    headers = pairs_field(gettext_lazy("More headers"))
    body_as = forms.ChoiceField(
        label=gettext_lazy("Sent as"), required=False, initial="json",
        choices=(("json", "JSON"), ("form", gettext_lazy("a form"))),
    )  # fmt: skip
    picks = WordRows(
        {"name": 60, "path": 200}, typed=("name", "path"), most=MOST_PAIRS,
        label=gettext_lazy("What the assistant may see of the answer"),
    )  # fmt: skip
    reveals = forms.ChoiceField(
        label=gettext_lazy("Who may be told"), initial=Reveals.BUSINESS,
        choices=(
            (Reveals.BUSINESS, gettext_lazy("every customer")),
            (Reveals.CUSTOMER, gettext_lazy("only the customer whose it is")),
            (Reveals.NOTHING, gettext_lazy("nobody: only whether it worked")),
        ),
    )  # fmt: skip
    owner_path = forms.CharField(
        label=gettext_lazy("Where the answer says whose it is"), required=False, max_length=200,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "customer.phone"}),
        help_text=gettext_lazy(
            "Or write {customer.phone} or {customer.email} in the address: the proved one is filled in."
        ),
    )  # fmt: skip
    owner_by = forms.ChoiceField(label=gettext_lazy("There stands"), choices=BY, required=False)
    region = forms.CharField(
        label=gettext_lazy("Numbers without a country code are of"), max_length=2, initial="BR",
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "BR"}), required=False,
    )  # fmt: skip
    done_path = forms.CharField(
        label=gettext_lazy("It worked when this stands in the answer"), required=False, max_length=200,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "result.ok"}),
    )  # fmt: skip
    done_value = forms.CharField(
        label=gettext_lazy("with the value"), required=False, max_length=100,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "true"}),
    )  # fmt: skip
    claim = forms.ChoiceField(label=gettext_lazy("When it worked"), choices=CLAIMS, required=False)
    needs_confirmation = forms.BooleanField(
        label=gettext_lazy("Ask the customer for a yes before it acts"), required=False
    )
    repeatable = forms.BooleanField(
        label=gettext_lazy("The other system does the same thing only once"), required=False,
        help_text=gettext_lazy("It heeds the header Idempotency-Key. Otherwise nothing is ever tried twice."),
    )  # fmt: skip
    hosts = forms.CharField(
        label=gettext_lazy("Other hosts that it may lead on to"), required=False, max_length=1000,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 2}), help_text=gettext_lazy("One on each line."),
    )  # fmt: skip
    rehearse_real = forms.BooleanField(
        label=gettext_lazy("Really look things up in Try and before publishing"), required=False,
        help_text=gettext_lazy("For look-ups (GET) only; for everything else the example stands in."),
    )  # fmt: skip
    rehearse_customer = forms.CharField(
        label=gettext_lazy("as this customer"), required=False, max_length=254,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "+55 11 90000-0000"}),
        help_text=gettext_lazy("A phone number or an e-mail address of nobody, for such rehearsals."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_secrets()

    @classmethod
    def initial_of(cls, own: OwnTool) -> dict[str, Any]:
        kept = own.definition
        arguments = [
            {**one, "required": "" if one.get("required") is False else "1",
             "choices": "; ".join(map(str, one.get("choices") or ()))}
            for one in list_of(kept.get("arguments"))
        ]  # fmt: skip
        plain = (
            "method", "url", "body_as", "reveals", "owner_path", "owner_by", "region", "done_path",
            "done_value", "claim", "repeatable",
        )  # fmt: skip
        return {
            **super().initial_of(own),
            **cls.initial_sign_in(kept),
            **{name: kept[name] for name in plain if name in kept},
            **{name: list_of(kept.get(name)) for name in ("query", "headers", "body", "picks")},
            "arguments": arguments,
            "hosts": "\n".join(map(str, kept.get("hosts") or ())),
        }

    def clean_url(self) -> str:
        typed: str = self.cleaned_data["url"]
        return typed if "://" in typed else f"https://{typed}"

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("url"):
            self.check_address("url")
        return super().clean()

    def definition(self, data: Mapping[str, Any]) -> dict[str, Any]:
        plain = (
            "method", "url", "query", "headers", "body", "picks", "owner_path", "done_path", "done_value",
            "claim", "repeatable", "reveals",
        )  # fmt: skip
        return {
            **{name: data[name] for name in plain},
            "arguments": [_argument(row) for row in data["arguments"]],
            "sign_in": self.sign_in(data),
            "body_as": data["body_as"] or "json",
            "owner_by": data["owner_by"] or "phone",
            "region": (data["region"] or "BR").upper(),
            "hosts": [line.strip().lower() for line in data["hosts"].splitlines() if line.strip()],
            "rehearsal": self.rehearsal(data),
        }


def _argument(row: Row) -> dict[str, Any]:
    """One row as an argument; choices stand with ; between."""
    choices = [choice.strip() for choice in row["choices"].split(";") if choice.strip()]
    is_choice = row["kind"] == "choice"
    return {
        "name": row["name"], "kind": row["kind"] or "text", "about": row["about"],
        "required": bool(row["required"]), "choices": choices if is_choice else [], "example": row["example"],
    }  # fmt: skip
