"""The gateway's client against its counterpart: each engine, each failure."""

import pytest

from providers import waha
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.gateway import Gateway

WHERE = {"session": "demo", "chat_id": "5511988887777@c.us"}


def client(gateway: Gateway) -> waha.Waha:
    return waha.client(base_url=gateway.url, api_key=gateway.api_key, allow_private=True)


@pytest.mark.parametrize("engine", ["GOWS", "NOWEB", "WEBJS"])
def test_a_message_carries_our_own_id(gateway: Gateway, engine: str) -> None:
    gateway.app.configure("demo", engine=engine)
    assert client(gateway).send_text(**WHERE, text="Olá", message_id="3EB0MINE") == "3EB0MINE"
    assert gateway.sent == [("5511988887777@c.us", "Olá")]


@pytest.mark.parametrize("fault", ["status", "after", "reset"])
def test_a_failure_after_the_request_left_may_have_sent_it(gateway: Gateway, fault: str) -> None:
    gateway.fail_next(fault)
    with pytest.raises(ProviderError) as failed:
        client(gateway).send_text(**WHERE, text="Olá", message_id="3EB0MINE")
    assert failed.value.outcome_unknown and not isinstance(failed.value, ProviderRejected)
    found = client(gateway).get_message(**WHERE, message_id="3EB0MINE")
    assert (found is not None) == (fault == "after")


def test_a_gateway_that_is_away_has_sent_nothing() -> None:
    with pytest.raises(ProviderError) as failed:
        waha.client(base_url="http://127.0.0.1:9", api_key="k", allow_private=True).send_text(
            **WHERE, text="Olá"
        )
    assert not failed.value.outcome_unknown


def test_a_wrong_key_and_an_unknown_session_are_final(gateway: Gateway) -> None:
    with pytest.raises(ProviderRejected, match="401"):
        waha.client(base_url=gateway.url, api_key="wrong", allow_private=True).send_text(**WHERE, text="Olá")
    with pytest.raises(ProviderRejected):
        client(gateway).send_text(session="nobody", chat_id="55@c.us", text="Olá")


def test_a_session_that_is_not_working_is_waited_for(gateway: Gateway) -> None:
    gateway.app.configure("demo", status="SCAN_QR_CODE")
    with pytest.raises(ProviderError) as failed:
        client(gateway).send_text(**WHERE, text="Olá")
    assert failed.value.retry_after and not failed.value.outcome_unknown


def test_media_is_fetched_from_the_configured_gateway_whatever_host_is_named(gateway: Gateway) -> None:
    url = gateway.media(b"voice", "audio/ogg")
    assert url.startswith("http://localhost:3000/")
    assert client(gateway).download_media(url, max_bytes=100) == b"voice"
    with pytest.raises(ProviderRejected, match="too large"):
        client(gateway).download_media(url, max_bytes=3)
    evil = url.replace("http://localhost:3000", "http://169.254.169.254")
    assert client(gateway).download_media(evil, max_bytes=100) == b"voice"
