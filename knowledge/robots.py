"""What a site lets programs read, by its robots.txt: asked once a look, and kept with it."""

from urllib.parse import urlsplit

from protego import Protego

from providers.errors import ProviderError, ProviderRejected
from providers.web import PRODUCT, Visitor

MOST_BYTES = 500 * 2**10  # as RFC 9309 asks of readers; the rest is not looked at
LONGEST_DELAY = 10.0  # seconds between two requests, whatever a site asks for


class Robots:
    """The rules of each host, by its own file. No file, or one that we may not read: all is allowed."""

    def __init__(self, visitor: Visitor, kept: dict[str, str]) -> None:
        self._visitor, self.kept = visitor, kept  # kept: the files by their hosts
        self._rules: dict[str, Protego] = {}

    def allows(self, url: str) -> bool:
        """Raises ProviderError while the file cannot be had: then nothing may be read."""
        return bool(self._of(url).can_fetch(url, PRODUCT))

    def delay(self, url: str) -> float:
        """Seconds between two requests that the host asks for, within a bound."""
        return min(max(self._of(url).crawl_delay(PRODUCT) or 0.0, 0.0), LONGEST_DELAY)

    def sitemaps(self, url: str) -> list[str]:
        return [str(one) for one in self._of(url).sitemaps]

    def _of(self, url: str) -> Protego:
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._rules:
            if host not in self.kept:
                self.kept[host] = self._fetch(host)
            self._rules[host] = Protego.parse(self.kept[host])
        return self._rules[host]

    def _fetch(self, host: str) -> str:
        try:
            page = self._visitor.fetch(f"{host}/robots.txt", most_bytes=lambda kind: MOST_BYTES, cut=True)
        except ProviderRejected:
            return ""  # what is wrong with the host itself is said when its pages are asked for
        except ProviderError as error:
            raise ProviderError(
                "The site's robots.txt cannot be had, so nothing is read.", retry_after=error.retry_after
            ) from error
        return page.body.decode("utf-8-sig", "replace").replace("\x00", "")
