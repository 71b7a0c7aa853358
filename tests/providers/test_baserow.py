"""Baserow's client against its counterpart."""

from collections.abc import Iterator

import pytest

from providers import baserow
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.baserow import TABLE, Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.fill(["Prato", "Preço"], *([f"Prato {n}", n] for n in range(450)))
        yield running


def client(server: Server, token: str = "") -> baserow.Baserow:
    return baserow.client(base_url=server.url, token=token or server.app.token, allow_private=True)


def test_rows_come_by_pages_with_the_names_of_their_columns(server: Server) -> None:
    rows = list(client(server).rows(TABLE, most=1000))
    assert [row["Prato"] for row in rows] == [f"Prato {n}" for n in range(450)]
    assert [request.query["page"] for request in server.app.requests] == ["1", "2", "3"]
    assert len(list(client(server).rows(TABLE, most=250))) == 250
    assert client(server).fields(TABLE) == ["Prato", "Preço"] and client(server).count(TABLE) == 450


@pytest.mark.parametrize(
    "status,word,kind,words",
    [
        (404, "ERROR_TABLE_DOES_NOT_EXIST", baserow.NoTable, "no such table"),
        (401, "ERROR_NO_PERMISSION_TO_TABLE", baserow.KeyRefused, "may not read"),
        (403, "ERROR_TOKEN_DOES_NOT_EXIST", baserow.KeyRefused, "refused the token"),
        (429, "ERROR_THROTTLED", ProviderError, "asks to wait"),
        (502, "", ProviderError, "failed"),
        (302, "/elsewhere", ProviderRejected, "another one"),
        (404, "", ProviderRejected, "not Baserow"),
    ],
)
def test_each_refusal_has_its_meaning(
    server: Server, status: int, word: str, kind: type[Exception], words: str
) -> None:
    server.app.faults.append((status, word))
    with pytest.raises(kind, match=words) as failed:
        client(server).count(TABLE)
    assert isinstance(failed.value, ProviderRejected) == issubclass(kind, ProviderRejected)
    assert len(server.app.requests) == 1


def test_a_wrong_token_a_server_that_is_away_and_one_that_is_none(server: Server) -> None:
    with pytest.raises(baserow.KeyRefused):
        client(server, "wrong").count(TABLE)
    with pytest.raises(ProviderRejected, match="cannot be used"):
        client(server, "new\nline").count(TABLE)
    with pytest.raises(ProviderError, match="cannot be reached"):
        baserow.client(base_url="http://127.0.0.1:9", token="t", allow_private=True).count(TABLE)
    server.app.rows = "<html>"  # type: ignore[assignment]
    with pytest.raises(ProviderRejected, match="not Baserow"):
        client(server).count(TABLE)


@pytest.mark.parametrize(
    "typed,base_url,expected",
    [
        ("345", "", (baserow.API, "345")),
        (" 345 ", "https://b.example/api/", ("https://b.example", "345")),
        ("https://baserow.io/database/12/table/345", "", (baserow.API, "345")),
        ("https://b.example:8443/database/12/table/345/6?x=1", "", ("https://b.example:8443", "345")),
        ("https://b.example/database/1/table/345", "https://api.b.example", ("https://api.b.example", "345")),
    ],
)
def test_a_table_is_known_by_its_link_or_its_number(
    typed: str, base_url: str, expected: tuple[str, str]
) -> None:
    place = baserow.place(typed, base_url=base_url)
    assert (place.base_url, place.table) == expected


@pytest.mark.parametrize(
    "typed", ["", "produtos", "https://b.example/table/x", "-1", "https://[x/database/1/table/2"]
)
def test_what_is_no_table_is_refused(typed: str) -> None:
    with pytest.raises(ProviderRejected):
        baserow.place(typed)
