"""Google Sheets' client against its counterpart, through google-auth's own signing."""

from collections.abc import Iterator

import pytest

from providers import google_account, google_sheets
from providers.errors import ProviderRejected
from tests.counterparts.google_drive import EMAIL, Google

ID = "1AbC_d-EfGhIjKlMnOp"


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as server:
        server.app.sheets[ID] = {"João's": [["a", "b"], ["1"]], "Two": []}
        yield server


def sheets(google: Google) -> google_sheets.Sheets:
    key = google_account.account(google.key())
    return google_sheets.client(key=key, url=google.url, allow_private=True)


def test_names_and_cells(google: Google) -> None:
    assert sheets(google).names(ID) == ["João's", "Two"]
    assert sheets(google).rows(ID, "João's") == [["a", "b"], ["1"]]
    assert google.app.requests[-1].query["valueRenderOption"] == "FORMATTED_VALUE"


def test_what_is_not_there_is_said(google: Google) -> None:
    with pytest.raises(google_sheets.NoSheet):
        sheets(google).rows(ID, "Three")
    with pytest.raises(google_sheets.NotShared, match=EMAIL):
        sheets(google).names("0" * 20)
    google.app.faults.append((403, "SERVICE_DISABLED"))
    with pytest.raises(ProviderRejected, match="switched on"):
        sheets(google).names(ID)


@pytest.mark.parametrize("typed", [ID, f"https://docs.google.com/spreadsheets/d/{ID}/edit#gid=0"])
def test_a_spreadsheet_is_known_by_its_link_or_its_id(typed: str) -> None:
    assert google_sheets.spreadsheet_id(typed) == ID


def test_what_is_no_spreadsheet_is_refused() -> None:
    with pytest.raises(ProviderRejected):
        google_sheets.spreadsheet_id("https://docs.google.com/document/d/x")
