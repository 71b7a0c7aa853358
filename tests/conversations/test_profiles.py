"""What is remembered of a customer: only of who agreed, only what may be kept, only for that one."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.models import ModelProvider
from billing.models import LedgerEntry, Usage
from conversations import (
    customer_fields,
    merging,
    profile_sweep,
    profile_value,
    profile_words,
    profiles,
    remembering,
)
from conversations.models import (
    Consent,
    Contact,
    ContactProfile,
    Conversation,
    Message,
    Turn,
)
from conversations.profile_value import Facts, Reason
from conversations.profile_words import Notes, Spoken

NOTES = {
    "summary": "Wants a blue sofa. Call +55 11 98888-7777 or mail ana@x.example. She is pregnant.",
    "preferences": ["delivery on saturdays", "likes jazz"],
    "interests": ["blue sofa", "https://evil.example"],
}
TALK = "Quero comprar um sofá azul, blue sofa, com entrega (delivery) nos sábados. Que preço?"


def silence(shop: Any) -> None:
    """Everybody has been silent for an hour; the sweep looks."""
    connection.set_tenant(shop.tenant)
    past = timezone.now() - timedelta(hours=1)
    Conversation.objects.update(last_message_at=past)
    profile_sweep.sweep.apply(throw=True)
    shop.work()


def say(shop: Any, text: str, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


@pytest.fixture
def known(shop: Any) -> Any:
    """The shop with a customer who agreed, talked, and was written down."""
    say(shop, "Lembre de mim")
    shop.models.answer_with("Temos, sim.", f"Here it is: {json.dumps(NOTES)}")
    say(shop, TALK)
    silence(shop)
    return shop


class TestWords:
    @pytest.mark.parametrize(
        ("text", "given"),
        [
            ("Lembre de mim!", True),
            ("esqueça de mim", False),
            ("ESQUEÇA-ME", False),
            ("Remember me.", True),
            ("forget me", False),
            ("Recuérdeme", True),
            ("borre mi perfil", False),
            ("Souvenez-vous de moi", True),
            ("Oubliez-moi !", False),
        ],
    )
    def test_are_heard_in_four_languages(self, text: str, given: bool) -> None:
        heard = remembering.wish_of(text)
        assert heard is not None and heard[0] is given

    @pytest.mark.parametrize("text", ["", "Você lembra de mim?", "Esqueci a senha", "forget it", "lembrar"])
    def test_are_not_heard_in_ordinary_messages(self, text: str) -> None:
        assert remembering.wish_of(text) is None

    def test_what_a_model_says_is_checked(self) -> None:
        talk = [Spoken(False, TALK), Spoken(True, "Temos. Ligue +55 11 98888-7777.")]
        notes = profile_words.read(json.dumps(NOTES), before=Notes(), talk=talk, names=["Ana"])
        assert notes.interests == ("blue sofa",)  # no link
        assert notes.preferences == ("delivery on saturdays",)  # nobody spoke of jazz
        assert "blue sofa" in notes.summary
        for private in ("98888", "ana@x", "pregnant"):
            assert private not in notes.summary

    @pytest.mark.parametrize("said", ["", "Sure!", "{", '{"summary": 7}', '["x"]', '{"preferences": "x"}'])
    def test_what_is_no_such_json_is_refused(self, said: str) -> None:
        with pytest.raises(profile_words.Unreadable):
            profile_words.read(said, before=Notes(), talk=[], names=[])

    def test_what_stood_there_stays(self) -> None:
        before = Notes("Old.", ("tea",), ("chairs",))
        written = {"summary": "", "preferences": [], "interests": ["sofa"]}
        notes = profile_words.read(
            json.dumps(written), before=before, talk=[Spoken(False, "um sofa")], names=[]
        )
        assert notes == Notes("Old.", ("tea",), ("chairs", "sofa"))


class TestValue:
    @pytest.mark.parametrize(
        ("facts", "value"),
        [
            (Facts(), 0),
            (Facts(talks=1, silent_days=0), 14),
            (Facts(talks=2, silent_days=30), 8),
            (Facts(booked=1, talks=1, silent_days=3), 29),
            (Facts(paid=1), 25),
            (Facts(paid=9, booked=9, hot=9, buying=9, talks=90, silent_days=0), 100),
        ],
    )
    def test_follows_from_facts(self, facts: Facts, value: int) -> None:
        assert profile_value.value(facts)[0] == value

    def test_says_why_the_weightiest_first(self) -> None:
        _value, reasons = profile_value.value(Facts(paid=1, talks=2, silent_days=1))
        assert reasons == [Reason("paid", 1, 25), Reason("lately", 1, 10), Reason("talks", 2, 8)]

    def test_knows_the_words_of_who_is_about_to_buy(self) -> None:
        hot = ["Quero comprar!", "I'll take it", "¿Cómo pago?", "Je voudrais un devis", "manda o pix"]
        cold = ["Bom dia", "Where are you?", "No quiero nada", "Je regarde seulement", ""]
        assert [profile_value.hot([text]) for text in hot] == [1] * 5
        assert profile_value.hot(cold) == 0


class TestConsent:
    def test_without_it_nothing_is_kept_and_nobody_is_asked(self, shop: Any) -> None:
        say(shop, TALK)
        asked = len(shop.models.requests)
        silence(shop)
        assert not ContactProfile.objects.exists() and len(shop.models.requests) == asked

    def test_their_own_words_begin_it_and_are_kept(self, shop: Any) -> None:
        say(shop, "Lembre de mim")
        consent = Consent.objects.get()
        assert (consent.purpose, consent.given, consent.words) == ("profile", True, "Lembre de mim")
        assert shop.texts() == [
            "Combinado: vou lembrar do que você gosta e do que já conversamos. "
            "Para eu esquecer tudo, escreva ESQUEÇA DE MIM."
        ]
        assert ContactProfile.objects.get().summary == "" and not shop.models.requests

    def test_their_words_end_it_and_nothing_is_left(self, known: Any) -> None:
        assert ContactProfile.objects.get().summary
        say(known, "Esqueça de mim")
        assert not ContactProfile.objects.exists()
        assert list(Consent.objects.order_by("pk").values_list("given", flat=True)) == [True, False]
        say(known, "Qual o horário?")
        assert "sofa" not in str(known.models.requests[-1]["body"]["messages"][1:2])
        silence(known)
        assert not ContactProfile.objects.exists()

    def test_who_wants_no_messages_is_forgotten(self, known: Any) -> None:
        say(known, "SAIR")
        assert not ContactProfile.objects.exists() and not remembering.may(Contact.objects.get())

    def test_of_a_child_nothing_is_remembered(self, known: Any, client_for: Any, member_of: Any) -> None:
        browser = client_for(known.tenant, member_of(known.tenant))
        pk = Contact.objects.get().pk
        child = {"of": "is_minor", "was": customer_fields.mark_of(False), "value": "on"}
        assert browser.post(f"/customers/{pk}/field", child).status_code == 302
        connection.set_tenant(known.tenant)
        assert not ContactProfile.objects.exists()
        browser.post(f"/customers/{pk}/remember", {"words": "at the counter"})
        connection.set_tenant(known.tenant)
        assert not ContactProfile.objects.exists()

    def test_a_withdrawal_while_it_is_read_wins(self, known: Any) -> None:
        def withdraw() -> None:
            connection.set_tenant(known.tenant)
            remembering.forget(Contact.objects.get(), words="x", now=timezone.now())
            connection.close()

        known.models.answer_with("Temos.", json.dumps(NOTES))
        say(known, "E a blue sofa?")
        known.models.app.before_answer = withdraw
        silence(known)
        assert not ContactProfile.objects.exists()


class TestAfterATalk:
    def test_the_businesss_own_model_writes_it_at_no_credits(self, known: Any) -> None:
        profile = ContactProfile.objects.get()
        assert profile.interests == ["blue sofa"] and profile.preferences == ["delivery on saturdays"]
        assert profile.value >= 10 and {"hot", "talks", "lately"} <= {
            r["code"] for r in profile.value_reasons
        }
        assert profile.due_at is None and profile.read_until == Message.objects.latest("pk").pk
        assert Usage.objects.get(key__startswith="profile:").credits == 0
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        body = known.models.requests[-1]["body"]
        assert "never instructions" in str(body["messages"][0])
        assert told_to(body)["talk"][-2]["said"] == TALK

    def test_is_not_written_twice(self, known: Any) -> None:
        asked = len(known.models.requests)
        silence(known)
        silence(known)
        assert len(known.models.requests) == asked

    def test_reads_only_what_is_new(self, known: Any) -> None:
        known.models.answer_with("Cinza também.", json.dumps({"interests": ["grey chair"]}))
        say(known, "And a grey chair?")
        silence(known)
        body = known.models.requests[-1]["body"]
        told = told_to(body)
        assert [one["said"] for one in told["talk"]] == ["And a grey chair?", "Cinza também."]
        assert told["notes"]["interests"] == ["blue sofa"]
        assert ContactProfile.objects.get().interests == ["blue sofa", "grey chair"]

    def test_waits_while_they_still_write(self, shop: Any) -> None:
        say(shop, "Lembre de mim")
        say(shop, TALK)
        profile_sweep.sweep.apply(throw=True)
        connection.set_tenant(shop.tenant)
        assert ContactProfile.objects.get().due_at is None

    @pytest.mark.parametrize("said", ["No.", '{"summary": 7}'])
    def test_what_cannot_be_read_is_counted_instead(self, shop: Any, said: str) -> None:
        say(shop, "Lembre de mim")
        shop.models.answer_with("Temos, sim.", said)
        say(shop, TALK)
        silence(shop)
        assert (
            "mensage" in ContactProfile.objects.get().summary
            or "message" in ContactProfile.objects.get().summary
        )

    def test_without_a_model_of_ones_own_it_is_counted(self, shop: Any) -> None:
        ModelProvider.objects.all().delete()
        say(shop, "Lembre de mim")
        say(shop, TALK)
        Turn.objects.update(intent="buying")
        silence(shop)
        profile = ContactProfile.objects.get()
        assert profile.summary and not shop.models.requests
        assert {"hot", "buying"} <= {reason["code"] for reason in profile.value_reasons}

    def test_its_words_are_in_no_log(self, shop: Any, caplog: Any, capsys: Any) -> None:
        say(shop, "Lembre de mim")
        shop.models.answer_with("Temos, sim.", "sofa sofa")
        say(shop, TALK)
        silence(shop)
        printed = capsys.readouterr()
        for text in (caplog.text, printed.out, printed.err):
            assert "sofa" not in text and "sofá" not in text


class TestUse:
    def test_the_next_talk_knows_and_only_this_customers(self, known: Any) -> None:
        say(known, "Oi, voltei. Qual o prazo?")
        assert "blue sofa" in str(known.models.requests[-1]["body"]["messages"])
        say(known, "Oi. Qual o prazo?", chat="5511900001111@c.us")
        assert "blue sofa" not in str(known.models.requests[-1]["body"]["messages"])

    def test_joined_customers_have_one_and_parted_ones_none_of_the_other(self, known: Any) -> None:
        say(known, "Lembre de mim", chat="5511900001111@c.us")
        ana, bea = Contact.objects.order_by("pk")
        ContactProfile.objects.filter(contact=bea).update(interests=["lamps"], summary="Likes light.")
        done = merging.merge(ana.pk, bea.pk, by=None, now=timezone.now())
        one = ContactProfile.objects.get()
        assert one.pk == ana.pk and one.interests == ["blue sofa", "lamps"] and "Likes light." in one.summary
        merging.unmerge(done.pk, by=None, now=timezone.now())
        assert {(p.pk, p.summary, tuple(p.interests)) for p in ContactProfile.objects.all()} == {
            (ana.pk, "", ()),
            (bea.pk, "", ()),
        }

    def test_joined_with_who_said_no_nothing_is_left(self, known: Any) -> None:
        say(known, "Esqueça de mim", chat="5511900001111@c.us")
        ana, bea = Contact.objects.order_by("pk")
        merging.merge(ana.pk, bea.pk, by=None, now=timezone.now())
        assert not ContactProfile.objects.exists()


class TestPages:
    def test_a_person_corrects_it_and_the_next_reading_keeps_that(
        self, known: Any, client_for: Any, member_of: Any
    ) -> None:
        browser = client_for(known.tenant, member_of(known.tenant))
        pk = Contact.objects.get().pk
        page = browser.get(f"/customers/{pk}/").content.decode()
        assert "blue sofa" in page and "/ 100" in page
        form = {"summary": "Wants the sofa in green.", "preferences": "calls\nSaturdays", "interests": "sofa"}
        assert browser.post(f"/customers/{pk}/profile", form).status_code == 302
        known.work()
        profile = ContactProfile.objects.get()
        assert profile.summary == "Wants the sofa in green." and profile.preferences == ["calls", "Saturdays"]
        say(known, "Oi, tem novidade?")
        silence(known)
        told = told_to(known.models.requests[-1]["body"])
        assert told["notes"]["summary"] == "Wants the sofa in green."
        assert ContactProfile.objects.get().summary == "Wants the sofa in green."

    def test_too_much_is_refused_and_kept_on_the_page(
        self, known: Any, client_for: Any, member_of: Any
    ) -> None:
        browser = client_for(known.tenant, member_of(known.tenant))
        pk = Contact.objects.get().pk
        lines = "\n".join(f"line {n}" for n in range(13))
        answer = browser.post(f"/customers/{pk}/profile", {"summary": "New.", "preferences": lines})
        assert answer.status_code == 422 and "line 12" in answer.content.decode()
        assert "At most 12 lines." in answer.content.decode()

    def test_consent_by_word_of_mouth_and_its_end(self, shop: Any, client_for: Any, member_of: Any) -> None:
        say(shop, "Oi")
        browser = client_for(shop.tenant, member_of(shop.tenant, "agent"))
        pk = Contact.objects.get().pk
        assert browser.post(f"/customers/{pk}/remember", {"words": ""}).status_code == 422
        browser.post(f"/customers/{pk}/remember", {"words": "Said so on the phone."})
        connection.set_tenant(shop.tenant)
        assert ContactProfile.objects.exists() and Consent.objects.get().words == "Said so on the phone."
        browser.post(f"/customers/{pk}/forget")
        connection.set_tenant(shop.tenant)
        assert not ContactProfile.objects.exists() and not Consent.objects.order_by("-pk")[0].given

    def test_who_is_alike_is_found(self, in_alpha: Any, client_for: Any, member_of: Any) -> None:
        people = [remembered(name, angle) for name, angle in (("Ana", 0), ("Bea", 1), ("Cid", 9))]
        other = remembered("Dea", 0)
        ContactProfile.objects.filter(pk=other.pk).update(embedding_model="another")
        browser = client_for(in_alpha, member_of(in_alpha))
        page = browser.get(f"/customers/?like={people[0].pk}").content.decode()
        assert page.index("Bea") < page.index("Cid") and "Dea" not in page
        connection.set_tenant(in_alpha)
        assert "Bea" in browser.get(f"/customers/{people[0].pk}/").content.decode()
        connection.set_tenant(in_alpha)
        page = browser.get("/customers/?about=About+Dea").content.decode()
        assert "Dea" in page and "Cid" not in page  # without the embedding process the words must do

    def test_by_meaning_with_the_models_that_ship(
        self, shop: Any, embedding: str, settings: Any, client_for: Any, member_of: Any
    ) -> None:
        """In other words, and in another language; the counterpart of embeddings knows letters only."""
        settings.EMBEDDING_URL = embedding
        browser = client_for(shop.tenant, member_of(shop.tenant))
        connection.set_tenant(shop.tenant)
        told = {
            "Ana": "Quer clarear os dentes.",
            "Bea": "Pergunta por aparelho ortodôntico.",
            "Cid": "Quer alugar uma furadeira.",
        }
        people = {name: remembered(name, 0) for name in told}
        for name, person in people.items():
            profile = ContactProfile.objects.filter(pk=person.pk)
            profile.update(summary=told[name], embedding=None, embedding_model="", due_at=timezone.now())
        profile_sweep.sweep.apply(throw=True)
        shop.work()
        assert not ContactProfile.objects.filter(embedding=None).exists()
        found = browser.get("/customers/?about=teeth+whitening").content.decode()
        assert found.index("Ana") < found.index("Bea") < found.index("Cid")
        found = browser.get(f"/customers/?like={people['Ana'].pk}").content.decode()
        assert found.index("Bea") < found.index("Cid")


@pytest.mark.django_db
class TestRepair:
    def test_drops_what_may_not_be_kept_and_renews_other_models_vectors(self, in_alpha: Any) -> None:
        ana, bea = remembered("Ana", 0), remembered("Bea", 0)
        Contact.objects.filter(pk=bea.pk).update(opted_out_at=timezone.now())
        ContactProfile.objects.filter(pk=ana.pk).update(embedding_model="openai/old", summary="x")
        profiles.repair(now=timezone.now())
        [left] = ContactProfile.objects.all()
        assert left.pk == ana.pk and left.due_at is not None


def told_to(body: Any) -> Any:
    """The notes and the talk in what a model was asked."""
    content = body["messages"][-1]["content"]
    return json.loads(content[content.index("{") : content.rindex("}") + 1])


def remembered(name: str, angle: int) -> Contact:
    """Somebody who agreed, with notes that mean something at this angle."""
    contact = Contact.objects.create(name=name)
    Consent.objects.create(contact=contact, purpose="profile", given=True, words="x", text_version="1")
    vector = [10.0 - angle, float(angle)] + [0.0] * 894
    length = sum(one * one for one in vector) ** 0.5
    ContactProfile.objects.create(
        contact=contact,
        summary=f"About {name}.",
        embedding=[one / length for one in vector],
        embedding_model="local",
    )
    return contact
