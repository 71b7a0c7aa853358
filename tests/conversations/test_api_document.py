"""The API against its own description: whatever is sent, no server error, and every answer as described.

Short here; `make api-fuzz` takes longer (API_FUZZ_EXAMPLES).
"""

import os
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from conversations import sessions
from conversations.models import Channel, Conversation, Message
from knowledge.models import Chunk, Document, Gap, PinnedAnswer, Source
from providers import addresses
from providers.errors import ProviderRejected
from tenants.models import ApiKey

EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
    ignored_auth,
]


@pytest.fixture
def known(shop) -> dict[str, Any]:
    """Ids that lead somewhere, by the beginning of the path."""
    shop.say("Que horas abrem?")
    document = Document.objects.create(title="House rules", kind="md", bytes=3, status="ready")
    kept = Document.objects.create(title="Prices", kind="md", bytes=3, status="ready")
    piece = {"text": "12", "language": "en", "embedding": [1.0], "embedding_model": "m"}
    passage = Chunk.objects.create(document=kept, position=0, **piece)
    at = "http://127.0.0.1/"
    looked, removed = (Source.objects.create(kind="page", title=name, address=at) for name in ("A", "B"))
    settled = PinnedAnswer.objects.create(text="Yes.", language="en")
    session, _new = sessions.start(session_id=uuid.uuid4(), now=shop.now(), metadata={"a": 1})
    return {
        "/api/v1/conversations": Conversation.objects.order_by("pk")[0].pk,
        "/api/v1/messages": Message.objects.order_by("pk")[0].pk,
        "/api/v1/sessions": str(session.pk),
        "/api/v1/knowledge/sources/{id}/refresh": looked.pk,
        "/api/v1/knowledge/sources": removed.pk,
        "/api/v1/knowledge/documents/{id}/passages": kept.pk,
        "/api/v1/knowledge/passages": passage.pk,
        "/api/v1/knowledge/answers": settled.pk,
        "/api/v1/knowledge/gaps": Gap.objects.create(question="Do you deliver?", language="en").pk,
        "/api/v1/knowledge": document.pk,
        "channel_id": str(shop.channel.pk),
    }


@pytest.fixture
def headers(shop) -> dict[str, str]:
    """A key that may do everything."""
    _key, secret = ApiKey.issue(tenant=shop.tenant, name="fuzz", scopes=None)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def schema(shop, known, settings, monkeypatch, embedding) -> Iterator[Any]:
    """The document as the app serves it; names that are made up lead to no host."""
    settings.API_ANSWER_SECONDS, settings.EMBEDDING_URL = 0, embedding
    resolved = addresses._resolved
    monkeypatch.setattr(addresses, "_resolved", lambda host, port: resolved(_known(host), port))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield schemathesis.openapi.from_wsgi("/api/v1/schema?format=json", get_wsgi_application())
    connection.set_schema_to_public()


def _known(host: str) -> str:
    if host != "127.0.0.1":
        raise ProviderRejected("There is no such host.")
    return host


def operations(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


def test_every_route_is_described(schema):
    from tests.tenants.test_two_tenants import TENANT_ROUTES

    paths = {operation.path for operation in operations(schema)}
    routes = {
        f"/{path}".replace("<int:pk>", "{id}").replace("<uuid:pk>", "{id}") for path, _p in TENANT_ROUTES
    }
    ours = {path for path in routes if path.startswith("/api/")} - {"/api/v1/schema", "/api/v1/docs"}
    assert paths == ours and len(operations(schema)) >= 20


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_server_error_and_every_answer_as_described(shop, schema, known, headers, mode):
    """Sent by the document (positive) and against it (negative); ids that lead somewhere, and others."""
    answered: dict[str, Counter[int]] = {}
    for operation in operations(schema):
        answered[operation.label] = _fuzz(operation, mode, known, headers)
        connection.set_tenant(shop.tenant)
    for label, statuses in answered.items():
        assert set(statuses) != {401} and statuses, label  # the key was taken
        if mode is GenerationMode.POSITIVE:
            assert any(status < 300 for status in statuses), (label, statuses)
    # What was sent at random has been kept whole, or refused.
    assert not Message.objects.filter(status="").exists()
    assert Channel.objects.filter(kind="api").count() == 1


def _fuzz(operation: Any, mode: Any, known: dict[str, Any], headers: dict[str, str]) -> Counter[int]:
    """Call one operation with generated requests; the statuses that came."""
    statuses: Counter[int] = Counter()

    @given(case=operation.as_strategy(generation_mode=mode), at_home=st.sampled_from([True, True, False]))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 100,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def run(case: Any, at_home: bool) -> None:
        if at_home:
            _lead_somewhere(case, operation, mode, known)
        connection.set_schema_to_public()
        response = case.call_and_validate(checks=CHECKS, headers=headers)
        statuses[response.status_code] += 1

    run()
    return statuses


def _lead_somewhere(case: Any, operation: Any, mode: Any, known: dict[str, Any]) -> None:
    """Ids that there are; and what is sent by the document, so that it can be done."""
    if "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = next(v for k, v in known.items() if operation.path.startswith(k))
    if mode is not GenerationMode.POSITIVE:
        return
    for name in ("cursor", "created_after"):  # one that is made up, or before all calendars, is refused
        (case.query or {}).pop(name, None)
    if operation.label == "POST /api/v1/messages":
        case.body = _to_somebody(case.body, known)
    if operation.label == "POST /api/v1/knowledge/sources":
        case.body = {"kind": "page", "address": f"http://127.0.0.1/{uuid.uuid4()}"}


def _to_somebody(body: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The same words in a conversation that there is, or to the same address on a channel that there is."""
    if "address" in body:
        return {"text": body["text"], "address": body["address"], "channel_id": known["channel_id"]}
    return {"text": body["text"], "conversation_id": known["/api/v1/conversations"]}
