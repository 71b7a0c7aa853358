"""Web pages and sites as sources: what is read, what is left alone, and what becomes of what changes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import extraction, looking, main_content, seeing, sources
from knowledge.models import Chunk, Document, Source
from tests.background import Background
from tests.counterparts.website import Website

PRICES = (
    "<p>Valores de referência para este ano, sujeitos a avaliação no consultório.</p>"
    "<h2>Limpeza</h2><p>A limpeza custa R$ 180 e leva quarenta minutos.</p>"
    "<h2>Convênios</h2><ul><li>Aceitamos Saúde Boa</li><li>Aceitamos Vida Plena</li></ul>"
    "<h2>Tabela</h2><table><tr><th>Serviço</th><th>Preço</th></tr>"
    "<tr><td>Canal</td><td>R$ 900</td></tr></table>"
)


def text(subject: str) -> str:
    """Enough of a text to be one, different for each subject."""
    return f"<p>Aqui se explica tudo sobre {subject}, com calma e com os detalhes que importam a quem lê.</p>"


def added(kind: str, address: str, **more: Any) -> Source:
    return sources.add(kind=kind, title="", address=address, added_by=None, now=timezone.now(), **more)


def is_due_later(source: Source, hours: int = 0) -> bool:
    return source.due_at is not None and source.due_at > timezone.now() + timedelta(hours=hours)


@pytest.fixture(scope="module")
def _site() -> Iterator[Website]:
    with Website() as site:
        yield site


@pytest.fixture
def site(_site: Website) -> Website:
    app = _site.app
    app.things.clear()
    app.requests.clear()
    app.etags, app.always = True, 0
    return _site


@pytest.fixture
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main content is found here: starting the child for every look would take most of the time."""
    monkeypatch.setattr(
        extraction.Extractor,
        "_ask",
        lambda self, body, url, charset: main_content.answer(body, url=url, charset=charset),
    )


class Shop:
    """A business with sources. What they bring is not read any further unless a test asks for it."""

    def __init__(self, tenant: Any, background: Background) -> None:
        self.tenant, self.background = tenant, background

    def add(self, address: str, kind: str = "site", **more: Any) -> Source:
        source = sources.add(kind=kind, title="", address=address, added_by=None, now=timezone.now(), **more)
        return self.look(source)

    def look(self, source: Source) -> Source:
        """One whole look, all its turns."""
        for _turn in range(20):
            Source.objects.filter(pk=source.pk).update(due_at=timezone.now())
            self.background.run_one(looking.look, schema=self.tenant.schema_name, source_id=source.pk)
            source.refresh_from_db()
            if source.status != "waiting" or source.problem:
                return source
        raise AssertionError("The look does not come to an end.")

    def paths(self, **which: Any) -> set[str]:
        """The paths of the documents."""
        keys = Document.objects.filter(**which).exclude(status="retired").values_list("key", flat=True)
        return {"/" + key.split("/", 3)[3] for key in keys}

    def at(self, path: str) -> Document:
        return Document.objects.get(key__endswith=path)

    def ready(self) -> None:
        """As if everything had been read."""
        Document.objects.exclude(status="retired").update(status="ready", ready_at=timezone.now())


@pytest.fixture
def shop(alpha: Any, background: Background, _in_process: None) -> Iterator[Shop]:
    with schema_context(alpha.schema_name):
        yield Shop(alpha, background)


# -- one page


def test_a_page_is_read_with_its_headings(alpha: Any, background: Background, site: Website) -> None:
    """The whole way, with the real child, the real converter and the real embedder."""
    url = site.page("/precos", PRICES, title="Preços | Clínica 24/7", links=("/", "/contato"))
    with schema_context(alpha.schema_name):
        source = added("page", url + "?utm_source=x#limpeza")
        assert (source.address, source.title) == (url, url)
        background.run()
        source.refresh_from_db()
        assert (source.status, source.problem, source.found, source.done) == ("ready", "", 1, 1)
        document = Document.objects.get(source=source)
        assert (document.form, document.key, document.title) == ("page", url, "Preços | Clínica 24/7")
        assert (document.status, document.kind) == ("ready", "passages")
        chunks = {tuple(chunk.heading): chunk.text for chunk in Chunk.objects.filter(document=document)}
        assert any("Limpeza" in heading and "R$ 180" in said for heading, said in chunks.items())
        whole = "\n".join(chunks.values())
        assert "Canal. Preço: R$ 900" in whole and "Saúde Boa" in whole
        assert "direitos reservados" not in whole and "contato" not in whole


def test_a_file_at_an_address_is_a_document(shop: Shop, site: Website) -> None:
    url = site.put("/guia", b"# Guia\n\nO estacionamento fica atr\xc3\xa1s.", "text/markdown")
    source = shop.add(url, "page")
    document = Document.objects.get(source=source)
    assert (document.form, document.title, str(document.file.name)[-3:]) == ("file", "guia.md", ".md")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda site: site.status("/p", 404), "There is no page at this address."),
        (lambda site: site.status("/p", 403), "The site does not let us in. (403)"),
        (lambda site: site.put("/p", b"\x89PNG", "image/png"), "There is no text in this kind of file."),
        (lambda site: site.page("/p", PRICES, head='<meta name="robots" content="noindex">'), "noindex"),
        (lambda site: site.page("/p", PRICES, x_robots_tag="noindex, nofollow"), "noindex"),
        (lambda site: site.put("/p", b"x" * (6 * 2**20)), "It is too large to be read."),
    ],
)
def test_what_is_wrong_with_a_page_is_said(
    shop: Shop, site: Website, prepare: Callable[[Website], Any], words: str
) -> None:
    prepare(site)
    source = shop.add(f"{site.url}/p", "page")
    assert source.status == "failed" and words in source.problem
    assert not Document.objects.exists() and is_due_later(source)


def test_a_page_without_text_says_so(shop: Shop, site: Website) -> None:
    site.put("/p", b"<!doctype html><html><body><script>draw()</script><nav>menu</nav></body></html>")
    assert shop.add(f"{site.url}/p", "page").problem == "There is no text on the page."


def test_robots_are_obeyed(shop: Shop, site: Website) -> None:
    site.page("/p", PRICES)
    site.robots("User-agent: *", "Disallow: /", "", "User-agent: frontdesk", "Disallow: /p")
    assert "robots.txt" in shop.add(f"{site.url}/p", "page").problem
    assert site.asked() == []


def test_a_robots_file_that_fails_means_not_now(shop: Shop, site: Website) -> None:
    site.page("/p", PRICES)
    site.status("/robots.txt", 503)
    source = shop.add(f"{site.url}/p", "page")
    assert (source.status, source.attempts) == ("waiting", 1) and "robots.txt" in source.problem
    assert site.asked() == []
    site.status("/robots.txt", 403)  # one that we may not read forbids nothing
    assert shop.look(source).status == "ready"


# -- a site


def small_site(site: Website) -> None:
    """Five pages that lead to each other, one by a session's address, and some that are none of ours."""
    site.page("/", text("a casa"), links=("/a", "/b?utm_source=menu", "/a#topo", "/c/?sid=12"))
    site.page("/a", text("a piscina"), links=("/", "/d", "https://elsewhere.example/x", "mailto:a@b.c"))
    site.page("/b", text("o jardim"), links=("/foto.jpg", "/guia.pdf", "/b"))
    site.page("/c/", text("o quarto"))
    site.page("/d", text("a cozinha"), links=("/e",))
    site.page("/e", text("o telhado"))
    site.put("/guia.pdf", b"%PDF-1.4 guia", "application/pdf")


class TestASite:
    def test_is_walked_within_its_host_and_its_depth(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url, options={"depth": 2})
        assert (source.status, source.problem) == ("ready", "")
        assert shop.paths() == {"/", "/a", "/b", "/c/", "/d"}
        assert sorted(site.asked()) == ["/", "/a", "/b", "/c/", "/d"]  # each once, and nothing else
        assert source.found == source.done == 5
        assert is_due_later(source, hours=23)

    def test_documents_on_it_are_read_when_the_owner_wants(self, shop: Shop, site: Website) -> None:
        small_site(site)
        shop.add(site.url, options={"files": True, "depth": 1})
        guide = shop.at("/guia.pdf")
        assert (guide.form, guide.title) == ("file", "guia.pdf") and "/d" not in shop.paths()

    @pytest.mark.parametrize("packed", [False, True])
    def test_by_its_sitemap(self, shop: Shop, site: Website, packed: bool) -> None:
        small_site(site)
        site.robots("User-agent: *", "Disallow: /d", f"Sitemap: {site.url}/map.xml")
        site.sitemap_index("/one.xml", "/two.xml.gz", "/three.xml", path="/map.xml")
        site.sitemap("/a", "/b", path="/one.xml")
        site.sitemap("/d", "/e", path="/two.xml.gz", packed=packed)
        site.put("/three.xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><urlset><url><loc>&a;</loc></url></urlset>")
        shop.add(site.url)
        assert shop.paths() == {"/", "/a", "/b", "/e"}  # robots win over the map; what is not on it stays

    def test_page_limit(self, shop: Shop, site: Website) -> None:
        site.page("/", text("tudo"), links=tuple(f"/{number}" for number in range(30)))
        for number in range(30):
            site.page(f"/{number}", text(f"o número {number}"))
        source = shop.add(site.url, options={"pages": 7})
        assert len(shop.paths()) == 7 and len(site.asked()) == 7
        first = shop.paths()
        shop.ready()
        assert shop.look(source).status == "ready"
        assert shop.paths() == first

    def test_traps_end(self, shop: Shop, site: Website) -> None:
        """A calendar without end, sessions in addresses, paths that grow, a cart."""
        site.page("/", text("a agenda"), links=("/agenda?month=1", "/x/x/", "/loja?add-to-cart=3"))
        for number in range(1, 200):
            nexts = (f"/agenda?month={number + 1}", f"/agenda?month={number + 1}&PHPSESSID={number}")
            site.page(f"/agenda?month={number}", text(f"o mês {number}"), links=nexts)
        site.page("/x/x/", text("x"), links=("/x/x/x/",))
        site.page("/x/x/x/", text("xx"), links=("/x/x/x/x/",))
        shop.add(site.url, options={"depth": 10, "pages": 500})
        assert not any("PHPSESSID" in path or "cart" in path or "/x/x/x" in path for path in site.asked())
        assert len(site.asked()) <= 12  # ten links deep and no further

    def test_calendars_are_bounded_however_deep(self, shop: Shop, site: Website) -> None:
        every = tuple(f"/agenda?month={number}" for number in range(1, 60))
        site.page("/", text("a agenda"), links=every)
        for number, path in enumerate(every):
            site.page(path, text(f"o mês {number}"))
        shop.add(site.url, options={"depth": 10, "pages": 500})
        assert 30 <= len(site.asked()) <= 41

    def test_the_same_text_twice_is_one_document(self, shop: Shop, site: Website) -> None:
        site.page("/", text("a casa"), links=("/a", "/copy", "/canon"))
        site.page("/a", text("a piscina"), title="Piscina")
        site.page("/copy", text("a piscina"), title="Piscina")
        site.page("/canon", text("outra"), head='<link rel="canonical" href="/real?utm_medium=x">')
        site.page("/real", text("o original"))
        shop.add(site.url)
        assert shop.paths() == {"/", "/a", "/real"}

    def test_wishes_of_its_pages_are_obeyed(self, shop: Shop, site: Website) -> None:
        site.page("/", text("a casa"), links=("/hidden", "/quiet"))
        site.page("/hidden", text("segredo"), head='<meta name="robots" content="noindex">', links=("/x",))
        site.page("/quiet", text("silêncio"), head='<meta name="ROBOTS" content="NoFollow">', links=("/y",))
        site.page("/x", text("x que se lê"))
        site.page("/y", text("y que não se lê"))
        source = shop.add(site.url)
        assert shop.paths() == {"/", "/quiet", "/x"} and source.problem == ""

    def test_redirects_give_one_document_and_stay_on_the_site(self, shop: Shop, site: Website) -> None:
        site.redirect("/", "/pt/")
        site.page("/pt/", text("a casa"), links=("/old", "/new", "/away", "/pt"))
        site.redirect("/old", "/new")
        site.redirect("/pt", "/pt/")
        site.redirect("/away", "http://elsewhere.example/")
        site.page("/new", text("o novo"))
        assert shop.add(site.url).status == "ready"
        assert shop.paths() == {"/pt/", "/new"}

    def test_what_has_no_text_is_counted(self, shop: Shop, site: Website) -> None:
        site.page("/", text("a casa"), links=("/a", "/b"))
        for path in ("/a", "/b"):
            site.put(path, b"<html><body><script>x</script></body></html>")
        assert shop.add(site.url).problem == "2 were left out: There is no text on the page."

    def test_without_a_first_page_there_is_no_site(self, shop: Shop, site: Website) -> None:
        source = shop.add(site.url)
        assert (source.status, source.problem) == ("failed", "There is no page at this address.")

    def test_what_the_owner_leaves_out(self, shop: Shop, site: Website) -> None:
        small_site(site)
        shop.add(site.url, options={"exclude": ["a", "/c/"]})
        assert shop.paths() == {"/", "/b"}


# -- looking again


class TestRefreshing:
    def test_reads_only_what_has_changed(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        before = dict(Document.objects.values_list("key", "sha256"))
        shop.ready()
        site.forget()
        shop.background.sent.clear()
        site.page("/a", text("a piscina aquecida"), links=("/d",))
        seen = timezone.now()
        shop.look(source)
        assert [d.key for d in Document.objects.filter(status="waiting")] == [f"{site.url}/a"]
        assert [sent.name for sent in shop.background.sent if "indexing" in sent.name] == [
            "knowledge.indexing.index"
        ]
        after = dict(Document.objects.values_list("key", "sha256"))
        assert {key for key in before if before[key] != after[key]} == {f"{site.url}/a"}
        assert not Document.objects.exclude(refreshed_at__gt=seen).exists()
        conditional = [one for one in site.app.requests if "if-none-match" in one.headers]
        assert len(conditional) == 6

    def test_without_the_server_s_help_the_text_tells(self, shop: Shop, site: Website) -> None:
        """Another menu, another foot: the same main content is not read again."""
        site.app.etags = False
        site.page("/p", PRICES, title="Preços", links=("/x",))
        source = shop.add(f"{site.url}/p", "page")
        shop.ready()
        site.page("/p", PRICES, title="Preços", links=("/x", "/y", "/z"))
        shop.look(source)
        assert Document.objects.get().status == "ready"

    def test_a_page_goes_when_two_looks_miss_it(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        site.remove("/b")
        assert shop.look(source).status == "ready" and "/b" in shop.paths()
        shop.look(source)
        assert shop.at("/b").status == "retired" and shop.paths() == {"/", "/a", "/c/", "/d", "/e"}
        site.page("/b", text("o jardim"))
        shop.look(source)
        assert shop.at("/b").status == "waiting"  # it is back, and read again

    def test_one_that_is_gone_for_good_goes_at_once(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        site.status("/b", 410)
        shop.look(source)
        assert shop.at("/b").status == "retired"

    def test_one_that_nothing_leads_to_any_more_goes_too(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        site.page("/d", text("a cozinha"))  # without its link to /e
        shop.look(source)
        assert "/e" in shop.paths()
        shop.look(source)
        assert "/e" not in shop.paths()

    def test_one_that_is_back_in_time_stays(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        gone = site.app.things.pop("/b")
        shop.look(source)
        site.app.things["/b"] = gone
        shop.look(source)
        site.remove("/b")
        shop.look(source)
        assert "/b" in shop.paths()  # missed once, found, missed once: never twice in a row

    @pytest.mark.parametrize("status", [503, 403, 404])
    def test_a_site_that_is_down_for_a_night_loses_nothing(
        self, shop: Shop, site: Website, status: int
    ) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        before = shop.paths()
        site.app.always = status
        for _hour in range(5):
            source = shop.look(source)
        assert source.problem and shop.paths() == before
        assert set(Document.objects.values_list("status", flat=True)) == {"ready"}
        site.app.always = 0
        source = shop.look(source)
        assert (source.status, source.problem) == ("ready", "") and shop.paths() == before

    def test_pages_that_fail_are_no_reason_to_retire_others(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        site.status("/a", 500)  # the only way to /d and /e
        for _look in range(3):
            source = shop.look(source)
        assert shop.paths() == {"/", "/a", "/b", "/c/", "/d", "/e"}
        assert source.problem == "The site is out of order. (500)"

    def test_half_a_site_does_not_go_unasked(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        shop.ready()
        for path in ("/a", "/b", "/c/", "/d", "/e"):
            site.app.things.pop(path)
        shop.look(source)
        source = shop.look(source)
        assert "not there any more" in source.problem and len(shop.paths()) == 6
        assert sources.refresh(source.pk, now=timezone.now())
        assert shop.look(source).problem == "" and shop.paths() == {"/"}

    def test_a_page_source_whose_page_is_gone(self, shop: Shop, site: Website) -> None:
        source = shop.add(site.page("/p", PRICES), "page")
        shop.ready()
        site.remove("/p")
        source = shop.look(source)
        assert (source.status, source.problem) == ("ready", "There is no page at this address.")
        source = shop.look(source)
        assert source.status == "failed" and Document.objects.get().status == "retired"


# -- the life of a source


class TestLife:
    def test_takes_turns_and_goes_on_where_it_was(
        self, shop: Shop, site: Website, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small_site(site)
        monkeypatch.setattr(seeing, "TURN_SECONDS", 0.0)
        source = added("site", site.url)
        shop.background.commit()
        turns = 0
        while shop.background.sent:
            sent = shop.background.sent[0]
            if sent.name != "knowledge.looking.look":
                shop.background.sent.pop(0)
                continue
            shop.background.run_one()
            turns += 1
        source.refresh_from_db()
        assert turns >= 6 and source.status == "ready" and source.resume == {}
        assert sorted(site.asked()) == ["/", "/a", "/b", "/c/", "/d", "/e"]
        assert sum("robots" in one.raw_path for one in site.app.requests) == 1

    def test_has_one_reader(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = added("site", site.url)
        now = timezone.now()
        first, second = looking._claim(source.pk, now=now), looking._claim(source.pk, now=now)
        assert first is not None and second is None
        later = now + looking.STUCK + timedelta(seconds=1)
        assert looking._claim(source.pk, now=later) is not None  # the first was silent for too long
        assert not seeing.held(first).exists()  # and has nothing to say any more

    def test_that_was_removed_ends_its_reader(self, shop: Shop, site: Website) -> None:
        small_site(site)
        source = shop.add(site.url)
        held = seeing.Turn(source)
        assert sources.remove(source.pk) and not Document.objects.exists()
        with pytest.raises(seeing.Lost):
            held._progress(ahead=0)
        assert not sources.remove(source.pk)

    def test_is_tried_again_with_growing_pauses_and_then_says_so(self, shop: Shop, site: Website) -> None:
        site.app.always = 503
        source = added("page", f"{site.url}/p")
        pauses = []
        shop.background.commit()
        while shop.background.sent:
            pauses.append(shop.background.sent[0].countdown)
            Source.objects.filter(pk=source.pk).update(due_at=timezone.now())
            shop.background.run_one()
        source.refresh_from_db()
        assert pauses == [0, *looking.PAUSES]
        assert (source.status, source.attempts) == ("failed", 0) and is_due_later(source)

    def test_stays_away_for_as_long_as_a_site_asks(self, shop: Shop, site: Website) -> None:
        """What was read until then is not asked for again."""
        small_site(site)
        site.status("/b", 429, retry_after="7200")
        source = shop.add(site.url)
        assert source.status == "waiting" and "come back later. (429)" in source.problem
        assert is_due_later(source, hours=1) and looking._claim(source.pk, now=timezone.now()) is None
        assert shop.background.sent == [] or "looking" not in shop.background.sent[-1].name
        site.page("/b", text("o jardim"))
        before = site.asked()
        assert shop.look(source).status == "ready"
        assert shop.paths() == {"/", "/a", "/b", "/c/", "/d", "/e"}
        assert not set(site.asked()[len(before) :]) & {"/", "/a"}

    def test_is_rung_for_when_it_is_due_or_was_lost(self, shop: Shop, site: Website) -> None:
        source = shop.add(site.page("/p", PRICES), "page", refresh_hours=6)
        now, row = timezone.now(), Source.objects.filter(pk=source.pk)
        assert looking.overdue(now=now) == []
        later = now + timedelta(hours=6, minutes=1)
        assert looking.overdue(now=later) == [source.pk]
        looking._rung(source.pk, now=later)  # in the queue, and not put there again at once
        assert looking.overdue(now=later + timedelta(minutes=1)) == []
        assert looking.overdue(now=later + timedelta(minutes=6)) == [source.pk]
        row.update(status="reading", claimed_at=now, due_at=now)
        assert looking.overdue(now=now + timedelta(minutes=4)) == []
        assert looking.overdue(now=now + timedelta(minutes=6)) == [source.pk]
        row.update(status="waiting", claimed_at=now, due_at=now + timedelta(minutes=30))
        assert looking.overdue(now=now + timedelta(minutes=29)) == []
        assert looking.overdue(now=now + timedelta(minutes=31)) == [source.pk]
        row.update(status="ready", due_at=None)
        assert looking.overdue(now=now + timedelta(days=99)) == []

    def test_is_looked_at_when_a_person_asks(self, shop: Shop, site: Website) -> None:
        source = shop.add(site.page("/p", PRICES), "page", refresh_hours=0)
        assert (source.status, source.due_at) == ("ready", None)
        assert sources.refresh(source.pk, now=timezone.now())
        source.refresh_from_db()
        assert source.status == "waiting" and shop.look(source).status == "ready"
        Source.objects.filter(pk=source.pk).update(status="reading")
        assert not sources.refresh(source.pk, now=timezone.now())

    def test_a_reader_that_dies_again_and_again_is_given_up(self, shop: Shop, site: Website) -> None:
        source = added("page", f"{site.url}/p")
        for number in range(1, looking.MAX_ATTEMPTS + 2):
            now = timezone.now() + number * (looking.STUCK + timedelta(seconds=1))
            looking._claim(source.pk, now=now)
        source.refresh_from_db()
        assert source.status == "failed" and "our side" in source.problem

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("kind", {"kind": "ftp"}), ("address", {"address": "nothing at all"}),
            ("pages", {"options": {"pages": 0}}), ("depth", {"options": {"depth": "deep"}}),
            ("exclude", {"options": {"exclude": "x"}}), ("refresh_hours", {"refresh_hours": -1}),
        ],
    )  # fmt: skip
    def test_bad_input_is_refused_in_words(
        self, shop: Shop, site: Website, field: str, wrong: dict[str, Any]
    ) -> None:
        right = {"kind": "site", "title": "", "address": site.url, "added_by": None, "now": timezone.now()}
        with pytest.raises(sources.Refused) as refused:
            sources.add(**{**right, **wrong})
        assert refused.value.field == field and str(refused.value)

    def test_one_place_is_one_source_and_one_name(self, shop: Shop, site: Website) -> None:
        site.page("/", text("a casa"))
        shop.add(site.url)
        with pytest.raises(sources.Refused):
            shop.add(f"{site.url}/#top")
        other = shop.add(site.url, "page")
        assert other.title == f"{site.url}/ (2)"
        with pytest.raises(sources.Refused) as refused:
            sources.change(other.pk, title=f"{site.url}/", now=timezone.now())
        assert refused.value.field == "title"
        assert sources.change(other.pk, title="Casa", refresh_hours=0, now=timezone.now())
        other.refresh_from_db()
        assert (other.title, other.due_at) == ("Casa", None)


def test_a_page_that_takes_too_much_ends_alone(
    monkeypatch: pytest.MonkeyPatch, alpha: Any, background: Background, site: Website
) -> None:
    """The child is killed, and the next page gets another."""
    extractor = extraction.Extractor()
    try:
        assert "calma" in str(extractor.read(text("a casa").encode(), url="http://x/", charset="").passages)
        running = extractor._process
        monkeypatch.setattr(extraction, "LONGEST_SECONDS", 0.3)
        endless = b"<table>" * 200 + b"<td><a href=x>" * 300_000
        with pytest.raises(extraction.TooMuch):
            extractor.read(endless, url="http://x/", charset="")
        assert running is not None and running.poll() is not None
    finally:
        extractor.close()
