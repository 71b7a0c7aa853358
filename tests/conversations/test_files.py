"""Images and documents that customers send: kept, and shown to a model that reads them, else to a person."""

from typing import Any

import pytest
from django.utils import timezone

from agents import publishing
from agents.models import ModelProvider
from billing.models import CreditAccount
from conversations import media
from conversations.models import Conversation, Message, Turn
from providers import llm

PNG, PDF = b"\x89PNG picture", b"%PDF-1.7 price list"


@pytest.fixture
def seeing(shop: Any) -> Any:
    ModelProvider.objects.update(reads_images=True)
    return shop


def claude(shop: Any) -> Any:
    ModelProvider.objects.update(vendor="anthropic", base_url=shop.models.url)
    return shop


def send(shop: Any, content: bytes, mimetype: str, *, caption: str | None = None, **delivery: Any) -> None:
    url = delivery.pop("url", "") or shop.gateway.media(content, mimetype)
    shop.say(caption, hasMedia=True, media={"url": url, "mimetype": mimetype, "filename": "x"}, **delivery)


class TestAnImage:
    def test_is_shown_whole_and_its_caption_is_the_question(self, seeing: Any) -> None:
        send(seeing, PNG, "image/png", caption="Vocês fazem este corte?")
        seeing.work()
        assert seeing.texts() == [f"image/png {len(PNG)} bytes"]
        words, image = seeing.models.requests[0]["body"]["messages"][-1]["content"]
        assert words["text"].endswith("Vocês fazem este corte?")
        assert image["image_url"]["url"].startswith("data:image/png;base64,")
        assert Message.objects.get(direction="in").outcome == "answered"
        assert CreditAccount.objects.get().held == 0

    def test_without_a_word_is_shown_too(self, seeing: Any) -> None:
        send(seeing, PNG, "image/png")
        seeing.work()
        assert seeing.texts() == [f"image/png {len(PNG)} bytes"]

    def test_goes_to_claude_as_a_block(self, shop: Any) -> None:
        send(claude(shop), PNG, "image/png", caption="Vocês fazem este corte?")
        shop.work()
        image, words = shop.models.requests[0]["body"]["messages"][-1]["content"]
        assert (image["type"], image["source"]["media_type"]) == ("image", "image/png")
        assert words["text"] == "Vocês fazem este corte?"
        assert shop.texts() == [f"image/png {len(PNG)} bytes"]

    @pytest.mark.parametrize("caption", [None, "Vocês fazem este corte?"])
    def test_goes_to_a_person_where_the_model_reads_words_only(self, shop: Any, caption: str | None) -> None:
        send(shop, PNG, "image/png", caption=caption)
        shop.work()
        assert Conversation.objects.get().handoff_reason == "media" and len(shop.texts()) == 1
        assert Message.objects.get(direction="in").media.read() == PNG
        assert shop.models.answers_asked == []

    def test_the_answer_waits_for_it(self, seeing: Any) -> None:
        send(seeing, PNG, "image/png", caption="Vocês fazem este corte?")
        sent = seeing.background.sent
        seeing.background.sent = [one for one in sent if one.task.name != media.fetch.name]
        seeing.work()
        assert Turn.objects.count() == 0
        seeing.ring(media.fetch, message_id=Message.objects.get().pk)
        seeing.work()
        assert seeing.texts() == [f"image/png {len(PNG)} bytes"]

    def test_that_never_comes_ends_with_a_person(self, seeing: Any) -> None:
        send(seeing, PNG, "image/png", url=f"{seeing.gateway.url}/api/files/gone.png")
        for _ in range(6):
            seeing.work()
            seeing.later()
        assert Conversation.objects.get().handoff_reason == "media"
        assert Message.objects.get(direction="in").error

    def test_that_is_too_large_for_the_model_ends_with_a_person(self, seeing: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(llm, "LARGEST_IMAGE", 5)
        send(seeing, PNG, "image/png", caption="Vocês fazem este corte?")
        seeing.work()
        assert Conversation.objects.get().handler == "queue" and seeing.models.requests == []
        assert Turn.objects.get().error == "A file is too large for the model."
        assert CreditAccount.objects.get().held == 0


class TestADocument:
    def test_is_read_by_claude(self, shop: Any) -> None:
        send(claude(shop), PDF, "application/pdf", caption="É este o preço?")
        shop.work()
        assert shop.texts() == [f"application/pdf {len(PDF)} bytes"]

    def test_goes_to_a_person_elsewhere(self, seeing: Any) -> None:
        send(seeing, PDF, "application/pdf", caption="É este o preço?")
        seeing.work()
        assert Conversation.objects.get().handoff_reason == "media"

    @pytest.mark.parametrize("mimetype", ["video/mp4", "application/zip", "image/tiff"])
    def test_what_no_model_reads_goes_to_a_person(self, shop: Any, mimetype: str) -> None:
        send(claude(shop), b"?", mimetype, caption="Olhe isto, por favor")
        shop.work()
        assert Conversation.objects.get().handoff_reason == "media" and shop.models.answers_asked == []


def tells_its_site(shop: Any) -> None:
    """The business publishes an address: no other may stand in an answer."""
    content = {"persona": "Nosso site: https://a.example/x"}
    publishing.publish_at_once(shop.channel.agent, content=content, user=None, now=timezone.now())


class TestTheAnswersShape:
    def test_is_whatsapps(self, shop: Any) -> None:
        tells_its_site(shop)
        shop.models.answer_with(
            "## Preços\n**Corte:** R$ 50\n1. um\n2. dois\n\n\n[site](https://a.example/x)"
        )
        shop.say("Quanto custa o corte?")
        shop.work()
        assert shop.texts() == ["*Preços*\n*Corte:* R$ 50\n1. um\n2. dois\n\nsite: https://a.example/x"]

    def test_is_one_bubble_within_the_limit(self, shop: Any) -> None:
        shop.models.answer_with("Abrimos às oito horas. " * 400)
        shop.say("Que horas vocês abrem?")
        shop.work()
        (said,) = shop.texts()
        assert 4000 < len(said) <= 4096 and said.endswith("horas.")


class TestTheLanguage:
    def test_is_remembered_with_the_customer(self, shop: Any) -> None:
        shop.say("¿A qué hora abren mañana por la tarde?")
        shop.work()
        conversation = Conversation.objects.get()
        assert conversation.language == conversation.contact.language == "es"

    def test_what_is_known_of_the_customer_is_where_a_new_thread_begins(self, shop: Any) -> None:
        shop.say("Oi")
        conversation = Conversation.objects.get()
        type(conversation.contact).objects.update(language="fr")
        shop.work()
        conversation.refresh_from_db()
        assert conversation.language == "fr"

    def test_switches_only_when_certain(self, shop: Any) -> None:
        shop.say("¿A qué hora abren mañana por la tarde?")
        shop.work()
        for text in ("hello", "menu please"):
            shop.say(text)
            shop.work()
        assert Conversation.objects.get().language == "es"
        shop.say("Could you please tell me whether you are open on Sunday morning?")
        shop.work()
        assert Conversation.objects.get().language == "en"
