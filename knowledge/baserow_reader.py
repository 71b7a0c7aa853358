"""A Baserow table as a source: each row a passage, as "Moqueca. Price: 62; Serves: 2"."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from knowledge import layout, passages
from knowledge.kinds import Content, Gone, Listed, Reader, Refused, Skipped
from knowledge.models import Document, Source
from knowledge.passages import Passage
from providers import baserow
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError, ProviderRejected

ROWS_A_DOCUMENT = 1000
MOST_ROWS = 10_000
# What the provider says, for the translators.
SAID = (
    gettext_noop("Baserow asks to wait."),
    gettext_noop("Baserow cannot be reached."),
    gettext_noop("Baserow refused the token. It may have been deleted: make a new one."),
    gettext_noop("Baserow's address leads on to another one. Enter that one."),
    gettext_noop("The address or the token of Baserow cannot be used."),
    gettext_noop("The token may not read this table. Give it the right to read in Baserow."),
    gettext_noop("There is no such table. Perhaps it was deleted."),
    gettext_noop("There is too much in the rows of this table."),
    gettext_noop("This is neither the link of a Baserow table nor its number."),
    gettext_noop("What answers at this address is not Baserow."),
)


class BaserowReader(Reader):
    """Reads the table whose number is the address; its server is in the options, its token the secret."""

    def __init__(self, source: Source, *, state: Mapping[str, Any], known: Sequence[str]) -> None:
        super().__init__(source, state=state, known=known)
        url = str(source.options.get("base_url") or baserow.API)
        self._server = baserow.client(base_url=url, token=source.secret, allow_private=_is_listed(url))
        self._parts: dict[str, list[str]] = {}

    @classmethod
    def checked(cls, *, address: str, options: Mapping[str, Any], secret: str) -> tuple[str, dict[str, Any]]:
        """The table's number; `base_url` may be left out where a link tells it."""
        try:
            place = baserow.place(address, base_url=str(options.get("base_url") or ""))
        except ProviderRejected as error:
            raise Refused(_(str(error))) from error
        try:
            check_outbound(place.base_url, allow_private=_is_listed(place.base_url))
        except ProviderError as error:
            raise Refused(_(str(error)), field="base_url") from error
        if not secret.strip() or not secret.strip().isprintable():
            raise Refused(_("Enter the token of the database."), field="secret")
        return place.table, {"base_url": place.base_url}

    def tried(self) -> str:
        """What is there, in words for who set it up. Raises ProviderError."""
        count, fields = self._server.count(self.source.address), self._server.fields(self.source.address)
        words = _("It works. The table has %(count)s rows; its columns are %(columns)s.")
        return words % {"count": count, "columns": ", ".join(fields[:12])}

    def listed(self) -> Iterator[Listed]:
        """The rows, a thousand to a document: so that a table that grows is not read as one."""
        columns, rows = self._server.fields(self.source.address), list[str]()
        for row in self._server.rows(self.source.address, most=MOST_ROWS + 1):
            rows.append(told(row, columns))
        kept = rows[:MOST_ROWS]
        for start in range(0, len(kept), ROWS_A_DOCUMENT):
            number = start // ROWS_A_DOCUMENT + 1
            self._parts[str(number)] = kept[start : start + ROWS_A_DOCUMENT]
            yield Listed(key=str(number), title=self._title(number))
        if len(rows) > len(kept):
            yield Listed(key="more")

    def fetch(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        if item.key == "more":
            words = _("The rows after the first %(most)s were left out.")
            raise Skipped(words % {"most": MOST_ROWS})
        kept = [Passage((self.source.title,), text) for text in self._parts.get(item.key, []) if text]
        if not kept:
            raise Gone(certain=True)
        return Content(
            key=item.key, title=item.title, name=f"table{passages.SUFFIX}", body=passages.written(kept),
            form=Document.Form.TABLE,
        )  # fmt: skip

    def _title(self, number: int) -> str:
        return self.source.title if number == 1 else f"{self.source.title} ({number})"


def told(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """A row as a sentence, each value after its column's name; what is empty is left out."""
    shown = list(columns) or [name for name in row if name not in ("id", "order")]
    return layout.as_rows(shown, [[_value(row.get(name)) for name in shown]])


def _value(value: Any) -> str:
    """A cell as a person would read it: of links and choices the words, of files the names."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return next(
            (
                _value(value[name])
                for name in ("value", "visible_name", "name")
                if value.get(name) not in (None, "")
            ),
            "",
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text for text in map(_value, value) if text)
    return str(value)


def _is_listed(url: str) -> bool:
    """Whether this installation lets sources be at this host of a private network."""
    return names_host(url, settings.WEB_PRIVATE_HOSTS)
