"""A business whose owner uploads documents, with the real converter and the real embedder behind the door."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import schema_context

from knowledge import reading
from knowledge.models import Document
from tenants.models import ApiKey
from tests import warm_reader
from tests.background import Background

_converted: dict[tuple[str, bytes], list[dict[str, Any]]] = {}


@pytest.fixture(autouse=True)
def _real_embedder(settings: Any, embedding: str, tmp_path: Any) -> None:
    settings.EMBEDDING_URL = embedding
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def _convert_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file is converted once a run, by a converter that is warm: a cold one takes seconds of CPU."""
    cold = reading.words

    def remembered(path: Path) -> Iterator[dict[str, Any]]:
        key = (path.suffix, path.read_bytes())
        if key not in _converted:
            _converted[key] = list(warm_reader.words(path))
            if not _converted[key] or not _converted[key][-1].keys() & {"end", "problem"}:
                _converted[key] = list(
                    cold(path)
                )  # how it ends when it breaks off is the real child's to say
        yield from copy.deepcopy(_converted[key])

    monkeypatch.setattr(reading, "words", remembered)


@pytest.fixture
def owner(client_for: Callable[..., Any], member_of: Callable[..., Any]) -> Callable[[Any], Any]:
    """`owner(tenant)` is the owner's browser."""
    return lambda tenant: client_for(tenant, member_of(tenant))


@pytest.fixture
def program(client_for: Callable[..., Any]) -> Callable[[Any], Any]:
    """`program(tenant)` is a client with an API key of that business."""

    def make(tenant: Any) -> Any:
        _key, secret = ApiKey.issue(tenant=tenant, name="test", scopes=None)
        return client_for(tenant, Authorization=f"Bearer {secret}")

    return make


@pytest.fixture
def upload(owner: Callable[[Any], Any], background: Background) -> Callable[..., Document | None]:
    """`upload(tenant, name, content)` through the page's door, read to the end; the row, if there is one."""

    def send(tenant: Any, name: str, content: bytes, *, read: bool = True) -> Document | None:
        answer = owner(tenant).post(
            "/assistant/documents/upload", {"files": [SimpleUploadedFile(name, content)]}
        )
        assert answer.status_code == 302, answer.content
        with schema_context(tenant.schema_name):
            if read:
                background.run()
            return Document.objects.filter(title=name).first()

    return send
