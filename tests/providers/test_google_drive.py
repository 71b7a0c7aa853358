"""Google Drive's client against its counterpart, through google-auth's own signing."""

import json
from collections.abc import Iterator

import pytest

from providers import google_drive
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.google_drive import EMAIL, Google

DOC = "application/vnd.google-apps.document"


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as server:
        server.folder("folder-0001", "Preços")
        yield server


def drive(google: Google, **changed: str) -> google_drive.Drive:
    key = google_drive.account(google.key(**changed))
    return google_drive.client(key=key, url=google.url, allow_private=True)


def names(google: Google, most: int = 100) -> list[str]:
    return [file.filename for file in drive(google).files("folder-0001", most=most)]


def test_pages_and_folders_in_folders_are_read_to_the_end(google: Google) -> None:
    google.app.a_page = 2
    google.folder("folder-0002", "Bebidas", parent="folder-0001")
    for n in range(5):
        google.put(f"file-{n}", f"{n}.txt", b"x", parent="folder-0001" if n < 4 else "folder-0002")
    google.put("form", "Form", b"", mimetype="application/vnd.google-apps.form", parent="folder-0001")
    assert names(google) == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]
    assert len(names(google, most=3)) == 3


def test_googles_own_are_exported_and_others_downloaded(google: Google) -> None:
    google.put("doc", "Regras", b"docx bytes", mimetype=DOC, parent="folder-0001")
    google.put("txt", "casa.txt", b"plain", parent="folder-0001")
    reader = drive(google)
    files = {file.filename: file for file in reader.files("folder-0001", most=9)}
    assert {name: reader.content(file, max_bytes=99) for name, file in files.items()} == {
        "Regras.docx": b"docx bytes", "casa.txt": b"plain",
    }  # fmt: skip
    assert "wordprocessingml" in google.app.requests[-2].query.get("mimeType", "")


def test_a_version_changes_with_the_content_only(google: Google) -> None:
    google.put("txt", "casa.txt", b"one", parent="folder-0001")
    (first,) = drive(google).files("folder-0001", most=9)
    google.put("txt", "casa.txt", b"one", parent="folder-0001", at="2026-11-21T10:00:00.000Z")
    (same,) = drive(google).files("folder-0001", most=9)
    google.put("txt", "casa.txt", b"two", parent="folder-0001")
    (other,) = drive(google).files("folder-0001", most=9)
    assert first.version == same.version != other.version


@pytest.mark.parametrize("said", [{"size": 10**9}, {}])
def test_too_much_is_not_taken_whatever_size_is_said(google: Google, said: dict[str, int]) -> None:
    google.put("txt", "casa.txt", b"x" * 300_000, parent="folder-0001", **said)
    reader = drive(google)
    (file,) = reader.files("folder-0001", most=9)
    with pytest.raises(google_drive.TooLarge):
        reader.content(google_drive.File(**{**_fields(file), "size": None}), max_bytes=1000)
    with pytest.raises(google_drive.TooLarge):
        reader.content(file, max_bytes=1000)


def _fields(file: google_drive.File) -> dict[str, object]:
    return {name: getattr(file, name) for name in file.__slots__}


def test_a_folder_that_is_not_shared_names_the_address_to_share_it_with(google: Google) -> None:
    google.folder("folder-0009", "Secreta", shared=False)
    with pytest.raises(google_drive.NotShared, match=EMAIL):
        drive(google).name("folder-0009")


@pytest.mark.parametrize(
    "status,reason,kind,words",
    [
        (403, "rateLimitExceeded", ProviderError, "asks to wait"),
        (429, "", ProviderError, "asks to wait"),
        (503, "backendError", ProviderError, "asks to wait"),
        (500, "", ProviderError, "failed"),
        (403, "accessNotConfigured", ProviderRejected, "not switched on"),
        (401, "authError", google_drive.KeyRefused, "refused the key"),
        (400, "badRequest", ProviderRejected, "400"),
    ],
)
def test_each_refusal_has_its_meaning(
    google: Google, status: int, reason: str, kind: type[Exception], words: str
) -> None:
    google.app.faults.append((status, reason))
    with pytest.raises(kind, match=words) as failed:
        drive(google).name("folder-0001")
    assert isinstance(failed.value, ProviderRejected) == issubclass(kind, ProviderRejected)


def test_a_key_that_was_deleted_is_refused_and_a_busy_door_is_not(google: Google) -> None:
    google.app.is_revoked = True
    with pytest.raises(google_drive.KeyRefused):
        drive(google).name("folder-0001")
    google.app.is_revoked, google.app.token_status = False, 503
    with pytest.raises(ProviderError) as failed:
        drive(google).name("folder-0001")
    assert not isinstance(failed.value, ProviderRejected) and len(google.app.requests) == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '"x"', json.dumps({"type": "authorized_user"}),
        json.dumps({"type": "service_account", "client_email": "a@b"}),
        json.dumps({"type": "service_account", "client_email": "a@b", "private_key": "no key"}),
    ],
)  # fmt: skip
def test_what_is_no_key_is_told_at_once(text: str) -> None:
    with pytest.raises(ProviderRejected):
        google_drive.account(text)


@pytest.mark.parametrize(
    "typed",
    [
        "https://drive.google.com/drive/folders/1AbC_d-EfGhIjK?usp=sharing",
        "https://drive.google.com/drive/u/1/folders/1AbC_d-EfGhIjK",
        "https://drive.google.com/open?id=1AbC_d-EfGhIjK",
        " 1AbC_d-EfGhIjK ",
    ],
)
def test_a_folder_is_known_by_its_link_or_its_id(typed: str) -> None:
    assert google_drive.folder_id(typed) == "1AbC_d-EfGhIjK"


@pytest.mark.parametrize("typed", ["", "a' or 'x", "https://example.com/", "preços"])
def test_what_is_no_folder_is_refused(typed: str) -> None:
    with pytest.raises(ProviderRejected):
        google_drive.folder_id(typed)
