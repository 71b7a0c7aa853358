"""Voice notes, from the gateway's door to the answer: heard, confirmed, paid, or listened to by a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.db.models import Sum

from agents.models import ModelProvider
from billing.models import CreditAccount, Hold, LedgerEntry, Price, Usage
from conversations import conduct, handoff, media, transcripts, turns
from conversations.models import Breaker, Consent, Contact, Conversation, Message, Transcript, Turn
from providers import registry
from tenants.models import VendorPrice

OGG = "audio/ogg; codecs=opus"
HEARD = "/v1/audio/transcriptions"


@pytest.fixture
def hearing(shop: Any) -> Any:
    """The shop whose provider also hears."""
    ModelProvider.objects.update(speech_model="whisper-1")
    return shop


def speak(shop: Any, content: bytes = b"ogg", **delivery: Any) -> None:
    """A voice note comes, and the inbox reads it."""
    url = delivery.pop("url", "") or shop.gateway.media(content, OGG)
    shop.say(None, hasMedia=True, media={"url": url, "mimetype": OGG, "filename": None}, **delivery)


def said_to_model(shop: Any) -> str:
    asked = [one for one in shop.models.requests if one["path"].endswith("/chat/completions")]
    return str(asked[-1]["body"]["messages"][-1]["content"])


def said_by_customer(shop: Any) -> str:
    talk = shop.models.requests[-1]["body"]["messages"]
    return "\n".join(one["content"] for one in talk if one["role"] == "user")


def asked_models(shop: Any) -> int:
    return sum(one["path"].endswith("/chat/completions") for one in shop.models.answers_asked)


class TestAVoiceNote:
    def test_is_heard_and_answered(self, hearing: Any) -> None:
        hearing.models.hear("Que horas vocês abrem no sábado?")
        hearing.models.answer_with("Às 8h.")
        speak(hearing, b"the recording")
        hearing.work()
        assert hearing.texts() == ["Às 8h."]
        assert "Que horas vocês abrem no sábado?" in said_to_model(hearing)
        sent = next(one for one in hearing.models.requests if one["path"] == HEARD)
        assert sent["headers"]["authorization"] == "Bearer tenant key"
        assert sent["body"]["file"] == {"name": "voice.ogg", "type": "audio/ogg", "content": b"the recording"}
        assert (sent["body"]["model"], sent["body"]["response_format"]) == ("whisper-1", "verbose_json")
        transcript = Transcript.objects.get()
        assert (transcript.status, transcript.vendor, transcript.seconds) == ("done", "openai", 5.0)
        assert transcript.confidence == pytest.approx(0.97, abs=0.001)
        assert Message.objects.get(direction="in").outcome == "answered"

    def test_is_paid_by_the_second_at_the_price_lists_row(self, hearing: Any) -> None:
        before = CreditAccount.objects.get().balance
        star = Price.objects.get(model="*")
        Price.objects.create(
            model="whisper-1", input_per_million=0, output_per_million=0, cache_read_per_million=0,
            cache_write_per_million=0, audio_per_hour=7200, effective_from=star.effective_from,
        )  # fmt: skip
        VendorPrice.objects.create(
            price_list=registry.price_list("openai", f"{hearing.models.url}/v1"), model="whisper-1",
            heard_per_hour=360_000, effective_from=star.effective_from,
        )  # fmt: skip
        connection.set_tenant(hearing.tenant)
        speak(hearing, b"x" * 30_000)
        hearing.work()
        entry = LedgerEntry.objects.get(kind="speech")
        assert entry.amount == -10  # five seconds at two credits each
        usage = Usage.objects.get(model="whisper-1")
        assert (usage.key, usage.audio_seconds, usage.credits, usage.exact) == (entry.key, 5, 10, True)
        assert usage.vendor_cost == 500  # millionths of a dollar
        account = CreditAccount.objects.get()
        assert account.balance == LedgerEntry.objects.aggregate(total=Sum("amount"))["total"]
        assert (account.held, Hold.objects.filter(status="held").count()) == (0, 0)
        assert account.balance < before - 10  # the answer was paid too

    def test_the_answer_waits_for_its_words(self, hearing: Any) -> None:
        hearing.models.hear("Que horas vocês abrem no sábado?")
        speak(hearing)
        hearing.background.sent = [one for one in hearing.background.sent if one.task.name == turns.take.name]
        hearing.work()
        conversation, message = Conversation.objects.get(), Message.objects.get()
        assert (conversation.reply_due_at, conversation.handler) == (
            message.created_at + timedelta(seconds=60),
            "agent",
        )
        assert Turn.objects.count() == 0
        hearing.ring(media.fetch, message_id=message.pk)
        hearing.work()
        assert len(hearing.texts()) == 1

    def test_is_answered_together_with_what_was_typed(self, hearing: Any) -> None:
        hearing.models.hear("no sábado de manhã")
        hearing.say("Que horas vocês abrem")
        speak(hearing)
        hearing.work()
        assert len(hearing.texts()) == 1
        assert "Que horas vocês abrem\nno sábado de manhã" in said_to_model(hearing)

    def test_an_emergency_in_it_is_heard_even_when_badly(self, hearing: Any) -> None:
        hearing.models.hear("estou com dor no peito", confidence=0.4)
        speak(hearing)
        hearing.work()
        assert Conversation.objects.get().handoff_reason == "medical"
        assert "192" in hearing.texts()[0] and asked_models(hearing) == 0

    def test_an_emergency_in_text_does_not_wait_for_it(self, hearing: Any) -> None:
        speak(hearing)
        hearing.background.sent.clear()
        hearing.say("socorro, dor no peito")
        hearing.background.sent = [one for one in hearing.background.sent if one.task.name == turns.take.name]
        hearing.work()
        assert Conversation.objects.get().handoff_reason == "medical"

    def test_asking_for_a_person_by_voice_calls_one(self, hearing: Any) -> None:
        hearing.models.hear("quero falar com uma pessoa")
        speak(hearing)
        hearing.work()
        assert Conversation.objects.get().handoff_reason == "asked"

    def test_is_remembered_as_what_it_said(self, hearing: Any) -> None:
        hearing.models.hear("meu nome é Ana e gosto de azul")
        speak(hearing)
        hearing.work()
        hearing.say("Qual é a minha cor preferida?")
        hearing.work()
        talk = [one["content"] for one in hearing.models.requests[-1]["body"]["messages"]]
        assert "meu nome é Ana e gosto de azul" in talk

    def test_tells_the_customers_language(self, hearing: Any) -> None:
        hearing.models.hear("¿A qué hora abren mañana por la tarde?")
        speak(hearing)
        hearing.work()
        assert Conversation.objects.get().language == Contact.objects.exclude(name="").get().language == "es"


class TestBadlyHeard:
    @pytest.mark.parametrize(
        ("language", "heard", "question", "yes"),
        [
            ("pt", "quero cortar o cabelo amanhã de manhã", "Entendi: “{}”. É isso?", "sim"),
            (
                "en",
                "I want to cut my hair tomorrow",
                "I understood: “{}”. Is that right?",
                "Yes, that's right",
            ),
            ("es", "quiero cortarme el pelo mañana", "Entendí: “{}”. ¿Es correcto?", "así es"),
            ("fr", "je veux me couper les cheveux", "J’ai compris : « {} ». C’est bien cela ?", "Oui"),
        ],
    )
    def test_is_confirmed_before_anything_is_done_on_it(
        self, hearing: Any, language: str, heard: str, question: str, yes: str
    ) -> None:
        hearing.say("Oi")
        hearing.work()
        Conversation.objects.update(language=language)
        hearing.models.hear(heard, confidence=0.84)
        speak(hearing)
        hearing.work()
        assert hearing.texts()[1:] == [question.format(heard)]
        assert asked_models(hearing) == 1  # the greeting only
        assert Message.objects.filter(direction="in").latest("pk").outcome == "asked"
        hearing.models.answer_with("Combinado.")
        hearing.say(yes)
        hearing.work()
        assert hearing.texts()[2:] == ["Combinado."]
        assert heard in said_to_model(hearing)
        assert Transcript.objects.get().confirmed is True
        assert not Message.objects.filter(direction="in").exclude(outcome="answered").exists()

    def test_no_asks_to_say_it_again_and_forgets_what_was_heard(self, hearing: Any) -> None:
        hearing.models.hear("quero vender abelhas", confidence=0.5)
        speak(hearing)
        hearing.work()
        hearing.say("não")
        hearing.work()
        assert hearing.texts()[1].startswith("Sorry, I misunderstood.") and asked_models(hearing) == 0
        hearing.say("Que horas vocês abrem?")
        hearing.work()
        assert "abelhas" not in said_by_customer(hearing)
        assert not Message.objects.filter(direction="in").exclude(outcome="answered").exists()
        assert Conversation.objects.get().asked_back_at is None

    def test_another_sentence_instead_is_answered_as_it_is(self, hearing: Any) -> None:
        hearing.models.hear("quero vender abelhas", confidence=0.5)
        speak(hearing)
        hearing.work()
        hearing.say("Que horas vocês abrem?")
        hearing.work()
        assert len(hearing.texts()) == 2 and asked_models(hearing) == 1
        assert "abelhas" not in said_by_customer(hearing)
        assert Transcript.objects.get().confirmed is False

    def test_what_was_typed_beside_it_is_not_lost(self, hearing: Any) -> None:
        hearing.models.hear("quero vender abelhas", confidence=0.5)
        hearing.say("Vocês abrem no domingo?")
        speak(hearing)
        hearing.work()
        assert len(hearing.texts()) == 1
        hearing.say("não")
        hearing.work()
        assert "Vocês abrem no domingo?" in said_to_model(hearing)
        assert not Message.objects.filter(direction="in").exclude(outcome="answered").exists()

    def test_a_yes_by_voice_is_a_yes(self, hearing: Any) -> None:
        hearing.models.hear("quero cortar o cabelo", confidence=0.7)
        speak(hearing)
        hearing.work()
        hearing.models.hear("Isso mesmo.", confidence=0.8)
        speak(hearing)
        hearing.work()
        assert "quero cortar o cabelo" in said_to_model(hearing)

    def test_badly_heard_twice_a_person_listens(self, hearing: Any) -> None:
        for words in ("quero vender abelhas", "quero ver as telhas"):
            hearing.models.hear(words, confidence=0.5)
            speak(hearing)
            hearing.work()
        conversation = Conversation.objects.get()
        assert (conversation.handler, conversation.handoff_reason) == ("queue", "media")
        assert asked_models(hearing) == 0 and conversation.asked_back_at is None


class TestWithoutWords:
    def test_with_nobody_to_hear_it_a_person_does(self, shop: Any) -> None:
        speak(shop)
        shop.work()
        assert Conversation.objects.get().handoff_reason == "media"
        assert (Message.objects.get(direction="in").outcome, len(shop.texts())) == ("handed_over", 1)
        assert Transcript.objects.get().error == transcripts.NOBODY

    def test_a_file_that_never_comes_ends_with_a_person_and_a_reason(self, hearing: Any) -> None:
        speak(hearing, url=f"{hearing.gateway.url}/api/files/gone.oga")
        for _ in range(6):
            hearing.work()
            hearing.later()
        assert Conversation.objects.get().handoff_reason == "media"
        transcript = Transcript.objects.get()
        assert transcript.status == "failed" and transcript.error
        assert Message.objects.get(direction="in").outcome == "handed_over" and len(hearing.texts()) == 1

    def test_after_the_bound_nobody_waits_any_longer(self, hearing: Any) -> None:
        speak(hearing)
        hearing.background.sent.clear()
        late = hearing.now() - timedelta(seconds=61)
        Message.objects.update(created_at=late)
        Conversation.objects.update(reply_due_at=late)
        hearing.ring(turns.take, conversation_id=Conversation.objects.get().pk)
        hearing.work()
        assert Conversation.objects.get().handoff_reason == "media"

    def test_silence_is_a_persons_to_hear_and_paid_all_the_same(self, hearing: Any) -> None:
        hearing.models.hear("", confidence=1.0)
        speak(hearing)
        hearing.work()
        assert Transcript.objects.get().error == transcripts.NOTHING
        assert Conversation.objects.get().handoff_reason == "media"
        assert LedgerEntry.objects.filter(kind="speech").count() == 1

    @pytest.mark.parametrize("fault", ["503", "malformed"])
    def test_a_failure_that_passes_is_tried_again(self, hearing: Any, fault: str) -> None:
        hearing.models.fail_next(fault)
        hearing.models.hear("Que horas vocês abrem no sábado?")
        speak(hearing)
        hearing.work()
        Transcript.objects.update(due_at=hearing.now() - timedelta(seconds=10))
        hearing.later()
        assert len(hearing.texts()) == 1 and Conversation.objects.get().handler == "agent"
        assert LedgerEntry.objects.filter(kind="speech").count() == 1
        assert CreditAccount.objects.get().held == 0

    def test_a_refusal_is_not_tried_again_and_free(self, hearing: Any) -> None:
        hearing.models.fail_next("401")
        speak(hearing)
        hearing.work()
        assert sum(one["path"] == HEARD for one in hearing.models.requests) == 1
        assert Conversation.objects.get().handoff_reason == "media"
        assert LedgerEntry.objects.filter(kind="speech").count() == CreditAccount.objects.get().held == 0

    def test_without_credits_a_person_listens(self, hearing: Any) -> None:
        hearing.spend_everything()
        speak(hearing)
        hearing.work()
        assert Transcript.objects.get().error == transcripts.NO_CREDITS
        assert Conversation.objects.get().handler == "queue" and hearing.models.requests == []

    def test_delivered_five_times_is_heard_once(self, hearing: Any) -> None:
        url = hearing.gateway.media(b"ogg", OGG)
        for _ in range(5):
            speak(hearing, url=url, unique="3AVOICE")
        for _ in range(3):
            hearing.ring(transcripts.transcribe, message_id=Message.objects.get(direction="in").pk)
        hearing.work()
        assert sum(one["path"] == HEARD for one in hearing.models.requests) == 1
        assert LedgerEntry.objects.filter(kind="speech").count() == len(hearing.texts()) == 1

    def test_a_lost_doorbell_is_forgiven(self, hearing: Any) -> None:
        speak(hearing)
        message = Message.objects.get(direction="in")
        hearing.background.run_one(media.fetch, schema=hearing.tenant.schema_name, message_id=message.pk)
        hearing.background.sent.clear()
        Transcript.objects.update(due_at=hearing.now() - timedelta(seconds=10))
        hearing.later()
        assert len(hearing.texts()) == 1


class TestOnThePage:
    def page(self, shop: Any, member_of: Any, client_for: Any) -> str:
        browser = client_for(shop.tenant, member_of(shop.tenant, "agent"))
        return str(browser.get(f"/chats/{Conversation.objects.get().pk}/thread").content.decode())

    def test_the_words_stand_beside_the_player(self, hearing: Any, member_of: Any, client_for: Any) -> None:
        hearing.models.hear("quero <b>cortar</b> o cabelo", confidence=0.5)
        speak(hearing)
        hearing.work()
        shown = self.page(hearing, member_of, client_for)
        player, words = shown.index("<audio"), shown.rindex("quero &lt;b&gt;cortar&lt;/b&gt; o cabelo")
        assert player < words and "unsure" in shown
        hearing.say("sim")
        hearing.work()
        assert "the customer said yes" in self.page(hearing, member_of, client_for)

    def test_and_why_there_are_none(self, shop: Any, member_of: Any, client_for: Any) -> None:
        speak(shop)
        shop.work()
        assert transcripts.NOBODY in self.page(shop, member_of, client_for)


class TestSpokenOptOut:
    def opted_out(self) -> list[str]:
        said = list(Consent.objects.values_list("words", flat=True))
        assert (Contact.objects.get().opted_out_at is not None) == bool(said)
        return said

    def test_counts_as_when_it_is_written(self, hearing: Any) -> None:
        hearing.models.hear("Sair.")
        speak(hearing)
        hearing.work()
        assert self.opted_out() == ["Sair."]
        assert asked_models(hearing) == 0 and len(hearing.texts()) == 1
        assert Message.objects.get(direction="in").outcome_reason == "opted out"
        assert CreditAccount.objects.get().held == 0

    def test_heard_badly_it_counts_with_the_customers_yes(self, hearing: Any) -> None:
        hearing.models.hear("Parar", confidence=0.5)
        speak(hearing)
        hearing.work()
        assert self.opted_out() == []
        hearing.say("sim")
        hearing.work()
        assert self.opted_out() == ["Parar"]
        assert asked_models(hearing) == 0
        outcomes = Message.objects.filter(direction="in").order_by("pk").values_list("outcome", flat=True)
        assert list(outcomes) == ["ignored", "answered"]

    def test_and_not_with_a_no(self, hearing: Any) -> None:
        hearing.models.hear("Parar", confidence=0.5)
        speak(hearing)
        hearing.work()
        hearing.say("não")
        hearing.work()
        assert self.opted_out() == []


def test_an_emergency_by_voice_does_not_meet_a_closed_door(hearing: Any, monkeypatch: Any) -> None:
    def closed(conversation: Any, messages: Any, *, now: Any) -> bool:
        handoff.queue(conversation, reason=handoff.Line.OUT_OF_HOURS, now=now)
        return True

    monkeypatch.setattr(conduct, "forbids", closed)
    hearing.models.hear("meu pai teve um infarto")
    speak(hearing)
    hearing.work()
    assert Conversation.objects.get().handoff_reason == "medical"


class TestEars:
    """A vendor that does not hear is left in peace, and somebody else hears, if there is anybody."""

    def another(self, hearing: Any) -> None:
        url = f"{hearing.models.url}/v1"
        ModelProvider.objects.create(
            name="other", vendor="openai", base_url=url, api_key="other key", speech_model="whisper-2"
        )

    def heard_by(self, hearing: Any) -> list[str]:
        heard = [one for one in hearing.models.requests if one["path"] == HEARD]
        return [one["headers"]["authorization"] for one in heard]

    def later(self, hearing: Any) -> None:
        Transcript.objects.update(due_at=hearing.now() - timedelta(seconds=10))
        hearing.later()

    def test_a_refused_account_is_not_asked_again_and_the_owner_is_told(
        self, hearing: Any, member_of: Any
    ) -> None:
        member_of(hearing.tenant)
        hearing.models.fail_next("401")
        speak(hearing)
        hearing.work()
        row = Breaker.objects.get()
        assert (row.vendor, row.cause, row.is_open) == ("speech:vendor", "account", True)
        assert "are not heard" in mail.outbox[0].body
        speak(hearing, chat="5511977770000@c.us")
        hearing.work()
        assert len(self.heard_by(hearing)) == 1
        assert Conversation.objects.filter(handoff_reason="media").count() == 2
        # Answering goes on: it is the same account, and another thing.
        hearing.models.answer_with("Às 8h.")
        hearing.say("Que horas abrem?", chat="5511966660000@c.us")
        hearing.work()
        assert hearing.texts()[-1] == "Às 8h."

    def test_a_failing_one_is_paused_and_tried_again_later(self, hearing: Any) -> None:
        hearing.models.fail_next("503", times=3)
        speak(hearing)
        hearing.work()
        self.later(hearing)
        self.later(hearing)
        row = Breaker.objects.get()
        assert (row.failures, row.is_open, len(self.heard_by(hearing))) == (3, True, 3)
        self.later(hearing)
        assert len(self.heard_by(hearing)) == 3  # it is not asked while it pauses
        Breaker.objects.update(open_until=hearing.now() - timedelta(seconds=1))
        speak(hearing, chat="5511977770000@c.us")
        hearing.work()
        assert len(self.heard_by(hearing)) == 4 and not Breaker.objects.get().is_open

    @pytest.mark.parametrize("fault", ["401", "503"])
    def test_another_account_of_the_business_hears_instead(self, hearing: Any, fault: str) -> None:
        self.another(hearing)
        hearing.models.fail_next(fault)
        hearing.models.hear("Que horas vocês abrem no sábado?")
        speak(hearing)
        hearing.work()
        self.later(hearing)
        assert self.heard_by(hearing) == ["Bearer tenant key", "Bearer other key"]
        assert Transcript.objects.get().status == "done" and len(hearing.texts()) == 1

    def test_the_installations_key_never_hears_for_a_business_with_its_own(
        self, hearing: Any, settings: Any, monkeypatch: Any
    ) -> None:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "ours", f"{hearing.models.url}/v1"
        monkeypatch.setenv("OPENAI_API_KEY", "ours")
        hearing.models.fail_next("401")
        speak(hearing)
        hearing.work()
        self.later(hearing)
        assert self.heard_by(hearing) == ["Bearer tenant key"]
