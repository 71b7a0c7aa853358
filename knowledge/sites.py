"""A site of the open web as a source: the pages that its sitemap names, or those that its pages lead to."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from knowledge import links, sitemaps
from knowledge.kinds import Barred, Content, Down, Gone, Listed, Refused, Skipped
from knowledge.models import Source
from knowledge.pages import MOST_LINKS_KEPT, Read, WebReader, content, is_shut
from providers import web
from providers.errors import ProviderError, ProviderRejected

PAGES, MOST_PAGES = 200, 2000
DEPTH, MOST_DEPTH = 3, 10
MOST_EXCLUDED = 50
MOST_SITEMAPS = 50
SITEMAP_SECONDS = 90.0  # for all of them
FOUND_PER_PAGE = 5  # addresses that are remembered for each page that may be read
FETCHED_PER_PAGE = 3  # pages that are fetched for each one that may be kept


class SiteReader(WebReader):
    """Reads the site whose first page is the address.

    Options: pages (1 to 2000 documents), depth (0 to 10 links from the first page), files (whether documents
    that the site links to are read), exclude (paths whose pages are left out). The depth is for sites
    without a sitemap.
    """

    def __init__(self, source: Source, *, state: Mapping[str, Any], known: Sequence[str]) -> None:
        super().__init__(source, state=state, known=known)
        chosen = self.options(source.options)
        self._pages, self._depth = int(chosen["pages"]), int(chosen["depth"])
        self._files = bool(chosen["files"])
        self._judge = links.Judge(files=self._files, exclude=tuple(chosen["exclude"]))
        self._home = str(state.get("home", ""))  # an address of the site as the site writes it
        self._is_mapped = bool(state.get("mapped"))  # its sitemaps were looked for
        self._crawls = bool(state.get("crawls", True))
        self._queue: list[tuple[str, int]] = [(url, depth) for url, depth in state.get("queue", [])]
        self._next = int(state.get("next", 0))
        self._tried = set(state.get("tried", []))  # failed once, and are asked again at the end
        self._digests: dict[str, str] = dict(state.get("digests", {}))
        self._fetched, self._new = int(state.get("fetched", 0)), int(state.get("new", 0))
        self.complete = bool(state.get("complete", True))
        self._found = dict(self._queue)
        self._known = set(known)

    @classmethod
    def options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        exclude = options.get("exclude") or []
        if not isinstance(exclude, list) or len(exclude) > MOST_EXCLUDED:
            raise Refused(_("Leave out at most 50 paths."), field="exclude")
        return {
            "pages": _number(options, "pages", PAGES, 1, MOST_PAGES),
            "depth": _number(options, "depth", DEPTH, 0, MOST_DEPTH),
            "files": bool(options.get("files", False)),
            "exclude": [f"/{str(path).strip().lstrip('/')}"[:200] for path in exclude if str(path).strip()],
        }

    def state(self) -> dict[str, Any]:
        return {
            "robots": self.robots.kept, "home": self._home, "mapped": self._is_mapped, "crawls": self._crawls,
            "queue": self._queue, "next": self._next, "tried": sorted(self._tried), "digests": self._digests,
            "fetched": self._fetched, "new": self._new, "complete": self.complete,
        }  # fmt: skip

    # -- which pages there are

    def listed(self) -> Iterator[Listed]:
        if not self._queue:
            self._found[self.source.address] = 0
            self._queue.append((self.source.address, 0))
        if not self._home:
            yield Listed(self.source.address)  # which says what the site calls itself
            self._next = 1
        if not self._is_mapped:
            self._map()
        while self._next < len(self._queue):
            url, _depth = self._queue[self._next]
            self._next += 1
            if self._is_wanted(url):
                yield Listed(url)
        if not self.complete:
            yield from self._unreached()

    def _is_wanted(self, url: str) -> bool:
        """Whether there is room for it; a page that has a document is always looked at again."""
        if not self.robots.allows(url):
            return False
        if url in self._known:
            return True
        if self._new + len(self._known) < self._pages and self._fetched < self._pages * FETCHED_PER_PAGE:
            return True
        self.complete = False
        return False

    def _unreached(self) -> Iterator[Listed]:
        """Pages that have documents and that a shortened look has not come by."""
        for url in sorted(self._known - set(self._found)):
            if self._judge.may(url) and self.robots.allows(url):
                yield Listed(url)

    def _add(self, url: str, depth: int, *, is_named: bool = False) -> None:
        """Remember an address of this site; `is_named` by the site's own map, which knows no traps."""
        own = links.of_site(url, self._home)
        if not own or own in self._found:
            return
        if not (self._judge.may(own) if is_named else self._judge.follows(own)):
            return
        if len(self._found) >= max(self._pages * FOUND_PER_PAGE, 100):
            self.complete = False
            return
        self._found[own] = depth
        self._queue.append((own, depth))

    def ahead(self) -> int:
        return max(min(len(self._queue), self._pages) - self._next, 0)

    # -- sitemaps

    def _map(self) -> None:
        """Take the pages that the site's own maps name; with none, its pages lead from one to the other."""
        named = self._named()
        self._is_mapped = True
        if len(named) < 2:
            return
        self._crawls = False
        self._forget_links()
        for url in sorted(named, key=lambda one: links.of_site(one, self._home) not in self._known):
            self._add(url, 0, is_named=True)

    def _forget_links(self) -> None:
        """What the first page leads to is on the map, or is not meant to be found; but for its files."""
        ahead = [(url, depth) for url, depth in self._queue[self._next :] if links.is_document(url)]
        self._queue = self._queue[: self._next] + ahead
        self._found = dict(self._queue)

    def _named(self) -> list[str]:
        robots = [url for url in self.robots.sitemaps(self._home) if links.of_site(url, self._home)]
        waiting = robots or [f"{self._origin}/sitemap.xml", f"{self._origin}/sitemap_index.xml"]
        asked: set[str] = set()
        named: dict[str, None] = {}
        ends = time.monotonic() + SITEMAP_SECONDS
        while waiting and len(asked) < MOST_SITEMAPS and time.monotonic() < ends:
            url = waiting.pop(0)
            if url in asked:
                continue
            asked.add(url)
            found = self._sitemap(url)
            named.update(dict.fromkeys(found.pages))
            waiting += [one for one in found.more if links.of_site(one, self._home)]
            self.complete &= found.whole
            if not robots and found.pages + found.more:
                waiting = [one for one in waiting if not one.endswith("/sitemap_index.xml")]
        self.complete &= not waiting
        return list(named)

    def _sitemap(self, url: str) -> sitemaps.Sitemap:
        """One file; one that fails for now makes the look a partial one."""
        visitor = self.visitor(url)
        try:
            page = visitor.fetch(url, most_bytes=lambda kind: sitemaps.MOST_BYTES, may_go=self._is_here)
            return sitemaps.parsed(page.body)
        except (web.Missing, web.Elsewhere):
            return sitemaps.Sitemap()
        except ProviderRejected:
            return sitemaps.Sitemap()  # a page in its place, or what is none
        except ProviderError:
            return sitemaps.Sitemap(whole=False)

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._home)
        return f"{parts.scheme}://{parts.netloc}"

    def _is_here(self, url: str) -> bool:
        return bool(links.of_site(url, self._home)) and self.robots.allows(url)

    # -- one page

    def fetch(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        if not self._home:
            return self._first(item, known)
        self._fetched += 1
        depth = self._found.get(item.key, 0)
        try:
            found = self.get(item.key, known, files=self._files, may_go=self._is_here)
        except web.Missing as missing:
            raise Gone(certain=missing.for_good) from missing
        except (web.Elsewhere, web.Unwanted) as error:
            raise Skipped from error
        except ProviderRejected:
            raise
        except ProviderError as error:
            if self._again(item.key, depth) and error.retry_after:
                raise Down(str(error), retry_after=error.retry_after) from error
            raise
        return self._taken(item, found, known, depth)

    def _first(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        """The first page: without it there is no site, so nothing is known of the others."""
        try:
            found = self.get(item.key, known, files=self._files, may_go=self.robots.allows)
        except Barred:
            raise
        except ProviderRejected as error:
            raise Barred(str(error)) from error
        except ProviderError as error:
            raise Down(str(error), retry_after=error.retry_after) from error
        self._home = links.plain(found.page.url if found is not None else item.key)
        self._fetched += 1
        return self._taken(item, found, known, 0)

    def _again(self, url: str, depth: int) -> bool:
        """Once more at the end of this look; False when this was that."""
        if url in self._tried:
            return False
        self._tried.add(url)
        self._queue.append((url, depth))
        return True

    def _taken(
        self, item: Listed, found: Read | None, known: Mapping[str, Any], depth: int
    ) -> Content | None:
        """What the page holds, after its links were remembered."""
        if found is None:
            self._follow(known.get("links", []), depth)
            self._digests.setdefault(str(known.get("digest", "")), item.key)
            return None
        led = self._led(found)
        self._follow(led, depth)
        key = links.of_site(found.page.url, self._home) or links.plain(found.page.url)
        self._refuse(found, key)
        taken = content(found, key=key)
        self._refuse_twin(taken)
        self._found.setdefault(key, depth)
        self._new += key not in self._known
        kept = {**taken.fetched, "links": led} if self._crawls else taken.fetched
        return Content(taken.key, taken.title, taken.name, taken.body, form=taken.form, fetched=kept)

    def _led(self, found: Read) -> list[str]:
        """The addresses of this site that the page leads to."""
        if found.extract is None or found.extract.nofollow:
            return []
        here = (links.of_site(link, self._home) for link in found.extract.links)
        return list(dict.fromkeys(link for link in here if link))[:MOST_LINKS_KEPT]

    def _follow(self, led: Sequence[str], depth: int) -> None:
        for link in led:
            # What is linked as a file is a part of the page that links it, however deep that is.
            is_file = self._files and links.is_document(link)
            if is_file or (self._crawls and depth < self._depth):
                self._add(link, depth + 1)

    def _refuse(self, found: Read, key: str) -> None:
        """Leave out what asks for it, and what says that it is another page's copy."""
        if is_shut(found.page) or (found.extract is not None and found.extract.noindex):
            raise Skipped
        own = links.of_site(found.extract.canonical, self._home) if found.extract is not None else ""
        if own and own != key:
            self._add(own, self._found.get(key, 0), is_named=True)
            raise Skipped

    def _refuse_twin(self, taken: Content) -> None:
        """The same text under a second address of this look: a calendar, a session, a copy."""
        if (digest := str(taken.fetched.get("digest", ""))) and self._digests.setdefault(
            digest, taken.key
        ) != taken.key:
            raise Skipped


def _number(options: Mapping[str, Any], name: str, usual: int, least: int, most: int) -> int:
    try:
        found = int(options.get(name, usual))
    except (TypeError, ValueError):
        found = least - 1
    if not least <= found <= most:
        raise Refused(
            _("Choose a number from %(least)s to %(most)s.") % {"least": least, "most": most}, field=name
        )
    return found
