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


def send(client, path, **body):
    return client.post(f"/api/v1/knowledge/{path}", json.dumps(body), content_type="application/json")


def test_texts_and_pairs_are_kept_and_replaced_by_their_name(alpha, program, background):
    client = program(alpha)
    assert send(client, "texts", title="Rules", text="The pool opens at 8.").status_code == 201
    rows = [{"question": "Open today?", "answer": "Yes."}, {"question": "open TODAY", "answer": "Yes."}]
    made = send(client, "pairs", title="FAQ", pairs=rows, audience="staff")
    assert made.status_code == 201
    with schema_context(alpha.schema_name):
        background.run()
    (faq, rules) = client.get("/api/v1/knowledge/documents").json()["results"]
    assert (faq["title"], faq["chunk_count"], rules["title"]) == ("FAQ", 1, "Rules")
    again = send(client, "texts", title="Rules", text="The pool opens at 9.")
    assert again.json()["id"] == rules["id"]
    other = send(client, "texts", title="FAQ", text="Something else.")
    assert other.status_code == 400 and "another kind" in other.content.decode()
    torn = [{"question": "Open?", "answer": "Yes."}, {"question": "open", "answer": "No."}]
    assert "line 1" in send(client, "pairs", title="FAQ", pairs=torn).content.decode()
    assert send(client, "pairs", title="FAQ", pairs=[]).status_code == 400


def test_a_source_is_added_looked_at_again_and_removed_and_its_secret_never_told(
    alpha, beta, program, background
):
    client, other = program(alpha), program(beta)
    asked = {"kind": "baserow", "address": "345", "secret": "s3cr3t-token", "title": "Dishes"}
    made = send(client, "sources", **asked, options={"base_url": "http://127.0.0.1:9"}, refresh_hours=0)
    assert made.status_code == 201 and "s3cr3t" not in made.content.decode()
    pk = made.json()["id"]
    assert (made.json()["status"], made.json()["refresh_hours"]) == ("waiting", 0)
    assert send(client, f"sources/{pk}/refresh").json()["status"] == "waiting"
    for path in ("sources", f"sources/{pk}"):
        assert "s3cr3t" not in client.get(f"/api/v1/knowledge/{path}").content.decode()
    assert other.get(f"/api/v1/knowledge/sources/{pk}").status_code == 404
    assert send(other, f"sources/{pk}/refresh").status_code == 404
    assert other.delete(f"/api/v1/knowledge/sources/{pk}").status_code == 404
    wrong = send(client, "sources", **asked | {"address": "dishes"})
    assert wrong.status_code == 400 and "Baserow table" in wrong.content.decode()
    assert client.delete(f"/api/v1/knowledge/sources/{pk}").status_code == 204
    assert client.get("/api/v1/knowledge/sources").json()["results"] == []
