"""What an owner fills in to let an assistant look things up in rows, wherever the business keeps them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import OwnTool, RecordTable
from agents.own_definitions import MOST_COLUMNS
from agents.tool_forms import PLAIN, SignInMixin, ToolForm, WordRows, list_of
from providers import baserow, google_account, google_sheets
from providers.errors import ProviderError, ProviderRejected

SEARCH = (
    ("", gettext_lazy("not searched")),
    ("same", gettext_lazy("searched exactly")),
    ("part", gettext_lazy("searched by a part")),
)
# The fields that say where the rows are; each store has some of them.
PLACES = (
    "address", "base_url", "table", "list_path", "sign_in_how", "sign_in_name", "secret", "new_secret",
)  # fmt: skip
OWNERS = (
    ("", gettext_lazy("nobody's own")),
    ("phone", gettext_lazy("its customer's phone")),
    ("email", gettext_lazy("its customer's e-mail")),
)


class RecordsToolForm(SignInMixin, ToolForm):
    """A look-up. The columns are read from the rows themselves, and each is closed until it is opened."""

    kind = "records"
    store = "table"
    places: Mapping[str, str] = {
        "columns": "columns", "address": "address", "table": "table", "secret": "secret",
        "sign_in": "sign_in_how", "list_path": "list_path", "owner_column": "columns", "region": "region",
    }  # fmt: skip
    keeps: tuple[str, ...] = ()  # of the fields below, those that this store has
    address = forms.CharField(label="", max_length=1000, widget=forms.TextInput(attrs=PLAIN))
    base_url = forms.CharField(
        label=gettext_lazy("Address of the server"), required=False, max_length=500,
        widget=forms.URLInput(attrs={**PLAIN, "placeholder": baserow.API}),
        help_text=gettext_lazy("Only for a Baserow of your own. Empty: as the link says, else baserow.io."),
    )  # fmt: skip
    table = forms.CharField(label="", max_length=200, required=False)
    list_path = forms.CharField(
        label=gettext_lazy("Where the list is in the answer"), required=False, max_length=200,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "data.items"}),
        help_text=gettext_lazy("Empty: the answer is the list itself."),
    )  # fmt: skip
    columns = WordRows(
        {"name": 200, "search": 5, "required": 1, "shown": 1, "owner": 6}, typed=("name",),
        most=MOST_COLUMNS, label=gettext_lazy("Columns"),
    )  # fmt: skip
    region = forms.CharField(
        label=gettext_lazy("Numbers without a country code are of"), max_length=2, initial="BR",
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "BR"}), required=False,
    )  # fmt: skip
    most = forms.IntegerField(
        label=gettext_lazy("At most so many rows"), min_value=1, max_value=20, initial=5
    )
    rehearse_real = forms.BooleanField(
        label=gettext_lazy("Really look things up in Try and before publishing"), required=False
    )
    rehearse_customer = forms.CharField(
        label=gettext_lazy("as this customer"), required=False, max_length=254,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "+55 11 90000-0000"}),
        help_text=gettext_lazy("A phone number or an e-mail address of nobody, for such rehearsals."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(PLACES) - set(self.keeps):
            del self.fields[name]
        if "secret" in self.fields:
            self.offer_secrets()

    @classmethod
    def initial_of(cls, own: OwnTool) -> dict[str, Any]:
        kept = own.definition
        plain = ("address", "table", "secret", "list_path", "region", "most")
        owner, by = str(kept.get("owner_column") or ""), str(kept.get("owner_by") or "phone")
        return {
            **super().initial_of(own),
            **cls.initial_sign_in(kept),
            **{name: kept[name] for name in plain if kept.get(name)},
            "columns": [_row(column, owner, by) for column in list_of(kept.get("columns"))],
        }

    @property
    def parsed_columns(self) -> bool:
        """Whether the columns were read and something was chosen of them."""
        return bool(getattr(self.parsed, "columns", None))

    def definition(self, data: Mapping[str, Any]) -> dict[str, Any]:
        owners = [row for row in data["columns"] if row["owner"]]
        if len(owners) > 1:
            self.add_error("columns", _("Only one column can say whose a row is."))
        return {
            "store": self.store,
            **self.place(data),
            "columns": [_column(row) for row in data["columns"]],
            "owner_column": owners[0]["name"] if owners else "",
            "owner_by": owners[0]["owner"] if owners else "phone",
            "region": (data.get("region") or "BR").upper(),
            "most": data["most"],
            "rehearsal": self.rehearsal(data),
        }

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Where the rows are, of the definition."""
        raise NotImplementedError

    def show_columns(self, names: Sequence[str]) -> None:
        """Put these columns into the form, those that it has as they are."""
        typed_in: Any = self.data
        before = {row["name"]: row for row in self["columns"].value() or ()}
        blank = {"search": "", "required": "", "shown": "", "owner": ""}
        rows = [{"name": name, **blank, **before.get(name, {})} for name in names[:MOST_COLUMNS]]
        data = typed_in.copy()
        for column in ("name", *blank):
            data.setlist(f"columns-{column}", [row[column] for row in rows])
        self.data = data


def _row(column: Mapping[str, Any], owner: str, by: str) -> dict[str, str]:
    name = str(column.get("name") or "")
    return {
        "name": name,
        "search": str(column.get("search") or ""),
        "required": "1" if column.get("required") else "",
        "shown": "1" if column.get("shown") else "",
        "owner": by if name == owner else "",
    }


def _column(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": row["name"], "search": row["search"], "required": bool(row["required"]),
        "shown": bool(row["shown"]),
    }  # fmt: skip


class TableToolForm(RecordsToolForm):
    """Rows that were uploaded."""

    store = "table"
    keeps = ("table",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = RecordTable.objects.order_by("name").values_list("name", flat=True)
        choices = [(name, name) for name in names]
        self.fields["table"] = forms.ChoiceField(label=_("Uploaded table"), choices=choices)

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"table": data["table"]}


class BaserowToolForm(RecordsToolForm):
    """A table at baserow.io or on a server of one's own."""

    store = "baserow"
    keeps = ("address", "base_url", "secret", "new_secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].label = _("Link or number of the table")
        self.fields["address"].widget.attrs["placeholder"] = "https://baserow.io/database/12/table/345"
        self.fields["secret"].label = _("Database token")

    @classmethod
    def initial_of(cls, own: OwnTool) -> dict[str, Any]:
        kept = own.definition
        return super().initial_of(own) | {
            "address": kept.get("table", ""), "base_url": kept.get("address", "")
        }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        typed = str(data.get("base_url") or "").strip()
        data["base_url"] = typed if not typed or "://" in typed else f"https://{typed}"
        try:
            self._found = baserow.place(str(data.get("address") or ""), base_url=data["base_url"])
        except ProviderRejected as error:
            self.add_error("address", _(str(error)))
        else:
            self.cleaned_data["base_url"] = self._found.base_url
            self.check_address("base_url")
        return super().clean()

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "address": self._found.base_url,
            "table": self._found.table,
            "secret": _needed(self, data),
        }


class SheetsToolForm(RecordsToolForm):
    """A sheet of a Google spreadsheet that is shared with a service account."""

    store = "sheets"
    keeps = ("address", "table", "secret", "new_secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].label = _("Link of the spreadsheet")
        self.fields["address"].widget.attrs["placeholder"] = "https://docs.google.com/spreadsheets/d/…"
        self.fields["table"].label = _("Name of the sheet")
        self.fields["table"].help_text = _("As it stands on its tab; empty: the first one.")
        self.fields["secret"].label = _("Key of the service account")
        self.fields["new_secret"].widget = forms.Textarea(
            attrs={**PLAIN, "rows": 3, "placeholder": '{"type": "service_account", …}'}
        )
        self.fields["new_secret"].help_text = _("What is in the JSON file that Google made.")

    def clean_address(self) -> str:
        try:
            return google_sheets.spreadsheet_id(self.cleaned_data["address"])
        except ProviderRejected as error:
            raise forms.ValidationError(_(str(error))) from error

    def clean_new_secret(self) -> str:
        typed = super().clean_new_secret()
        if typed:
            try:
                account = google_account.account(typed)
                self.cleaned_data["token_uri"] = account.token_uri
            except ProviderError as error:
                raise forms.ValidationError(_(str(error))) from error
            self.check_address("token_uri")
        return typed

    def add_error(self, field: str | None, error: Any) -> None:
        """What is wrong with the key's own address is shown where the key was typed."""
        super().add_error("new_secret" if field == "token_uri" else field, error)

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"address": data["address"], "table": data["table"], "secret": _needed(self, data)}


class ListToolForm(RecordsToolForm):
    """A list of JSON objects at an address."""

    store = "http"
    keeps = ("address", "list_path", "sign_in_how", "sign_in_name", "secret", "new_secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].label = _("Address of the list")
        self.fields["address"].widget.attrs["placeholder"] = "https://api.example.com/courses"

    def clean_address(self) -> str:
        typed: str = self.cleaned_data["address"]
        return typed if "://" in typed else f"https://{typed}"

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("address"):
            self.check_address("address")
        return super().clean()

    def place(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"address": data["address"], "list_path": data["list_path"], "sign_in": self.sign_in(data)}


def _needed(form: RecordsToolForm, data: Mapping[str, Any]) -> str:
    """The name of the key, or an error where there is none."""
    name = form.chosen_secret(title=data["title"])
    if not name:
        form.add_error("new_secret", _("This is needed."))
    return name


STORES: dict[str, type[RecordsToolForm]] = {
    form.store: form for form in (TableToolForm, BaserowToolForm, SheetsToolForm, ListToolForm)
}
