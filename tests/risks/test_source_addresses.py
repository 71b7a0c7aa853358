"""S2: neither the address of a Baserow nor the token address in a Google key leads into the house.

Names that change their answer, and redirects: test_addresses.py, with the other callers.
"""

from typing import Any

import pytest
from django.utils import timezone

from knowledge import kinds, looking
from knowledge.models import Source
from providers.errors import ProviderError
from tests.counterparts.google_drive import Google
from tests.risks.test_addresses import Canary, _canary, call, canary, names, urls  # noqa: F401  fixtures

WHO = ["baserow", "drive"]


def typed(who: str, url: str) -> dict[str, Any]:
    if who == "baserow":
        return {"address": "345", "options": {"base_url": url}, "secret": "token"}
    return {"address": "folder-0001", "options": {}, "secret": Google().key(token_uri=url)}


@pytest.mark.parametrize("who", WHO)
class TestS2Source:
    def test_is_refused_when_it_is_typed(self, canary: Canary, who: str) -> None:  # noqa: F811
        for url in urls(canary):
            with pytest.raises(kinds.Refused):
                kinds.reader_of(who).checked(**typed(who, url))

    def test_is_refused_by_every_call(self, canary: Canary, who: str) -> None:  # noqa: F811
        for url in urls(canary):
            with pytest.raises(ProviderError):
                call(who, url)

    def test_one_that_came_another_way_fails_in_words(
        self, canary: Canary, who: str, in_alpha: Any, background: Any  # noqa: F811
    ) -> None:  # fmt: skip
        given = typed(who, f"http://127.0.0.1:{canary.port}/")
        source = Source.objects.create(kind=who, title="x", due_at=timezone.now(), **given)
        background.run_one(looking.look, schema="alpha", source_id=source.pk)
        source.refresh_from_db()
        assert source.status == "failed" and "private network" in source.problem
