"""S2: no address that a business or a customer can set leads into the house, whatever it looks like.

A canary listens on this machine and must never hear anything. Public names cannot be called from a test, so
"refused before connect" is shown by that silence and by the reason that is given.
"""

import _socket
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from agents.models import ModelProvider
from conversations import channels, connecting, hooks, media
from conversations.models import Breaker, Channel, Conversation, HookDelivery, Message
from knowledge import embedding_choice, sources
from knowledge import reranking as ranks
from knowledge.models import Document, Reranker, Source
from providers import (
    addresses,
    baserow,
    embedding,
    google_drive,
    llm,
    reranking,
    speech,
    waha,
    web,
    whatsapp_cloud,
)
from providers.errors import ProviderError, ProviderRejected
from providers.hooks import post
from tests.counterparts import serving
from tests.counterparts.google_drive import Google
from tests.counterparts.serving import Background, answer, free_port

# Every way to write this machine, its neighbours, and where clouds keep credentials; {port} is the canary's.
INSIDE = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.0.2:{port}/", "http://127.255.255.254:{port}/",
    "http://0x7f.1:{port}/", "http://0x7f000001:{port}/", "http://2130706433:{port}/", "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/", "http://localhost:{port}/",
    "http://LOCALHOST:{port}/", "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://10.0.0.1:{port}/",
    "http://172.16.3.4:{port}/", "http://192.168.1.1:{port}/", "http://100.64.0.1:{port}/", "http://[fc00::1]:{port}/",
    "http://[fe80::1]:{port}/", "http://198.18.0.1:{port}/", "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
    "http://224.0.0.1:{port}/", "http://private.example:{port}/", "http://both.example:{port}/",
    "https://127.0.0.1:{port}/", "http://localhost.:{port}/",
]  # fmt: skip
# What is no address at all.
ODD = [
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "//127.0.0.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "http://93.184.216.34:99999/", "http://", "http:///", "http://[::1", "http://127.0.0.1:{port}/\r\nX: y",
]  # fmt: skip
EVERY = INSIDE + ODD


class Canary:
    """Listens on this machine, IPv4 and IPv6 as far as there is, and counts who connects."""

    def __init__(self) -> None:
        self.port, self.heard = free_port(), 0
        self._stop = threading.Event()
        self._sockets = [one for one in (self._listen(socket.AF_INET), self._listen(socket.AF_INET6)) if one]
        for one in self._sockets:
            threading.Thread(target=self._count, args=(one,), daemon=True).start()

    def _listen(self, family: int) -> socket.socket | None:
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            if family == socket.AF_INET6:
                found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            found.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", self.port))
        except OSError:
            found.close()
            return None
        found.listen(64)
        found.settimeout(0.2)
        return found

    def _count(self, listening: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                connected, _address = listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.heard += 1
            connected.close()

    def close(self) -> None:
        self._stop.set()
        for one in self._sockets:
            one.close()


@pytest.fixture(scope="module")
def _canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


@pytest.fixture
def canary(_canary: Canary, settings: Any, names: Any) -> Iterator[Canary]:
    """In production nothing of this house may be called; and nothing was."""
    settings.GATEWAY_PRIVATE_HOSTS = settings.HOOK_PRIVATE_HOSTS = settings.MODEL_PRIVATE_HOSTS = [""]
    settings.WEB_PRIVATE_HOSTS = [""]
    _canary.heard = 0
    yield _canary
    assert _canary.heard == 0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name service that knows what the test says; numbers, however written, the system itself reads."""
    known = {
        "localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"], "private.example": ["10.0.0.1"],
        "both.example": ["93.184.216.34", "127.0.0.1"], "public.example": ["93.184.216.34"],
    }  # fmt: skip

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = (host.decode() if isinstance(host, bytes) else str(host or "")).lower()
        if name in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in known[name]]
        return _socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def urls(canary: Canary) -> list[str]:
    return [url.replace("{port}", str(canary.port)) for url in EVERY]


def test_there_are_thirty_and_the_canary_hears(_canary: Canary) -> None:
    """The test of the tests: an unguarded call is counted."""
    assert len(INSIDE) >= 30 and len(set(EVERY)) == len(EVERY)
    _canary.heard = 0
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{_canary.port}/", trust_env=False)
    assert _canary.heard == 1


class TestS2EventAddress:
    """Where a business wants to be told of events: on the page, and at each call."""

    def test_is_refused_when_it_is_typed(self, canary: Canary) -> None:
        hidden = "http://93.184.216.34\\@127.0.0.1/"  # which of the two is meant depends on who reads it
        for url in [*urls(canary), hidden]:
            with pytest.raises(hooks.Refused):
                hooks.check_url(url)

    def test_is_refused_when_it_is_called(self, canary: Canary) -> None:
        for url in urls(canary):
            with pytest.raises(ProviderError):
                post(url, body=b"{}", headers={}, allow_private=False)

    def test_parks_the_event_with_the_reason(self, canary: Canary, shop: Any) -> None:
        hooks.add(name="x", url=f"http://127.0.0.1:{canary.port}/", events=["message.received"],
                  actor=None, now=timezone.now())  # fmt: skip
        shop.say("Oi")
        shop.work()
        delivery = HookDelivery.objects.get()
        assert delivery.status != "delivered" and "private network" in delivery.error


class TestS2Gateway:
    """The WAHA gateway: on the page, for every call to it, and for the files that a payload names."""

    def test_is_refused_when_it_is_typed(self, canary: Canary, shop: Any) -> None:
        for url in urls(canary):
            channel = Channel(kind="waha", base_url=url.rstrip("/"), session="s", api_key="k")
            with pytest.raises((connecting.Refused, ProviderError)):
                connecting._look_around(channel)

    def test_is_refused_by_every_call(self, canary: Canary, shop: Any) -> None:
        shop.say("Oi")
        message = Message.objects.get()
        carrier = channels.transport(shop.channel)
        for url in urls(canary):
            channel = Channel(kind="waha", base_url=url.rstrip("/"), session="s", api_key="k")
            for call in (
                lambda: carrier.send(channel, message),  # noqa: B023
                lambda: carrier.look_up(channel, message),  # noqa: B023
                lambda: carrier.probe(channel),  # noqa: B023
                lambda: carrier.fetch(channel, "http://x/api/files/a", max_bytes=9),  # noqa: B023
            ):
                with pytest.raises(ProviderError):
                    call()

    def test_an_answer_that_was_to_go_there_fails_in_words_and_is_not_lost(
        self, canary: Canary, shop: Any, settings: Any
    ) -> None:
        settings.MODEL_PRIVATE_HOSTS = ["*"]
        Channel.objects.filter(pk=shop.channel.pk).update(base_url=f"http://127.0.0.1:{canary.port}")
        shop.say("Que horas vocês abrem?")
        shop.work()
        message = Message.objects.get(direction="out")
        assert message.status == "failed" and "private network" in message.error

    def test_a_file_is_asked_of_the_gateway_whatever_the_payload_names(
        self, canary: Canary, shop: Any, settings: Any
    ) -> None:
        settings.GATEWAY_PRIVATE_HOSTS = ["*"]  # the gateway itself stands in the house, the canary beside it
        named = urls(canary)
        for number, url in enumerate(named):
            shop.say(
                None, unique=f"3AFILE{number}", hasMedia=True,
                media={"url": url, "mimetype": "image/png", "filename": "a.png"},
            )  # fmt: skip
        for pk in Message.objects.exclude(media_source="").values_list("pk", flat=True):
            media.fetch.apply(
                kwargs={"message_id": pk}, headers={"schema": shop.tenant.schema_name}, throw=True
            )
        connection.set_tenant(shop.tenant)
        assert Message.objects.filter(direction="in", media_source="").count() == len(named)


class TestS2CloudFiles:
    """Meta's answer names where a file is; the token goes to Meta only."""

    def test_are_fetched_from_meta_only(self, canary: Canary, shop: Any, cloud: Any) -> None:
        carrier = channels.transport(cloud.channel)
        for url in [
            *urls(canary),
            "https://lookaside.fbsbx.com.evil.example/",
            "http://lookaside.fbsbx.com/",
        ]:
            with pytest.raises(ProviderRejected):
                whatsapp_cloud._pinned("https://graph.facebook.com/v26.0", url)
        for odd in ("../../evil", "http://127.0.0.1/", "a@b", "//127.0.0.1", "%2e%2e/x"):
            with pytest.raises(ProviderError):  # an id is quoted: it stays a part of Meta's own path
                carrier.fetch(cloud.channel, odd, max_bytes=10)


class TestS2ModelProvider:
    """A business's own model, in text and for voice, through the vendors' own SDKs."""

    @pytest.mark.parametrize("vendor", ["anthropic", "openai"])
    def test_is_refused_before_connect(self, canary: Canary, vendor: str) -> None:
        request = llm.Request(
            system="s", history=(llm.ChatMessage("user", "Oi"),), passages=(), model="m", language="pt"
        )
        for url in urls(canary):
            with pytest.raises(ProviderError):
                adapter = llm.build(vendor, api_key="k", base_url=url, allow_private=False)
                adapter.complete(request)

    def test_for_voice_too(self, canary: Canary) -> None:
        recording = speech.Recording(content=b"x", mimetype="audio/ogg", model="m")
        for url in urls(canary):
            with pytest.raises(ProviderError):
                adapter = speech.build("openai", api_key="k", base_url=url, allow_private=False)
                adapter.transcribe(recording)

    def test_the_customer_gets_a_person_and_the_turn_the_reason(
        self, canary: Canary, shop: Any, settings: Any
    ) -> None:
        settings.GATEWAY_PRIVATE_HOSTS = ["*"]
        ModelProvider.objects.update(base_url=f"http://127.0.0.1:{canary.port}/v1")
        shop.say("Que horas vocês abrem?")
        shop.work()
        conversation = Conversation.objects.get()
        assert (conversation.handler, conversation.handoff_reason) == ("queue", "failed")
        assert "private network" in conversation.turns.get().error
        assert len(shop.texts()) == 1 and not Breaker.objects.filter(opened_at__isnull=False).exists()

    def test_a_listed_host_is_called(self, shop: Any, settings: Any) -> None:
        settings.MODEL_PRIVATE_HOSTS = ["127.0.0.1"]
        shop.say("Que horas vocês abrem?")
        shop.work()
        assert len(shop.models.requests) == 1 and len(shop.texts()) == 1

    def test_an_address_of_the_installation_is_its_own_business(self, models: Any) -> None:
        adapter = llm.build("openai", api_key="k", base_url=f"{models.url}/v1")
        request = llm.Request(
            system="s", history=(llm.ChatMessage("user", "Oi"),), passages=(), model="m", language="pt"
        )
        assert adapter.complete(request).text


def search_model(vendor: str, url: str) -> embedding.Embedder:
    return embedding.build(vendor, api_key="k", base_url=url, model="m", dimensions=None, allow_private=False)


class TestS2SearchModels:
    """A business's own models for search: when they are tried, and at each call."""

    @pytest.mark.parametrize("vendor", ["openai", "voyage", "cohere"])
    def test_an_embedding_model_is_refused_before_connect(self, canary: Canary, vendor: str) -> None:
        for url in urls(canary):
            with pytest.raises(ProviderError):
                search_model(vendor, url).embed_question("Oi")

    @pytest.mark.parametrize("vendor", ["cohere", "jina", "voyage"])
    def test_a_reranker_is_refused_before_connect(self, canary: Canary, vendor: str) -> None:
        for url in urls(canary):
            with pytest.raises(ProviderError):
                reranking.build(vendor, api_key="k", base_url=url, model="", allow_private=False).rerank(
                    "Oi", ["a", "b"], seconds=2
                )

    def test_both_are_refused_when_they_are_typed(self, canary: Canary) -> None:
        for url in urls(canary):
            choice = embedding_choice.Choice(vendor="openai", model="m", api_key="k", base_url=url)
            with pytest.raises(embedding_choice.Refused):
                embedding_choice.try_out(choice)
            with pytest.raises(ProviderError):
                ranks.try_out(Reranker(vendor="cohere", api_key="k", base_url=url))


class TestS2WebSources:
    """Pages and sites that a business has read: on the form, at each look, and wherever they lead."""

    @pytest.mark.parametrize("kind", ["page", "site"])
    def test_are_refused_when_they_are_typed(self, canary: Canary, shop: Any, kind: str) -> None:
        for url in urls(canary):
            with pytest.raises(sources.Refused):
                sources.add(kind=kind, title="", address=url, added_by=None, now=timezone.now())
        assert not Source.objects.exists()

    def test_are_refused_when_they_are_fetched(self, canary: Canary) -> None:
        visitor = web.Visitor(contact="x", pause=0.0)
        for url in urls(canary):
            with pytest.raises(ProviderError):
                visitor.fetch(url)

    @pytest.mark.parametrize("kind", ["page", "site"])
    def test_end_with_the_reason_when_the_name_has_moved_into_the_house(
        self, canary: Canary, shop: Any, names: dict[str, list[str]], kind: str
    ) -> None:
        names["turns.example"] = ["93.184.216.34"]
        address = f"http://turns.example:{canary.port}/"
        source = sources.add(kind=kind, title="", address=address, added_by=None, now=timezone.now())
        names["turns.example"] = ["127.0.0.1"]
        shop.work()
        source.refresh_from_db()
        assert source.status == "failed" and "private network" in source.problem
        assert not Document.objects.filter(source=source).exists()


CALLERS = [
    "hook",
    "waha",
    "anthropic",
    "openai",
    "speech",
    "web",
    "embedding",
    "reranker",
    "baserow",
    "drive",
]


def call(who: str, url: str) -> None:
    """One call to an address that a business typed."""
    request = llm.Request(
        system="s", history=(llm.ChatMessage("user", "Oi"),), passages=(), model="m", language="pt"
    )
    if who == "hook":
        told = post(url, body=b"{}", headers={}, allow_private=False)
        if not told.taken:
            raise ProviderError(f"{told.status}")
    elif who == "embedding":
        search_model("voyage", url).embed_question("Oi")
    elif who == "reranker":
        reranking.build("jina", api_key="k", base_url=url, model="", allow_private=False).rerank(
            "Oi", ["a", "b"], seconds=2
        )
    elif who == "web":
        web.Visitor(contact="x", pause=0.0).fetch(url)
    elif who == "baserow":
        baserow.client(base_url=url, token="t").count("1")
    elif who == "drive":
        key = google_drive.account(Google().key(token_uri=url))
        google_drive.client(key=key, url="http://127.0.0.1:9").name("folder-0001")
    elif who == "waha":
        waha.client(base_url=url, api_key="k").get_session(session="s")
    elif who == "speech":
        recording = speech.Recording(content=b"x", mimetype="audio/ogg", model="m")
        speech.build("openai", api_key="k", base_url=url, allow_private=False).transcribe(recording)
    else:
        llm.build(who, api_key="k", base_url=url, allow_private=False).complete(request)


class TestS2NamesAndRedirects:
    @pytest.mark.parametrize("who", CALLERS)
    def test_a_name_that_changes_between_check_and_use_reaches_nobody(
        self, canary: Canary, names: dict[str, list[str]], who: str
    ) -> None:
        url = f"http://turns.example:{canary.port}"
        names["turns.example"] = ["93.184.216.34"]
        addresses.check_outbound(url, allow_private=False)
        names["turns.example"] = ["127.0.0.1"]
        with pytest.raises(ProviderRejected, match="private network"):
            call(who, url)

    @pytest.mark.parametrize("who", CALLERS)
    def test_what_is_connected_to_is_what_was_looked_at(
        self, canary: Canary, names: dict[str, list[str]], who: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The name is looked up once a connection: a second answer is never asked for."""
        asked: list[str] = []
        names["once.example"] = ["93.184.216.34"]
        known = socket.getaddrinfo

        def counted(host: Any, *rest: Any, **more: Any) -> Any:
            asked.append(str(host))
            return known(host, *rest, **more)

        reached: list[str] = []

        def refuse(address: Any, *rest: Any, **more: Any) -> Any:
            reached.append(address[0])
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", counted)
        monkeypatch.setattr(socket, "create_connection", refuse)
        with pytest.raises(ProviderError):
            call(who, "http://once.example/")
        assert asked == ["once.example"] and reached == ["93.184.216.34"]

    @pytest.mark.parametrize("who", CALLERS)
    def test_a_redirect_into_the_house_is_not_followed(
        self, canary: Canary, names: dict[str, list[str]], who: str, redirecting: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        # The one address in the house that this test allows stands for a public server.
        allowed = addresses._is_allowed

        def allow_one(one: Any, *, allow_private: bool) -> bool:
            return str(one) == "127.0.0.9" or allowed(one, allow_private=allow_private)

        monkeypatch.setattr(addresses, "_is_allowed", allow_one)
        names["outside.example"] = ["127.0.0.9"]
        for number, status in enumerate((301, 302, 303, 307, 308), start=1):
            redirecting.status, redirecting.to = status, f"http://127.0.0.1:{canary.port}/"
            with pytest.raises(ProviderError):
                call(who, f"http://outside.example:{redirecting.port}")
            assert redirecting.asked == number


class Redirecting:
    """A server elsewhere that sends everybody on."""

    def __init__(self) -> None:
        self.status, self.to, self.asked = 302, "", 0
        self._server = Background(self)
        self.port = self._server.port

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.asked += 1
            await answer(send, self.status, {}, headers={"location": self.to})


@pytest.fixture
def redirecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redirecting]:
    known = serving._config

    def anywhere(*args: Any, **kwargs: Any) -> Any:
        config = known(*args, **kwargs)
        config.host = "0.0.0.0"
        return config

    monkeypatch.setattr(serving, "_config", anywhere)
    server = Redirecting()
    server._server.start()
    yield server
    server._server.stop()


def test_links_of_a_customer_are_words(shop: Any, canary: Any) -> None:
    """In a text, in a caption or on a card: nobody opens them."""
    card = f"BEGIN:VCARD\nFN:x\nPHOTO;VALUE=URI:http://127.0.0.1:{canary.port}/\nEND:VCARD"
    for extra in (
        {},
        {"vCards": [card]},
        {"location": {"latitude": 1, "longitude": 2, "url": urls(canary)[0]}},
    ):
        shop.say(" ".join(urls(canary)[:20]), **extra)
    shop.work()
    assert Message.objects.filter(direction="in").count() == 3
