"""Knowledge for programs: the same documents and the same search, by API key."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import schema_context

ROWS = b"# House\n\n## Breakfast\n\nBreakfast is served from 7 to 10.\n\n## Pool\n\nThe pool opens at 8.\n"


def post(client, name="house.md", content=ROWS):
    return client.post("/api/v1/knowledge/documents", {"file": SimpleUploadedFile(name, content)})


def search(client, **asked):
    return client.post("/api/v1/knowledge/search", json.dumps(asked), content_type="application/json")


def test_upload_state_search_delete(alpha, program, background):
    client = program(alpha)
    made = post(client)
    assert (made.status_code, made.json()["status"]) == (201, "waiting")
    with schema_context(alpha.schema_name):
        background.run()
    (listed,) = client.get("/api/v1/knowledge/documents").json()["results"]
    assert (listed["status"], listed["chunk_count"], listed["problem"]) == ("ready", 2, "")
    found = search(client, question="When is breakfast?", limit=1).json()
    assert found["supported"] is True
    (passage,) = found["passages"]
    assert passage["document_title"] == "house.md" and passage["heading"] == ["House", "Breakfast"]
    assert passage["page"] is None and passage["score"] > 0.3 and "7 to 10" in passage["text"]
    assert client.delete(f"/api/v1/knowledge/documents/{listed['id']}").status_code == 204
    assert client.get("/api/v1/knowledge/documents").json()["results"] == []
    assert search(client, question="When is breakfast?").json() == {
        "supported": False,
        "support": 0,
        "passages": [],
    }


def test_what_is_wrong_is_said_in_a_sentence(alpha, program, background):
    client = program(alpha)
    identity = post(client, "photo.pdf", b"\x7fELF" + bytes(64)).json()["id"]
    with schema_context(alpha.schema_name):
        background.run()
    read = client.get(f"/api/v1/knowledge/documents/{identity}").json()
    assert read["status"] == "failed" and "not known" in read["problem"]


@pytest.mark.parametrize("body", [b'{"file": "house.md"}', b"[1]", b"", b"{"])
def test_json_posing_as_an_upload_is_refused(alpha, program, body):
    answer = program(alpha).post("/api/v1/knowledge/documents", body, content_type="application/json")
    assert answer.status_code in (400, 415)


def test_an_upload_without_a_file_is_refused(alpha, program):
    assert program(alpha).post("/api/v1/knowledge/documents", {"file": "text"}).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"question": ""},
        {"question": "a", "limit": 0},
        {"question": "a", "limit": 99},
        {"question": "a" * 2001},
    ],
)
def test_a_search_that_is_none_is_refused(alpha, program, asked):
    assert search(program(alpha), **asked).status_code == 400


def test_another_business_sees_nothing(alpha, beta, program, background):
    identity = post(program(alpha)).json()["id"]
    with schema_context(alpha.schema_name):
        background.run()
    other = program(beta)
    assert other.get("/api/v1/knowledge/documents").json()["results"] == []
    assert other.get(f"/api/v1/knowledge/documents/{identity}").status_code == 404
    assert other.delete(f"/api/v1/knowledge/documents/{identity}").status_code == 404
    assert search(other, question="When is breakfast?").json()["passages"] == []


def test_nobody_comes_in_without_a_key(alpha, client_for):
    stranger = client_for(alpha)
    assert stranger.get("/api/v1/knowledge/documents").status_code in (401, 403)
    assert search(stranger, question="a").status_code in (401, 403)


def test_an_embedder_that_is_away_is_said(alpha, program, background, settings):
    post(program(alpha))
    with schema_context(alpha.schema_name):
        background.run()
    settings.EMBEDDING_URL = "http://127.0.0.1:9"
    assert search(program(alpha), question="When is breakfast?").status_code == 503
