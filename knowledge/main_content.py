"""What a web page says, without its menus, in a process of its own: `python -m knowledge.main_content`.

Reads requests from its standard input, each a line of JSON {"url", "charset", "bytes"} and then so many bytes
of HTML; answers each with a line of JSON, see `answer`. Imports no Django and no database, opens no socket.
"""

import ctypes
import html
import json
import re
import resource
import signal
import sys
from copy import deepcopy
from typing import Any
from urllib.parse import urljoin

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, document_fromstring, tostring
from trafilatura.meta import reset_caches

from knowledge import outline

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 60
MOST_LINKS = 2000
LEAST_TEXT = 80  # letters: a page with less main content is taken whole, without its menus
LEAST_SHARE = 0.3  # of the letters of the whole
NAME = "frontdesk"
_FURNITURE = (
    "//script|//style|//noscript|//template|//svg|//iframe|//form|//nav|//header|//footer|//aside|//button|//select"
    "|//*[@hidden]|//*[@aria-hidden='true']|//*[@role='navigation' or @role='banner' or @role='contentinfo']"
)
_SAID = re.compile(rb"<meta[^>]+charset=[\"'\s]*([\w-]{1,40})", re.IGNORECASE)
_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")
_KEPT = ("href", "colspan", "rowspan")
_NO_CONTENT = frozenset((
    "footer", "site-footer", "cookie", "cookies", "cookie-banner", "cookie-notice", "breadcrumb", "share",
    "breadcrumbs", "sidebar", "comments", "comment-list", "related", "related-posts", "social", "skip-link",
))  # fmt: skip
_REFRESH = re.compile(r"url\s*=\s*[\"']?([^\"'>\s]+)", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_HEADING = re.compile(r"<h[2-6]\b")
_BLOCK = re.compile(r"<(?:p|li|tr|h[2-6])\b")
_FIGURE = re.compile(r"\S*\d\S*")


def main() -> None:
    """Answer until the input ends."""
    _limit()
    asked, said = sys.stdin.buffer, sys.stdout
    while line := asked.readline():
        request = json.loads(line)
        body = asked.read(request["bytes"])
        said.write(json.dumps(answer(body, url=request["url"], charset=request["charset"])) + "\n")
        said.flush()
        reset_caches()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody would read what we print


def answer(body: bytes, *, url: str, charset: str) -> dict[str, Any]:
    """As `read`, with "passages" [{"heading", "text"}] in place of "html"."""
    said = read(body, url=url, charset=charset)
    content = said.pop("html")
    return {
        **said,
        "passages": outline.passages(document_fromstring(content).find("body")) if content else [],
    }


def read(body: bytes, *, url: str, charset: str) -> dict[str, Any]:
    """{"title", "canonical", "noindex", "nofollow", "links", "html"}; no `html` is a page without text."""
    tree = _tree(_decoded(body, charset))
    if tree is None:
        return {"title": "", "canonical": "", "noindex": False, "nofollow": False, "links": [], "html": ""}
    base, wishes = _base(tree, url), _wishes(tree)
    title = _title(tree)
    return {
        "title": title,
        "canonical": _canonical(tree, base),
        "noindex": bool(wishes & {"noindex", "none"}),
        "nofollow": bool(wishes & {"nofollow", "none"}),
        "links": _links(tree, base),
        "html": _content(tree, url=url, title=title),
    }


def _tree(text: str) -> HtmlElement | None:
    try:
        return document_fromstring(text.replace("\x00", ""))
    except (etree.ParserError, etree.XMLSyntaxError):
        return None  # there is nothing in it


def _decoded(body: bytes, charset: str) -> str:
    """Text, by what the server says, what the page says, or what it can only be."""
    said = _SAID.search(body[:2048])
    for name in (charset, said[1].decode("ascii") if said else "", "utf-8"):
        try:
            text = body.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
        return _DECLARATION.sub("", text, count=1)
    return body.decode("cp1252", "replace")


def _base(tree: HtmlElement, url: str) -> str:
    return _joined(url, next(iter(tree.xpath("//base/@href")), "")) or url


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""  # no address


def _wishes(tree: HtmlElement) -> set[str]:
    """What the page asks of programs that read it."""
    found: set[str] = set()
    for meta in tree.xpath("//meta[@name and @content]"):
        if meta.get("name").strip().lower() in ("robots", NAME):
            found |= set(re.split(r"[\s,]+", meta.get("content").lower()))
    return found


def _canonical(tree: HtmlElement, base: str) -> str:
    for link in tree.xpath("//link[@rel and @href]"):
        if "canonical" in link.get("rel").lower().split():
            return _joined(base, link.get("href"))
    return ""


def _links(tree: HtmlElement, base: str) -> list[str]:
    found: dict[str, None] = dict.fromkeys(_joined(base, url) for url in _moved(tree))
    for link in tree.xpath("//a[@href]|//area[@href]"):
        if "nofollow" not in (link.get("rel") or "").lower().split():
            found[_joined(base, link.get("href"))] = None
        if len(found) >= MOST_LINKS:
            break
    return [one for one in found if one.startswith(("http://", "https://"))]


def _moved(tree: HtmlElement) -> list[str]:
    """Where the page itself sends its reader on to."""
    refresh = [one.get("content") for one in tree.xpath("//meta[@http-equiv and @content]")
               if one.get("http-equiv").strip().lower() == "refresh"]  # fmt: skip
    return [found[1] for found in map(_REFRESH.search, refresh) if found]


def _title(tree: HtmlElement) -> str:
    for path in ("//head/title", "//title", "//h1", "//meta[@property='og:title']/@content"):
        for one in tree.xpath(path):
            if text := _plain(one if isinstance(one, str) else one.text_content()):
                return text[:200]
    return ""


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _content(tree: HtmlElement, *, url: str, title: str) -> str:
    """The main content as HTML with its headings, lists and tables; empty when there are no words."""
    heading = _plain(next((one.text_content() for one in tree.xpath("//h1")), "")) or title
    _mark_questions(tree)
    found = trafilatura.extract(
        deepcopy(tree), url=url, output_format="html", include_comments=False, include_tables=True,
        include_links=False, include_images=False, include_formatting=True, favor_recall=True,
        with_metadata=False,
    )  # fmt: skip
    inside = _better(_inside(found or ""), _whole(tree), is_article=_is_article(tree))
    if not _words(inside):
        return ""
    if "<h1" not in inside:
        inside = f"<h1>{html.escape(heading)}</h1>\n{inside}" if heading else inside
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>\n'
        f"<body>{inside}</body></html>\n"
    )


def _mark_questions(tree: HtmlElement) -> None:
    """What is clicked to unfold an answer is its heading; as a button it would be taken for furniture."""
    for button in tree.xpath("//h1//button|//h2//button|//h3//button|//h4//button|//h5//button|//h6//button"):
        button.drop_tag()
    for one in tree.xpath("//summary|//button[@aria-expanded or @aria-controls or @data-bs-target]"):
        if not one.xpath(".//h2|.//h3|.//h4|.//h5|ancestor::nav|ancestor::header"):
            one.tag = "h3"
    for one in tree.xpath("//details"):
        one.tag = "div"
    for one in tree.xpath("//button[contains(@class, 'accordion') or contains(@class, 'faq')]"):
        one.tag = "h3"


def _inside(document: str) -> str:
    return document.partition("<body>")[2].rpartition("</body>")[0].strip()


def _better(main: str, whole: str, *, is_article: bool) -> str:
    """The main content, unless it lost what customers ask for: prices, hours, numbers, or the structure."""
    kept, all_of_it = _words(main), _words(whole)
    if len(kept) < LEAST_TEXT or len(kept) < LEAST_SHARE * len(all_of_it):
        return whole
    if is_article:
        return main  # what else has figures there are other articles
    figures = set(_FIGURE.findall(all_of_it))
    if 10 * len(figures - set(_FIGURE.findall(kept))) > len(figures):
        return whole
    headings, blocks = (len(one.findall(whole)) for one in (_HEADING, _BLOCK))
    is_flat = blocks > 1 and len(_BLOCK.findall(main)) <= 0.5 * blocks
    return whole if is_flat or len(_HEADING.findall(main)) < 0.75 * headings else main


def _is_article(tree: HtmlElement) -> bool:
    kinds = tree.xpath("//meta[@property='og:type']/@content")
    return any(kind.strip().lower() == "article" for kind in kinds) or len(tree.xpath("//article")) == 1


def _words(inside: str) -> str:
    return _plain(html.unescape(_TAG.sub(" ", inside)))


def _whole(tree: HtmlElement) -> str:
    """Everything in the page's main part, or in its body, but for the furniture."""
    whole = deepcopy(tree)
    for one in whole.xpath(_FURNITURE):
        one.drop_tree()
    etree.strip_elements(whole, etree.Comment, etree.ProcessingInstruction, with_tail=False)
    mains = whole.xpath("//main|//*[@role='main']")
    body = mains[0] if len(mains) == 1 else whole.find("body")
    if body is None:
        return ""
    _drop_menus(body)
    for one in body.iter():
        for name in [name for name in one.attrib if name not in _KEPT]:
            del one.attrib[name]
    inside = "".join(tostring(one, encoding="unicode") for one in body)
    return f"{html.escape(body.text or '')}{inside}".strip()


def _drop_menus(body: HtmlElement) -> None:
    """Blocks that are links and little else, and those whose name says that they are no content."""
    for one in list(body.iter("div", "ul", "ol", "section", "p", "table")):
        if one.getparent() is None or one is body:
            continue
        names = set(f"{one.get('class', '')} {one.get('id', '')}".lower().split())
        links = one.xpath(".//a")
        linked = sum(len(_plain(link.text_content())) for link in links)
        if names & _NO_CONTENT or (len(links) >= 3 and linked > 0.7 * len(_plain(one.text_content()))):
            one.drop_tree()


if __name__ == "__main__":
    main()
