"""The vendors' counterparts, and a request to send them."""

from collections.abc import Iterator

import pytest

from providers.llm import ChatMessage, Passage, Request
from tests.counterparts.gateway import Gateway
from tests.counterparts.models import Models


@pytest.fixture
def models() -> Iterator[Models]:
    with Models() as models:
        yield models


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def request_() -> Request:
    """A question with an earlier exchange and two passages."""
    return Request(
        system="Be brief.",
        history=(
            ChatMessage("user", "Oi"),
            ChatMessage("assistant", "Olá!"),
            ChatMessage("user", "Quando abrem?"),
        ),
        passages=(
            Passage(0, "Horários", "Abrimos às 8h. Fechamos às 18h.", page=2, heading="Semana"),
            Passage(1, "Preços", "Limpeza: R$ 190."),
        ),
        model="a-model",
        language="pt",
        timeout=2.0,
    )
