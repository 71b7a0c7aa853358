"""What an owner types when they add something to know: a form for each kind, in their own words."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from knowledge import assistants, sites, texts
from knowledge.models import Audience, Document, Source
from knowledge.reaching import Reach
from providers import baserow
from tenants.db import connection
from tenants.secrets import Undecryptable, decrypt, encrypt, last_four

HOURS = (
    (1, gettext_lazy("every hour")),
    (6, gettext_lazy("every 6 hours")),
    (24, gettext_lazy("every day")),
    (168, gettext_lazy("every week")),
    (0, gettext_lazy("only when I ask")),
)
SECRET = {"autocomplete": "off", "spellcheck": "false"}
MOST_JSON = 20_000


class Radios(forms.RadioSelect):
    """Choices of which one holds; the class is each mark's own, for the list would be drawn as a mark too."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        option["attrs"]["class"] = "radio"
        return option


class Checkboxes(forms.CheckboxSelectMultiple):
    """Choices of which several hold."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        option["attrs"]["class"] = "checkbox checkbox-sm"
        return option


class ReachForm(forms.Form):
    """Whom something is for."""

    audience = forms.ChoiceField(
        label=gettext_lazy("It answers"), choices=Audience.choices,
        widget=Radios,
        initial=Audience.CUSTOMERS,
    )  # fmt: skip
    agent_ids = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Which assistants may use it"), coerce=int, required=False,
        widget=Checkboxes,
        help_text=gettext_lazy("None chosen: all of them, also those that you add later."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = assistants.names()
        if len(known) < 2 and not self.initial.get("agent_ids"):
            del self.fields["agent_ids"]  # there is nothing to choose
        else:
            field: Any = self.fields["agent_ids"]
            gone = {one: _("an assistant that is gone") for one in self.initial.get("agent_ids") or []}
            field.choices = list((gone | known).items())

    def reach(self) -> Reach:
        """What was chosen, once the form is valid."""
        data = self.cleaned_data
        return Reach(data["audience"], tuple(data.get("agent_ids") or ()))

    @staticmethod
    def of(kept: Any) -> dict[str, Any]:
        """What a document or a source has, as the form's initial data."""
        return {"audience": kept.audience, "agent_ids": list(kept.agent_ids)}


class SourceForm(ReachForm):
    """What every place has: a name, an address, a rhythm. `source` is the one that is changed."""

    kind = ""
    needs_name = False  # where the address tells a person nothing
    title = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, required=False,
        help_text=gettext_lazy("As you call it; empty: its address."),
    )  # fmt: skip
    refresh_hours = forms.TypedChoiceField(
        label=gettext_lazy("Look for changes"), coerce=int, initial=24, choices=HOURS
    )
    order: tuple[str, ...] = (
        "address",
        "secret",
        "base_url",
        "title",
        "refresh_hours",
        "audience",
        "agent_ids",
    )

    def __init__(self, *args: Any, source: Source | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source = source
        self.order_fields(self.order)
        self._with_own_rhythm()
        if source is not None:
            self.fields.pop("address", None)  # another address is another source
            if "secret" in self.fields:
                self.fields["secret"].help_text = _("Leave this empty to keep the one that is there.")
        if source is not None or self.needs_name:
            self.fields["title"].required = True
            self.fields["title"].help_text = ""

    def _with_own_rhythm(self) -> None:
        """A rhythm that came by the business file or a program stays choosable."""
        hours, field = self.initial.get("refresh_hours"), self.fields["refresh_hours"]
        if hours is not None and hours not in dict(HOURS) and isinstance(field, forms.ChoiceField):
            field.choices = [*HOURS, (hours, _("every %(hours)s hours") % {"hours": hours})]

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        others = Source.objects.exclude(pk=self.source.pk) if self.source else Source.objects.all()
        if title and others.filter(title=title).exists():
            raise forms.ValidationError(_("Another source has this name."))
        return title

    def kept_options(self) -> dict[str, Any]:
        """What is kept beside the address, by kind."""
        return dict(self.source.options) if self.source else {}

    def new_secret(self) -> str | None:
        """The secret that was typed; None: the one that is there stays."""
        return None

    @staticmethod
    def of_source(source: Source) -> dict[str, Any]:
        """What a source has, as the form's initial data."""
        kept = {"title": source.title, "refresh_hours": source.refresh_hours, **source.options}
        lines = "\n".join(kept.get("exclude") or ())
        more = {"exclude": lines, "with_files": bool(kept.get("files"))}
        return {**kept, **more, **ReachForm.of(source)}


class SecretMixin(forms.Form):
    """A secret that is never shown again, and yet not lost when something else in the form is wrong.

    What was typed comes back as ciphertext, bound to this business, in a field that nobody sees.
    """

    secret_kept = forms.CharField(required=False, widget=forms.HiddenInput)
    source: Source | None

    def secret_typed(self) -> str:
        """As it was typed now or a moment ago."""
        typed = str(self.data.get("secret") or "").strip()
        return typed or self._kept()

    def _kept(self) -> str:
        try:
            schema, _colon, secret = decrypt(str(self.data.get("secret_kept") or "-")).partition(":")
        except Undecryptable:
            return ""
        return secret if schema == connection.schema_name else ""

    def remember(self) -> None:
        """Keep the secret for the next try of a form that is shown again."""
        if typed := self.secret_typed():
            typed_in: Any = self.data
            data = typed_in.copy()
            data["secret_kept"], data["secret"] = encrypt(f"{connection.schema_name}:{typed}"), ""
            self.data = data
            self["secret"].help_text = self.secret_hint(typed)
            self.fields["secret"].widget.attrs["placeholder"] = last_four(typed.rstrip("}\n "))

    def secret_hint(self, typed: str) -> str:
        return _("It is remembered. Leave this empty, or enter another.")

    def secret_needed(self) -> str:
        """The secret, or an error where there is none at all."""
        typed = self.secret_typed()
        if not typed and self.source is None and "secret" not in self.errors:
            self.add_error("secret", _("This is needed."))
        return typed


class PageForm(SourceForm):
    """One page of a site."""

    kind = Source.Kind.PAGE
    address = forms.CharField(
        label=gettext_lazy("Address of the page"), max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/prices"}),
        help_text=gettext_lazy("As it stands in the browser's address bar."),
    )  # fmt: skip

    def clean_address(self) -> str:
        typed: str = self.cleaned_data["address"].strip()
        return typed if "://" in typed else f"https://{typed}"


class SiteForm(PageForm):
    """A whole site, or the part of it below an address."""

    kind = Source.Kind.SITE
    address = forms.CharField(
        label=gettext_lazy("Address of the site"), max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://example.com"}),
        help_text=gettext_lazy("We read what its sitemap names, or follow links. robots.txt is honoured."),
    )  # fmt: skip
    pages = forms.IntegerField(
        label=gettext_lazy("At most so many pages"), min_value=1, max_value=sites.MOST_PAGES,
        initial=sites.PAGES,
    )  # fmt: skip
    depth = forms.IntegerField(
        label=gettext_lazy("Links to follow from the first page"), min_value=0, max_value=sites.MOST_DEPTH,
        initial=sites.DEPTH, help_text=gettext_lazy("Only where the site has no sitemap."),
    )  # fmt: skip
    with_files = forms.BooleanField(
        label=gettext_lazy("Read the documents that it links to, too"), required=False,
        help_text=gettext_lazy("PDF, Word, Excel and the like."),
    )  # fmt: skip
    exclude = forms.CharField(
        label=gettext_lazy("Leave out"), required=False, max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "/blog\n/en/press"}),
        help_text=gettext_lazy("Paths whose pages are not read, one on each line."),
    )  # fmt: skip
    order = (
        "address", "title", "pages", "depth", "with_files", "exclude", "refresh_hours", "audience",
        "agent_ids",
    )  # fmt: skip

    def clean_exclude(self) -> list[str]:
        """The paths; the reader refuses too many of them."""
        return [line.strip() for line in str(self.cleaned_data["exclude"]).splitlines() if line.strip()]

    def kept_options(self) -> dict[str, Any]:
        data = self.cleaned_data
        kept = {name: data[name] for name in ("pages", "depth", "exclude")}
        return {**kept, "files": data["with_files"]}


class DriveForm(SecretMixin, SourceForm):
    """A folder that is shared with a service account."""

    kind = Source.Kind.DRIVE
    needs_name = True
    address = forms.CharField(
        label=gettext_lazy("Link of the folder"), max_length=2000,
        widget=forms.TextInput(attrs={"placeholder": "https://drive.google.com/drive/folders/…"}),
        help_text=gettext_lazy("Open the folder in Google Drive and copy the address from the browser."),
    )  # fmt: skip
    secret = forms.CharField(
        label=gettext_lazy("Key of the service account"), required=False, max_length=MOST_JSON,
        widget=forms.Textarea(attrs={**SECRET, "rows": 4, "placeholder": '{"type": "service_account", …}'}),
        help_text=gettext_lazy("What is in the JSON file that Google made. It is kept encrypted."),
    )  # fmt: skip
    key_file = forms.FileField(
        label=gettext_lazy("or the file itself"), required=False,
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )  # fmt: skip
    order = ("address", "secret", "key_file", "title", "refresh_hours", "audience", "agent_ids")

    def clean_key_file(self) -> Any:
        file = self.cleaned_data.get("key_file")
        if file is not None and file.size > MOST_JSON:
            raise forms.ValidationError(_("This is not the key file of a service account."))
        return file

    def secret_typed(self) -> str:
        file = self.files.get("key_file") if self.files else None
        if file is not None and (file.size or 0) <= MOST_JSON:
            file.seek(0)
            return str(file.read().decode("utf-8", "replace")).strip()
        return super().secret_typed()

    def secret_hint(self, typed: str) -> str:
        return _("The key is remembered. Leave this empty, or enter another.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["secret"] = self.secret_needed()
        return data

    def new_secret(self) -> str | None:
        return self.cleaned_data["secret"] or None


class BaserowForm(SecretMixin, SourceForm):
    """A table, at baserow.io or on a server of one's own."""

    kind = Source.Kind.BASEROW
    needs_name = True
    address = forms.CharField(
        label=gettext_lazy("Link or number of the table"), max_length=2000,
        widget=forms.TextInput(attrs={"placeholder": "https://baserow.io/database/12/table/345"}),
        help_text=gettext_lazy("Open the table in Baserow and copy the address from the browser."),
    )  # fmt: skip
    secret = forms.CharField(
        label=gettext_lazy("Database token"), required=False, max_length=200,
        widget=forms.PasswordInput(attrs={**SECRET, "autocomplete": "new-password"}),
        help_text=gettext_lazy("Made in Baserow under your name, Database tokens: reading is enough."),
    )  # fmt: skip
    base_url = forms.CharField(
        label=gettext_lazy("Address of the server"), required=False, max_length=500,
        widget=forms.URLInput(attrs={"placeholder": baserow.API}),
        help_text=gettext_lazy("Only for a Baserow of your own. Empty: as the link says, else baserow.io."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["secret"] = self.secret_needed()
        return data

    def kept_options(self) -> dict[str, Any]:
        typed = str(self.cleaned_data.get("base_url") or "").strip()
        if typed and "://" not in typed:
            typed = f"https://{typed}"
        return {"base_url": typed} if typed or self.source is None else super().kept_options()

    def new_secret(self) -> str | None:
        return self.cleaned_data["secret"] or None


FORMS: dict[str, type[SourceForm]] = {
    form.kind: form for form in (PageForm, SiteForm, DriveForm, BaserowForm)
}


class NamedForm(ReachForm):
    """A document that is written here. `document` is the one that is changed."""

    title = forms.CharField(
        label=gettext_lazy("Name"), max_length=200,
        help_text=gettext_lazy("Customers may read it as the source of an answer."),
    )  # fmt: skip

    def __init__(self, *args: Any, document: Document | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.document = document

    def clean_title(self) -> str:
        """Free, and whole: what stands before a slash would be taken for a folder."""
        title = str(self.cleaned_data["title"]).replace("\\", "-").replace("/", "-").strip()
        if not title:
            raise forms.ValidationError(_("Give it a name."))
        if self._others().filter(title=title).exists():
            raise forms.ValidationError(_("Another document has this name."))
        return title

    def _others(self) -> QuerySet[Document]:
        others = Document.objects.filter(source=None)
        return others.exclude(pk=self.document.pk) if self.document else others


class TextForm(NamedForm):
    """A text as it was typed or pasted."""

    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=texts.LONGEST, strip=True,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=gettext_lazy("A line that begins with # is a heading; passages are cut along headings."),
    )  # fmt: skip
    field_order = ("title", "text", "audience", "agent_ids")


class PairsForm(NamedForm):
    """The name of a list of questions and answers; the pairs are fields of their own."""

    field_order = ("title", "audience", "agent_ids")
