"""Lists in a form: rows of a few texts, each column a name that is sent once a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

Row = dict[str, str]


class RowsWidget(forms.Widget):
    """Reads `rules-rule`, `rules-example`, … side by side; templates draw the rows themselves."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self.columns = tuple(columns)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        sent = [_sent(data, f"{name}-{column}") for column in self.columns]
        longest = max((len(values) for values in sent), default=0)
        padded = [values + [""] * (longest - len(values)) for values in sent]
        return [dict(zip(self.columns, values, strict=True)) for values in zip(*padded, strict=True)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # a list whose last row was taken out sends nothing

    def id_for_label(self, id_: str) -> str:
        return ""


def _sent(data: Any, name: str) -> list[str]:
    if isinstance(data, MultiValueDict):
        return [str(value) for value in data.getlist(name)]
    value = data.get(name, []) if isinstance(data, Mapping) else []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


class RowsField(forms.Field):
    """Rows of texts; the first column is needed where another one says something. Empty rows are left out."""

    def __init__(self, columns: Mapping[str, int], *, most: int, **kwargs: Any) -> None:
        """`columns` are names with the longest text of each; `most` rows."""
        super().__init__(required=False, widget=RowsWidget(list(columns)), **kwargs)
        self.columns, self.most = dict(columns), most

    def clean(self, value: Any) -> list[Row]:
        rows = [{name: self._text(row, name) for name in self.columns} for row in value or ()]
        kept = [(place, row) for place, row in enumerate(rows, start=1) if any(row.values())]
        problems = [problem for place, row in kept for problem in self._problems(place, row)]
        if len(kept) > self.most:
            problems.append(_("At most %(most)s.") % {"most": self.most})
        if problems:
            raise forms.ValidationError(problems)
        return [row for _place, row in kept]

    def _text(self, row: Mapping[str, str], name: str) -> str:
        return str(row.get(name, "")).replace("\r\n", "\n").strip()

    def _problems(self, place: int, row: Row) -> list[str]:
        """What is wrong with one row, counted as it stands on the page."""
        first = next(iter(self.columns))
        found = []
        if not row[first]:
            found.append(
                _("Number %(place)s says nothing yet: fill it in, or take it out.") % {"place": place}
            )
        for name, longest in self.columns.items():
            if len(row[name]) > longest:
                words = _("Number %(place)s is too long: at most %(most)s characters.")
                found.append(words % {"place": place, "most": longest})
        return found
