"""A page of the open web as a source, and what pages and sites have in common; sites.py reads whole sites."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from knowledge import links, passages
from knowledge.extraction import Extract, Extractor, TooMuch
from knowledge.kinds import Barred, Content, Down, Gone, Listed, Reader, Refused, Skipped
from knowledge.models import Document, Source
from knowledge.passages import Passage
from knowledge.robots import Robots
from providers import web
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError, ProviderRejected
from tenants.addresses import public_url

HTML = ("text/html", "application/xhtml+xml")
# What else can be read, and the suffix by which the converter knows it.
FILES = {
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "text/csv": ".csv",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "message/rfc822": ".eml",
}
NAMELESS = ("", "application/octet-stream", "binary/octet-stream", "application/force-download")
MOST_LINKS_KEPT = 300
# What providers/web.py says, for the translators.
SAID = (
    gettext_noop("There is no page at this address."),
    gettext_noop("There is no text in this kind of file."),
    gettext_noop("It is too large to be read."),
    gettext_noop("It leads to another site."),
    gettext_noop("It redirects in circles."),
    gettext_noop("It redirects to what is no web address."),
    gettext_noop("Its content is packed in a way that is not known."),
    gettext_noop("Its content cannot be unpacked."),
    gettext_noop("The site did not answer in time."),
    gettext_noop("The site cannot be reached."),
    gettext_noop("The site is out of order."),
    gettext_noop("The site asks us to come back later."),
    gettext_noop("The site does not let us in."),
    gettext_noop("The site refuses."),
    gettext_noop("The site's robots.txt cannot be had, so nothing is read."),
    gettext_noop("The sitemap is too large."),
    gettext_noop("The sitemap cannot be read."),
)


@dataclass(frozen=True, slots=True)
class Read:
    """A page or a file that was fetched: where it was, what a page says, what is kept for the next time."""

    page: web.Page
    extract: Extract | None  # of a page
    fetched: dict[str, Any]


class WebReader(Reader):
    """Fetches politely and finds the main content; what is fetched is for the kinds below."""

    is_proof = False

    def __init__(self, source: Source, *, state: Mapping[str, Any], known: Sequence[str]) -> None:
        super().__init__(source, state=state, known=known)
        self.robots = Robots(_visitor(), dict(state.get("robots", {})))
        self.extractor = Extractor()

    def close(self) -> None:
        self.extractor.close()

    @classmethod
    def checked(cls, *, address: str, options: Mapping[str, Any], secret: str) -> tuple[str, dict[str, Any]]:
        """The address in its plain form. Raises Refused for one that must not be called."""
        typed = address.strip()
        typed = typed if "://" in typed else f"https://{typed}"
        try:
            check_outbound(typed, allow_private=names_host(typed, settings.WEB_PRIVATE_HOSTS))
        except ProviderError as error:
            raise Refused(_(str(error))) from error
        if not (plain := links.plain(typed)):
            raise Refused(_("This is no web address."))
        return plain, cls.options(options)

    @classmethod
    def options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """What may be chosen, within its bounds. Raises Refused."""
        return {}

    def get(self, url: str, known: Mapping[str, Any], *, files: bool, may_go: Any) -> Read | None:
        """Fetch one address, or None when it is as it was known. Raises as `fetch` of a reader does."""
        if not self.robots.allows(url):
            raise Barred(_("The site asks programs not to read this page (robots.txt)."))
        page = self.visitor(url).fetch(
            url,
            most_bytes=lambda kind: _most(kind, url, files=files),
            may_go=may_go,
            etag=str(known.get("etag", "")),
            modified=str(known.get("modified", "")),
            seconds=web.FILE_SECONDS if links.is_document(url) else web.PAGE_SECONDS,
        )
        if page.unchanged:
            return None
        extract = self._extracted(page) if _is_page(page.kind, url) else None
        return Read(page, extract, {"etag": page.etag, "modified": page.modified})

    def visitor(self, url: str) -> web.Visitor:
        """Us, as slowly as the site asks for."""
        return _visitor(self.robots.delay(url))

    def _extracted(self, page: web.Page) -> Extract:
        try:
            return self.extractor.read(page.body, url=page.url, charset=page.charset)
        except TooMuch as error:
            raise ProviderRejected("It is too large to be read.") from error


class PageReader(WebReader):
    """Reads the one page, or the one file, whose URL is the address."""

    def listed(self) -> Iterator[Listed]:
        yield Listed(self.known[0] if len(self.known) == 1 else self.source.address)

    def fetch(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        try:
            found = self.get(self.source.address, known, files=True, may_go=self._may_go)
        except web.Missing as missing:
            raise Gone(_(str(missing)), certain=missing.for_good) from missing
        except Barred:
            raise
        except ProviderRejected as error:
            raise Barred(str(error)) from error
        except ProviderError as error:
            raise Down(str(error), retry_after=error.retry_after) from error
        if found is None:
            return None
        if found.extract is not None and (found.extract.noindex or is_shut(found.page)):
            raise Skipped(_("The page asks programs not to keep it (noindex)."))
        return content(found, key=_key(found))

    def _may_go(self, url: str) -> bool:
        """To wherever it has moved, as long as that place lets us."""
        if not self.robots.allows(url):
            raise Barred(_("The site asks programs not to read this page (robots.txt)."))
        return True


def _key(found: Read) -> str:
    """The page's own address: as it says itself, when that is on the same site."""
    own = found.extract.canonical if found.extract is not None else ""
    return (links.of_site(own, found.page.url) if own else "") or links.plain(found.page.url)


def content(found: Read, *, key: str) -> Content:
    """The document that is made of it. Raises Skipped when there are no words in a page."""
    if found.extract is None:
        return _file(found, key)
    if not found.extract.passages:
        raise Skipped(_("There is no text on the page."))
    # Cut here, at its own headings: the converter of files takes seconds to start, and a site has many pages.
    parts = (Passage(tuple(one["heading"]), one["text"]) for one in found.extract.passages)
    body, title = passages.written(parts), found.extract.title or named(key)
    fetched = {**found.fetched, "digest": hashlib.sha256(body).hexdigest()[:16]}
    return Content(key, title, f"page{passages.SUFFIX}", body, form=Document.Form.PAGE, fetched=fetched)


def _file(found: Read, key: str) -> Content:
    suffix = FILES.get(found.page.kind) or PurePosixPath(urlsplit(found.page.url).path).suffix.lower()
    name = named(key)
    name = name if name.lower().endswith(suffix) else f"{name}{suffix}"
    return Content(key, name, name, found.page.body, form=Document.Form.FILE, fetched=found.fetched)


def named(url: str) -> str:
    """What an address is called when nothing else is known: the last part of its path, or its host."""
    parts = urlsplit(url)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    return "".join(letter for letter in last if letter.isprintable())[:200] or parts.netloc


def is_shut(page: web.Page) -> bool:
    """Whether the answer's header asks not to keep it: for everybody, or for us by name."""
    for rule in page.robots.split(","):
        name, colon, wish = rule.strip().rpartition(":")
        if wish.strip() in ("noindex", "none") and (not colon or name.strip() == web.PRODUCT.lower()):
            return True
    return False


def _is_page(kind: str, url: str) -> bool:
    return kind in HTML or (not kind and not links.is_document(url))


def _most(kind: str, url: str, *, files: bool) -> int:
    """How many bytes are taken of a kind of content: what its server calls it, or else its name."""
    if _is_page(kind, url):
        return web.PAGE_BYTES
    is_known = kind in FILES or (kind in NAMELESS and links.is_document(url))
    return int(settings.DOCUMENT_MAX_BYTES) if files and is_known else 0


def _visitor(delay: float = 0.0) -> web.Visitor:
    return web.Visitor(
        contact=settings.WEB_CONTACT_URL or public_url("/"),
        private_hosts=tuple(settings.WEB_PRIVATE_HOSTS),
        pause=max(float(settings.WEB_PAUSE_SECONDS), delay),
    )
