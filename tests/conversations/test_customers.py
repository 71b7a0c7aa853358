"""Customers: found, known field by field, brought in and out as files, joined and parted, with a way back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from conversations import (
    customer_columns,
    customer_export,
    customer_fields,
    customer_filters,
    customer_identities,
    customer_import,
    customer_timeline,
)
from conversations.customer_filters import Filters
from conversations.models import (
    Activity,
    Channel,
    Consent,
    Contact,
    ContactField,
    ContactIdentity,
    ContactImport,
    ContactImportRow,
    ContactMerge,
    ContactProfile,
    Conversation,
    Label,
    Message,
    Note,
    Rating,
    Segment,
)
from tenants import spreadsheets
from tenants.db import connection
from tenants.models import AuditEntry

HX = {"HX-Request": "true"}
NUMBER = "5511988887777"


@pytest.fixture
def browser(in_alpha: Any, member_of: Any, client_for: Any) -> Any:
    return client_for(in_alpha, member_of(in_alpha))


@pytest.fixture
def channel(in_alpha: Any) -> Channel:
    return Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.order_by("pk")[0])


def customer(channel: Channel, name: str = "Ana Souza", number: str = NUMBER, **fields: Any) -> Contact:
    contact = Contact.objects.create(name=name, **fields)
    ContactIdentity.objects.create(contact=contact, channel=channel, kind="c.us", value=f"{number}@c.us")
    return contact


def thread(contact: Contact, channel: Channel, **fields: Any) -> Conversation:
    fields = {"last_message_at": timezone.now(), "last_message_text": "Oi"} | fields
    return Conversation.objects.create(contact=contact, channel=channel, address="1@c.us", **fields)


def page(browser: Any, path: str, **more: Any) -> str:
    answer = browser.get(path, **more)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


class TestPure:
    def test_what_is_typed_is_kept_in_one_way(self, in_alpha: Any) -> None:
        one = {
            kind: customer_fields.Field("own:1", "k", "k", kind, (("Gold", "Gold"), ("Blue", "Blue")))
            for kind in ("text", "number", "date", "choice", "email", "yes", "note")
        }
        table = [
            ("number", "1.234,5", "1234.5"), ("number", "12", "12"), ("number", "1,234.5", "1234.5"),
            ("number", "-3,10", "-3.1"), ("date", "2026-01-31", "2026-01-31"),
            ("date", "31/01/2026", "2026-01-31"),
            ("date", "1.2.2026", "2026-02-01"), ("choice", "gold", "Gold"),
            ("email", "Ana@X.example", "ana@x.example"),
            ("yes", "Sim", "yes"), ("yes", "não", ""), ("text", "  a\x00b ", "ab"), ("text", "", ""),
        ]  # fmt: skip
        for kind, typed, kept in table:
            assert customer_fields.checked(one[kind], typed) == kept, (kind, typed)
        wrong = [("number", "twelve"), ("number", "1e9"), ("date", "31/02/2026"), ("choice", "Red"),
                 ("email", "ana@"), ("yes", "perhaps"), ("text", "x" * 501)]  # fmt: skip
        for kind, typed in wrong:
            with pytest.raises(ValueError, match=r"\w"):
                customer_fields.checked(one[kind], typed)
        assert customer_fields.in_words(one["number"], "many") is None
        assert customer_fields.in_words(one["choice"], "Red") is None

    def test_numbers_are_read_as_people_write_them_and_shown_in_part(self) -> None:
        assert customer_identities.digits("+55 (11) 98888-7777") == NUMBER
        assert customer_identities.digits("0055 11 98888 7777") == NUMBER
        assert [customer_identities.digits(text) for text in ("98888", "call me", "1" * 16, "")] == [""] * 4
        shown = customer_identities.masked(f"+{NUMBER}")
        assert shown == "+5511 ••• 77" and "8888" not in shown
        assert customer_identities.masked("abc") == "•••"

    def test_a_file_is_read_however_a_spreadsheet_wrote_it(self) -> None:
        lines = "Nome;E-mail;Telefone\nJoão;joao@x.example;+55 11 98888-7777\n\n"
        for content in (
            lines.encode(),
            lines.encode("cp1252"),
            lines.encode("utf-16"),
            b"\xef\xbb\xbf" + lines.encode(),
        ):
            table = customer_columns.read(content)
            assert table.heading == ("Nome", "E-mail", "Telefone")
            assert table.rows == ((2, ("João", "joao@x.example", "+55 11 98888-7777")),)
        sheet = customer_fields.Sheet((), (*customer_fields.USUAL, *customer_fields.LAST))
        assert customer_columns.guessed(("Nome", "E-mail", "Telefone", "?", "nome"), sheet) == [
            "name", "email", "number", "", "",
        ]  # fmt: skip
        for content in (
            b"",
            b"Name\n",
            b"PK\x03\x04....",
            b"Name\n" + b"x\n" * 10_001,
            b"x" * (5 * 2**20 + 1),
        ):
            with pytest.raises(customer_columns.Unreadable):
                customer_columns.read(content)

    def test_no_cell_is_a_formula_and_the_way_back_is_the_same(self) -> None:
        for cell in ("=1+1", "+55", "-x", "@a", "\t=1", "＝1", " =1"):
            assert spreadsheets.harmless(cell) == f"'{cell}" and spreadsheets.plain(f"'{cell}") == cell
        assert spreadsheets.harmless("O'Neill") == spreadsheets.plain("O'Neill") == "O'Neill"


@pytest.mark.django_db
class TestInPlace:
    def test_a_field_is_changed_in_place_and_nothing_that_was_typed_is_lost(
        self, browser: Any, channel: Channel
    ) -> None:
        contact = customer(channel)
        plan = ContactField.objects.create(key="Plan", name="Plan", kind="choice", choices=["Gold", "Blue"])
        size = ContactField.objects.create(key="Size", name="Size", kind="number")
        where = f"/customers/{contact.pk}/field"
        form = browser.get(f"{where}?of=own:{size.pk}", headers=HX).content.decode()
        was = re.search(r'name="was" value="(\w+)"', form)[1]  # type: ignore[index]
        wrong = browser.post(where, {"of": f"own:{size.pk}", "was": was, "value": "about 40"}, headers=HX)
        assert wrong.status_code == 422 and "about 40" in wrong.content.decode()
        assert "such as 12" in wrong.content.decode()
        right = browser.post(where, {"of": f"own:{size.pk}", "was": was, "value": "40,5"}, headers=HX)
        assert right.status_code == 200 and "40.5" in right.content.decode()
        late = browser.post(where, {"of": f"own:{size.pk}", "was": was, "value": "41"}, headers=HX)
        assert late.status_code == 422 and "meanwhile to: 40.5" in late.content.decode()
        again = re.search(r'name="was" value="(\w+)"', late.content.decode())[1]  # type: ignore[index]
        browser.post(where, {"of": f"own:{size.pk}", "was": again, "value": "41"}, headers=HX)
        empty = customer_fields.mark_of("")
        browser.post(where, {"of": f"own:{plan.pk}", "was": empty, "value": "Gold"})
        contact.refresh_from_db()
        assert contact.details == {"Size": "41", "Plan": "Gold"}
        assert browser.post(where, {"of": "opted_out_at", "value": "x"}).status_code == 422
        told = AuditEntry.objects.filter(action="contact.change").values_list("detail", flat=True)
        assert {one["field"] for one in told} == {f"own:{plan.pk}", f"own:{size.pk}"}

    def test_the_pane_shows_what_the_page_shows_in_as_many_statements_whatever_there_is(
        self, browser: Any, channel: Channel
    ) -> None:
        contact = customer(channel, details={"Pet": "<b>Rex</b>", "email": "ana@x.example"})
        chat = thread(contact, channel)
        first = statements(browser, f"/chats/{chat.pk}/person")
        for number in range(4):
            contact.labels.add(Label.objects.create(name=f"L{number}"))
            ContactField.objects.create(key=f"F{number}", name=f"F{number}", position=number)
            Consent.objects.create(
                contact=contact, given=bool(number % 2), words=f"word {number}", text_version="1"
            )
            other = Channel.objects.create(
                kind="cloud", name=f"C{number}", agent=channel.agent, phone_number_id=number
            )
            thread(contact, other)
            Note.objects.create(conversation=chat, text=f"note <i>{number}</i>")
        assert statements(browser, f"/chats/{chat.pk}/person") == first
        shown = page(browser, f"/chats/{chat.pk}/person")
        assert "&lt;b&gt;Rex" in shown and "ana@x.example" in shown and "word 3" in shown
        assert "note &lt;i&gt;3" in shown
        assert "L2" in shown and NUMBER not in shown and "+5511 ••• 77" in shown

    def test_a_number_is_shown_whole_to_who_may_and_that_is_recorded(
        self, browser: Any, channel: Channel, in_alpha: Any, member_of: Any, client_for: Any
    ) -> None:
        contact = customer(channel)
        shown = browser.post(f"/customers/{contact.pk}/identities", headers=HX).content.decode()
        assert f"+{NUMBER}" in shown
        assert AuditEntry.objects.get(action="contact.reveal").target == str(contact.pk)
        viewer = client_for(in_alpha, member_of(in_alpha, "viewer"))
        assert viewer.post(f"/customers/{contact.pk}/identities").status_code == 403
        looked = viewer.get(f"/customers/{contact.pk}/").content.decode()
        assert NUMBER not in looked and "Show whole" not in looked
        assert "Ana" not in viewer.get(f"/customers/?q={NUMBER}").content.decode()
        assert "Ana" in browser.get(f"/customers/?q={NUMBER}").content.decode()

    def test_consent_is_written_down_with_its_words_and_a_no_of_their_own_stays(
        self, browser: Any, channel: Channel
    ) -> None:
        contact = customer(channel)
        where = f"/customers/{contact.pk}/consent"
        missing = browser.post(where, {"purpose": "messages", "given": "0", "words": ""}, headers=HX)
        assert missing.status_code == 422 and "kept as the proof" in missing.content.decode()
        browser.post(
            where, {"purpose": "messages", "given": "0", "words": "said so at the counter"}, headers=HX
        )
        contact.refresh_from_db()
        said = Consent.objects.get()
        assert contact.opted_out_at and (said.given, said.words) == (False, "said so at the counter")
        assert said.by is not None
        browser.post(where, {"purpose": "messages", "given": "1", "words": "changed her mind"}, headers=HX)
        contact.refresh_from_db()
        assert contact.opted_out_at is None and Consent.objects.count() == 2
        Consent.objects.create(contact=contact, given=False, words="SAIR", text_version="1")
        Contact.objects.update(opted_out_at=timezone.now())
        no = browser.post(where, {"purpose": "messages", "given": "1", "words": "surely yes"}, headers=HX)
        assert no.status_code == 422 and "only they can say yes" in no.content.decode()
        assert "surely yes" in no.content.decode()
        assert Contact.objects.get().opted_out_at is not None

    def test_labels_go_on_and_off(self, browser: Any, channel: Channel) -> None:
        contact, label = customer(channel), Label.objects.create(name="VIP")
        where = f"/customers/{contact.pk}/label"
        browser.post(where, {"label": label.pk, "on": "1"}, headers=HX)
        assert list(contact.labels.all()) == [label]
        browser.post(where, {"label": label.pk}, headers=HX)
        assert not contact.labels.exists()
        assert browser.post(where, {"label": "999999", "on": "1"}, headers=HX).status_code == 422


def statements(browser: Any, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        page(browser, path)
    return len(asked)


@pytest.mark.django_db
class TestList:
    @pytest.fixture
    def people(self, channel: Channel) -> dict[str, Contact]:
        now = timezone.now()
        ContactField.objects.create(pk=71, key="Age", name="Age", kind="number")
        ContactField.objects.create(pk=72, key="Since", name="Since", kind="date")
        ContactField.objects.create(pk=73, key="Plan", name="Plan", kind="choice", choices=["Gold", "Blue"])
        ContactField.objects.create(pk=74, key="Pet", name="Pet", kind="text")
        known = {
            "Age": "40",
            "Since": "2024-05-01",
            "Plan": "Gold",
            "Pet": "Rex the dog",
            "email": "jose@x.example",
        }
        jose = customer(channel, "José Silva", "5511911110000", language="pt", details=known)
        bea = customer(
            channel, "Bea", "5511922220000", language="en", details={"Age": "about 50"}, is_minor=True
        )
        cid = customer(channel, "Cid", "5511933330000", opted_out_at=now, details={"Age": "9"})
        thread(jose, channel)
        thread(bea, channel, last_message_at=now - timedelta(days=40))
        ContactProfile.objects.create(contact=jose, value=55)
        Consent.objects.create(contact=jose, given=True, words="yes", text_version="1")
        jose.labels.add(Label.objects.create(pk=81, name="VIP"))
        tester = Contact.objects.create(name="Me, trying")
        trial = Channel.objects.filter(kind="test").first() or Channel.objects.create(
            kind="test", name="T", agent=channel.agent
        )
        ContactIdentity.objects.create(contact=tester, channel=trial, kind="test", value="u1")
        return {"jose": jose, "bea": bea, "cid": cid}

    def test_every_filter_finds_whom_it_says(self, browser: Any, people: Any, channel: Channel) -> None:
        table = {
            "": "jose bea cid", "q=jose": "jose", "q=JOSÉ": "jose", "q=jose@x": "jose",
            "q=%2B55+11+92222": "bea",
            "label=81": "jose", "language=en": "bea", f"channel={channel.pk}": "jose bea",
            "seen=week": "jose", "seen=quarter": "jose bea", "seen=never": "cid", "seen=older": "",
            "value=50": "jose",
            "value=70": "", "consent=agreed": "jose", "consent=out": "cid", "consent=unsaid": "bea",
            "consent=remembered": "jose",
            "minor=1": "bea", "f71_from=10": "jose", "f71_to=10": "cid", "f71_from=1&f71_to=99": "jose cid",
            "f72_from=2024-01-01": "jose", "f72_to=2024-01-01": "", "f73=Gold": "jose", "f73=Blue": "",
            "f74=dog": "jose", "language=pt&label=81&seen=week": "jose", "language=en&label=81": "",
            # what nobody offers is left out
            "language=xx": "jose bea cid", "value=51": "jose bea cid", "sort=details": "jose bea cid",
            "f71_from=many": "jose bea cid", "f73=Red": "jose bea cid", "label=abc": "jose bea cid",
            "details__email=x": "jose bea cid", "channel=nobody": "jose bea cid",
        }  # fmt: skip
        names = {one.pk: name for name, one in people.items()}
        sheet = customer_fields.sheet()
        for query, wanted in table.items():
            filters = customer_filters.of_query(query, sheet)
            found = customer_filters.found(filters, now=timezone.now(), by_number=True)
            assert {names[one.pk] for one in found} == set(wanted.split()), query
            assert customer_filters.of_query(customer_filters.query(filters), sheet) == filters, query

    def test_orders(self, people: Any, in_alpha: Any) -> None:
        orders = {"new": "cid bea jose", "old": "jose bea cid", "name": "bea cid jose",
                  "seen": "jose bea cid", "value": "jose cid bea"}  # fmt: skip
        names = {one.pk: name for name, one in people.items()}
        for sort, wanted in orders.items():
            found = customer_filters.found(Filters(sort=sort), now=timezone.now(), by_number=True)
            assert [names[one.pk] for one in found] == wanted.split(), sort

    def test_segments_count_by_one_statement_and_come_back(self, browser: Any, people: Any) -> None:
        browser.post("/customers/segments", {"name": "Gold ones", "query": "f73=Gold&sort=name&x=1"})
        assert Segment.objects.get().query == "f73=Gold"
        before = statements(browser, "/customers/")
        for number in range(4):
            browser.post("/customers/segments", {"name": f"S{number}", "query": "language=en"})
        assert statements(browser, "/customers/") == before
        shown = re.sub(r"\s+", " ", page(browser, "/customers/?f73=Gold"))
        assert 'Gold ones <span class="num">1</span>' in shown and "José" in shown and "Bea" not in shown
        again = browser.post(
            "/customers/segments", {"name": "gold ONES", "query": "language=en"}, follow=True
        )
        assert "There is a segment of this name" in again.content.decode()
        pk = Segment.objects.get(name="Gold ones").pk
        gone = browser.post(f"/customers/segments/{pk}/remove", follow=True).content.decode()
        undo = re.search(r'action="(/customers/segments\?[^"]+)"', gone)[1]  # type: ignore[index]
        browser.post(undo.replace("&amp;", "&"))
        assert Segment.objects.filter(name="Gold ones", query="f73=Gold").exists()

    def test_the_list_costs_the_same_however_long_it_is(
        self, browser: Any, people: Any, channel: Channel
    ) -> None:
        before = statements(browser, "/customers/?sort=seen")
        for number in range(12):
            one = customer(channel, f"N{number}", f"55119000000{number:02}")
            one.labels.add(81)
        assert statements(browser, "/customers/?sort=seen") == before


@pytest.mark.django_db(transaction=True)
class TestFile:
    def run(self, browser: Any, background: Any, tenant: Any, content: str, **choices: Any) -> ContactImport:
        """Upload, match the columns as they were guessed, start, and work."""
        file = SimpleUploadedFile("people.csv", content.encode(), "text/csv")
        where = browser.post("/customers/imports/", {"file": file})["Location"]
        connection.set_tenant(tenant)
        row = ContactImport.objects.latest("pk")
        columns = {f"column-{number}": target for number, target in enumerate(row.columns)}
        answer = browser.post(where, columns | {"channel": str(row.channel_id or "")} | choices)
        assert answer.status_code == 302, answer.content.decode()
        self.preview = browser.get(where).content.decode()
        browser.post(f"{where}start")
        connection.set_tenant(tenant)
        background.run()
        connection.set_tenant(tenant)
        row.refresh_from_db()
        return row

    def test_the_export_is_the_list_without_formulas_and_recorded(
        self, browser: Any, channel: Channel, in_alpha: Any, member_of: Any, client_for: Any
    ) -> None:
        jose = customer(channel, "José", language="pt", note='=HYPERLINK("http://x")')
        jose.labels.add(Label.objects.create(name="VIP"))
        customer(channel, "Bea", "5511922220000", language="en")
        answer = browser.get("/customers/export.csv?language=pt")
        text = b"".join(answer.streaming_content).decode()
        connection.set_tenant(in_alpha)
        assert "'=HYPERLINK" in text and "5511988887777" in text and "VIP" in text and "Bea" not in text
        assert AuditEntry.objects.get(action="contact.export").detail["customers"] == 1
        agent = client_for(in_alpha, member_of(in_alpha, "agent"))
        assert agent.get("/customers/export.csv").status_code == 403

    def test_whoever_is_known_is_completed_and_the_whole_can_be_undone(
        self, browser: Any, channel: Channel, in_alpha: Any, background: Any
    ) -> None:
        ana = customer(channel, name="Ana", language="pt")
        gone = customer(channel, "Gil", "5511955550000", opted_out_at=timezone.now())
        Consent.objects.create(contact=gone, given=False, words="SAIR", text_version="1")
        plan = ContactField.objects.create(key="Plan", name="Plan", kind="choice", choices=["Gold", "Blue"])
        content = (
            "Name,Phone,E-mail,Labels,Consent,Plan\n"
            f"Ana Maria,+{NUMBER},ana@x.example,VIP; new,yes,gold\n"
            "Bea,+55 11 97777-0000,bea@x.example,VIP,no,\n"
            "Bea again,,BEA@x.example,,,Blue\n"
            "Cid,,,,,\n"
            "Gil,5511955550000,,,yes,\n"
            "Dea,12,,,,Red\n"
            ",,,vip,,\n"
        )
        row = self.run(browser, background, in_alpha, content, source="Form at the counter")
        assert row.columns == ["name", "number", "email", "labels", "consent", f"own:{plan.pk}"]
        assert "Write it with the country" in self.preview and "Choose one of" in self.preview
        assert (row.status, row.added, row.changed, row.same, row.refused) == ("done", 2, 2, 1, 2)
        ana.refresh_from_db()
        assert (ana.name, ana.details) == ("Ana", {"email": "ana@x.example", "Plan": "Gold"})
        assert sorted(ana.labels.values_list("name", flat=True)) == ["VIP", "new"]
        agreed = ana.consents.get()
        assert (agreed.given, agreed.words, agreed.by) == (True, "Form at the counter", row.author)
        bea = Contact.objects.get(name="Bea")
        assert bea.opted_out_at and bea.details == {"email": "bea@x.example", "Plan": "Blue"}
        assert bea.identities.get().value == "5511977770000@c.us"
        gone.refresh_from_db()
        assert gone.opted_out_at and gone.consents.count() == 1  # the customer's own no
        assert not row.file and Contact.objects.filter(name="Cid").exists()
        lines = dict(ContactImportRow.objects.filter(outcome="refused").values_list("line", "error"))
        assert set(lines) == {7, 8}
        thread(bea, channel)  # has written since
        browser.post(f"/customers/imports/{row.pk}/undo")
        connection.set_tenant(in_alpha)
        background.run()
        connection.set_tenant(in_alpha)
        row.refresh_from_db()
        assert (row.status, row.kept) == ("undone", 1)
        ana.refresh_from_db()
        assert (ana.details, ana.labels.count(), ana.opted_out_at) == ({}, 0, None)
        assert list(ana.consents.order_by("pk").values_list("given", flat=True)) == [True, False]
        assert not Contact.objects.filter(name="Cid").exists() and Contact.objects.filter(pk=bea.pk).exists()

    def test_what_was_written_out_can_be_read_in_and_changes_nothing(
        self, browser: Any, channel: Channel, in_alpha: Any, background: Any
    ) -> None:
        ContactField.objects.create(key="Size", name="Size", kind="number")
        one = customer(
            channel, "=cmd|' /C calc'!A0", details={"Size": "4.5", "email": "a@x.example"}, language="pt"
        )
        one.labels.add(Label.objects.create(name="VIP"))
        Consent.objects.create(contact=one, given=True, words="yes please", text_version="1")
        sheet = customer_fields.sheet()
        rows = [row for some in customer_export.batches(Filters(), sheet, now=timezone.now()) for row in some]
        row = self.run(browser, background, in_alpha, spreadsheets.lines(rows))
        assert (row.row_count, row.same) == (1, 1)
        one.refresh_from_db()
        assert (
            one.name.startswith("=cmd")
            and Contact.objects.exclude(identities__channel__kind="test").count() == 1
        )

    def test_a_worker_that_dies_loses_and_doubles_nothing(
        self, browser: Any, channel: Channel, in_alpha: Any, background: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(customer_import, "AT_ONCE", 2)
        monkeypatch.setattr(customer_import, "PARTS", 1)
        content = "Name,E-mail\n" + "".join(f"N{number},n{number}@x.example\n" for number in range(7))
        file = SimpleUploadedFile("people.csv", content.encode(), "text/csv")
        where = browser.post("/customers/imports/", {"file": file})["Location"]
        browser.post(where, {"column-0": "name", "column-1": "email"})
        browser.post(f"{where}start")
        connection.set_tenant(in_alpha)
        row = ContactImport.objects.get()
        background.sent.clear()  # the doorbell is lost, and the first part is done by a worker that dies then
        customer_import.read_part(row.pk, customer_import.table_of(row), now=timezone.now())
        ContactImport.objects.update(due_at=timezone.now() - timedelta(minutes=5))
        assert customer_import.due(now=timezone.now()) == [row.pk]
        customer_import.carry_on.apply(kwargs={"import_id": row.pk}, headers={"schema": "alpha"}, throw=True)
        connection.set_tenant(in_alpha)
        background.run()
        connection.set_tenant(in_alpha)
        row.refresh_from_db()
        assert (row.status, row.added, row.done_count, row.due_at) == ("done", 7, 7, None)
        assert Contact.objects.filter(details__email__startswith="n").count() == 7

    def test_what_cannot_be_read_says_why_beside_the_field(
        self, browser: Any, in_alpha: Any, channel: Channel
    ) -> None:
        zipped = SimpleUploadedFile("people.xlsx", b"PK\x03\x04rest", "text/csv")
        answer = browser.post("/customers/imports/", {"file": zipped})
        assert answer.status_code == 422 and "save it as CSV" in answer.content.decode()
        file = SimpleUploadedFile("people.csv", b"Name,Consent\nAna,yes\n", "text/csv")
        where = browser.post("/customers/imports/", {"file": file})["Location"]
        refused = browser.post(where, {"column-0": "name", "column-1": "consent"})
        assert refused.status_code == 422 and "Say how these customers agreed" in refused.content.decode()
        refused = browser.post(where, {"column-0": "labels", "column-1": "", "source": "kept words"})
        assert "Choose which column" in refused.content.decode() and "kept words" in refused.content.decode()


@pytest.mark.django_db(transaction=True)
class TestTwoWhoAreOne:
    def test_are_seen_side_by_side_joined_and_parted_again(
        self, browser: Any, channel: Channel, in_alpha: Any
    ) -> None:
        ana = customer(channel, "Ana Souza", note="mornings")
        twin = customer(channel, "Ana S.", "5511900001111", language="pt", details={"email": "ana@x.example"})
        both, his = Label.objects.create(name="Both"), Label.objects.create(name="His")
        ana.labels.add(both)
        twin.labels.add(both, his)
        ours, theirs = thread(ana, channel), thread(twin, channel, last_message_text="Later")
        for chat in (ours, theirs):
            chat.labels.add(both)
        assert "Ana S." in page(browser, f"/customers/{ana.pk}/join")
        shown = page(browser, f"/customers/{ana.pk}/join?other={twin.pk}")
        assert "mornings" in shown and "ana@x.example" in shown
        done = browser.post(f"/customers/{ana.pk}/join", {"other": twin.pk}, follow=True).content.decode()
        connection.set_tenant(in_alpha)
        ana.refresh_from_db()
        assert (ana.language, ana.details) == ("pt", {"email": "ana@x.example"})
        assert sorted(ana.labels.values_list("name", flat=True)) == ["Both", "His"]
        assert Conversation.objects.get(contact=ana).labels.count() == 1
        assert browser.get(f"/customers/{twin.pk}/")["Location"] == f"/customers/{ana.pk}/"
        assert "Joined with another customer" in done
        connection.set_tenant(in_alpha)
        merge = ContactMerge.objects.get()
        assert f'action="/customers/joined/{merge.pk}/undo"' in done
        browser.post(f"/customers/joined/{merge.pk}/undo")
        connection.set_tenant(in_alpha)
        ana, twin = Contact.objects.get(pk=ana.pk), Contact.objects.get(pk=twin.pk)
        assert (ana.language, twin.details) == ("", {"email": "ana@x.example"})
        assert [one.name for one in ana.labels.all()] == ["Both"]
        assert sorted(one.name for one in twin.labels.all()) == ["Both", "His"]
        assert [chat.labels.count() for chat in Conversation.objects.filter(contact__in=[ana, twin])] == [
            1,
            1,
        ]
        assert AuditEntry.objects.filter(action="contact.unmerge").exists()


@pytest.mark.django_db
class TestTimeline:
    def test_everything_stands_in_one_order_page_by_page(
        self, browser: Any, channel: Channel, in_alpha: Any
    ) -> None:
        contact, now = customer(channel), timezone.now()
        chat = thread(contact, channel)
        ago = lambda hours: now - timedelta(hours=hours)  # noqa: E731
        for day in range(30):
            for direction, author in (("in", "contact"), ("out", "agent")):
                Message.objects.create(
                    conversation=chat, direction=direction, author_kind=author, body="x", status="received",
                    created_at=ago(24 * day + 30),
                )  # fmt: skip
        Activity.objects.create(conversation=chat, kind="taken", at=ago(3))
        Consent.objects.create(
            contact=contact, given=True, words="yes, do", text_version="1", created_at=ago(2)
        )
        Rating.objects.create(conversation=chat, score=4, words="good", answered_at=ago(1))
        ContactMerge.objects.create(
            contact=contact, taken_id=9, reason="person", record={"x": 1}, created_at=ago(4)
        )
        first = customer_timeline.page(contact)
        assert [entry.icon for entry in first.entries[:4]] == ["chart-bar", "shield-check", "hand", "users"]
        assert first.entries[0].title == "Rated 4 of 5" and "yes, do" in first.entries[1].words
        assert first.entries[4].title == "1 message came, 1 was sent" and first.entries[3].merge_id
        seen, following = list(first.entries), first.following
        while following:
            more = customer_timeline.page(contact, before=following)
            seen, following = [*seen, *more.entries], more.following
        assert len(seen) == 34 and [one.at for one in seen] == sorted((one.at for one in seen), reverse=True)
        with CaptureQueriesContext(connection) as asked:
            customer_timeline.page(contact)
        assert len(asked) == 1
        for cursor in ("nonsense", "2026-01-01~x", "~"):
            assert customer_timeline.page(contact, before=cursor).entries
        assert "Rated 4 of 5" in page(browser, f"/customers/{contact.pk}/")


@pytest.mark.django_db
class TestFields:
    def test_are_made_ordered_taken_away_and_brought_back(self, browser: Any, channel: Channel) -> None:
        contact = customer(channel, details={"Plate": "ABC1D23"})
        browser.post("/account/fields/", {"name": "Plate", "kind": "text"})
        short = browser.post("/account/fields/", {"name": "Plan", "kind": "choice", "options": "Gold"})
        assert short.status_code == 422 and "at least two" in short.content.decode()
        browser.post("/account/fields/", {"name": "Plan", "kind": "choice", "options": "Gold\nBlue\nGold"})
        assert (
            "There is a field"
            in browser.post("/account/fields/", {"name": "PLAN", "kind": "text"}).content.decode()
        )
        plate, plan = ContactField.objects.all()
        assert (plate.key, plan.choices) == ("Plate", ["Gold", "Blue"])
        assert "ABC1D23" in page(browser, f"/customers/{contact.pk}/")  # what the assistant had kept
        browser.post(f"/account/fields/{plan.pk}/move", {"up": "1"})
        assert [one.name for one in ContactField.objects.all()] == ["Plan", "Plate"]
        browser.post(f"/account/fields/{plate.pk}/", {"name": "Number plate"})
        gone = browser.post(f"/account/fields/{plate.pk}/remove", follow=True).content.decode()
        assert f'action="/account/fields/{plate.pk}/restore"' in gone
        browser.post(f"/account/fields/{plate.pk}/restore")
        plate.refresh_from_db()
        assert (plate.name, plate.key, plate.deleted_at) == ("Number plate", "Plate", None)
        assert "ABC1D23" in page(browser, f"/customers/{contact.pk}/")
