"""Vendors that run here, as if nothing had happened yet, and a question to ask them."""

from collections.abc import Iterator

import pytest

from providers.llm import ChatMessage, Passage, Request
from tests.counterparts.gateway import Gateway
from tests.counterparts.models import Models

FAQ = Passage(
    ref=0,
    title="Perguntas frequentes",
    heading="Estacionamento",
    text="Há convênio com o estacionamento da Rua das Acácias, 210. A primeira hora é gratuita.",
)
PRICES = Passage(ref=1, title="Tabela de preços", text="Limpeza: R$ 180,00. Clareamento: R$ 650,00.", page=2)


@pytest.fixture(scope="session")
def _models() -> Iterator[Models]:
    with Models() as models:
        yield models


@pytest.fixture
def models(_models: Models) -> Models:
    """The model vendors' counterpart."""
    _models.app.answers.clear()
    _models.app.faults.clear()
    _models.app.requests.clear()
    return _models


@pytest.fixture(scope="session")
def _gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """The gateway's counterpart, engine GOWS, its session working."""
    _gateway.app.forget()
    _gateway.app.configure(_gateway.session, engine="GOWS", status="WORKING", api_key=_gateway.api_key)
    return _gateway


def request(
    *said: str, passages: tuple[Passage, ...] = (FAQ, PRICES), language: str = "pt", timeout: float = 5.0
) -> Request:
    """What is asked; `said` goes back and forth, and ends with the customer."""
    turns = said or ("Tem estacionamento?",)
    roles = ["assistant" if (len(turns) - i) % 2 == 0 else "user" for i in range(len(turns))]
    return Request(
        system="You answer customers.",
        history=tuple(ChatMessage(role, text) for role, text in zip(roles, turns, strict=True)),  # type: ignore[arg-type]
        passages=passages,
        model="some-model",
        language=language,
        timeout=timeout,
    )
