"""Addresses within one site: written one way, and which of them are followed. No network, no Django."""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

LONGEST = 500
MOST_SEGMENTS = 12
MOST_PARAMETERS = 4
MOST_OF_A_PATH = 100  # addresses that differ in what follows the question mark
MOST_DATES = 40  # addresses of a site that are days or months of a calendar
# What says who comes and from where, not what is shown.
_TRACKING = re.compile(
    r"^(utm_.*|gclid|gbraid|wbraid|fbclid|msclkid|dclid|yclid|igshid|mc_cid|mc_eid|_ga|_gl|ref_src|srsltid"
    r"|(php|j|asp\.?net_?)?sess?(ion)?_?id|sid|cfid|cftoken|zenid|oscsid)$",
    re.IGNORECASE,
)
# What does something, or shows the same in another order.
_ACTIONS = re.compile(
    r"^(add[-_]to[-_](cart|wishlist)|replytocom|share|print|order(by|_by)?|sort(by|_by)?|action"
    r"|redirect(_to)?|return(_?url)?|ical|outlook-ical|quantity|remove_item|filter_.*|min_price|max_price)$",
    re.IGNORECASE,
)
_CALENDAR = re.compile(
    r"^(year|month|day|date|ano|mes|dia|data|fecha|tribe-bar-date|eventdate)$", re.IGNORECASE
)
_DATED = re.compile(r"/(19|20)\d\d[/-]\d{1,2}([/-]\d{1,2})?/?$")  # an archive, not what is filed in it
_SESSION_IN_PATH = re.compile(r";(jsessionid|phpsessid|sid)=[^/?;]*", re.IGNORECASE)
_SUFFIX = re.compile(r"\.([a-z0-9]{2,5})$", re.IGNORECASE)
DOCUMENTS = frozenset(("pdf", "docx", "pptx", "xlsx", "csv", "txt", "md", "eml"))
# Whatever else a link may lead to is no text.
_OTHER = re.compile(
    r"jpe?g|png|gif|webp|svg|ico|bmp|tiff?|avif|heic|psd|ai|eps|swf"
    r"|mp[34]|m4[av]|wav|og[gav]|webm|mov|avi|mkv|wmv"
    r"|css|m?js|map|json|xml|rss|atom|ics|vcf|kml|kmz|gpx|woff2?|ttf|otf|eot"
    r"|zip|rar|t?gz|bz2|xz|7z|exe|msi|dmg|pkg|apk|iso|bin|jar|torrent"
    r"|doc|xls|ppt|rtf|od[tsp]|epub|mobi"
)


def plain(url: str) -> str:
    """One of all spellings of an address: no fragment, no trackers, sorted parameters. "": it is none."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host or parts.username is not None:
        return ""
    is_usual = port in (None, 80 if scheme == "http" else 443)
    shown = f"[{host}]" if ":" in host else host.rstrip(".")
    where = shown if is_usual else f"{shown}:{port}"
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)]
    return urlunsplit((scheme, where, _path(parts.path), urlencode(sorted(pairs)), ""))


def _path(path: str) -> str:
    """Without session ids, `.`, `..` and doubled slashes, and with the same letters written the same way."""
    kept: list[str] = []
    path = _SESSION_IN_PATH.sub("", path)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for part in parts:
        if part == "..":
            kept[-1:] = []
        else:
            kept.append(quote(unquote(part), safe="!$&'()*+,;=:@~-._"))
    ends = "/" if path.endswith(("/", "/.", "/..")) and kept else ""
    return "/" + "/".join(kept) + ends


def place(url: str) -> tuple[str, int | None]:
    """What two addresses of one site share: the host without www, and a port that is not the usual."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    return host.removeprefix("www."), None if parts.port in (None, 80, 443) else parts.port


def of_site(url: str, site: str) -> str:
    """The plain address as the site writes it, http or https, with www or without; "": it is elsewhere."""
    found = plain(url)
    if not found or place(found) != place(site):
        return ""
    parts, home = urlsplit(found), urlsplit(site)
    return urlunsplit((home.scheme, home.netloc.lower(), parts.path, parts.query, ""))


def suffix(url: str) -> str:
    """The end of its file name, in small letters without the dot; "" when it has none."""
    found = _SUFFIX.search(urlsplit(url).path)
    return found[1].lower() if found else ""


def is_document(url: str) -> bool:
    return suffix(url) in DOCUMENTS


class Judge:
    """Which addresses of a site are worth a visit; counts those that may go on for ever."""

    def __init__(self, *, files: bool, exclude: tuple[str, ...] = ()) -> None:
        self._files, self._exclude = files, exclude
        self._of_path: dict[str, int] = {}
        self._dates = 0

    def follows(self, url: str) -> bool:
        """Whether a link to this plain address is followed; asked once for each address."""
        return self.may(url) and not self._is_trap(url)

    def may(self, url: str) -> bool:
        """Whether it may be read at all, as far as the address tells."""
        parts = urlsplit(url)
        if len(url) > LONGEST or any(parts.path.startswith(start) for start in self._exclude):
            return False
        kind = suffix(url)
        return not _OTHER.fullmatch(kind) and (self._files or kind not in DOCUMENTS)

    def _is_trap(self, url: str) -> bool:
        parts = urlsplit(url)
        segments = [segment for segment in parts.path.split("/") if segment]
        if len(segments) > MOST_SEGMENTS or any(segments.count(one) > 2 for one in segments):
            return True
        names = [name for name, _value in parse_qsl(parts.query, keep_blank_values=True)]
        if len(names) > MOST_PARAMETERS or any(_ACTIONS.match(name) for name in names):
            return True
        if _DATED.search(parts.path) or any(_CALENDAR.match(name) for name in names):
            self._dates += 1
            return self._dates > MOST_DATES
        if not names:
            return False
        self._of_path[parts.path] = self._of_path.get(parts.path, 0) + 1
        return self._of_path[parts.path] > MOST_OF_A_PATH
