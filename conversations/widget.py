"""How a web chat looks, what it says first, and on which sites it may stand. No row is read here."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

HOST = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:\d{1,5})?"
)
MAX_DOMAINS = 50


def clean_domain(text: str) -> str:
    """A site as people write it, as we compare it: `https://www.Shop.example/x` is `www.shop.example`."""
    text = text.strip().lower()
    host = urlsplit(text if "//" in text else f"//{text}").netloc
    if not HOST.fullmatch(host) or len(host) > 253:
        raise ValueError("is no domain: write example.com, www.example.com or *.example.com")
    return host


Domain = Annotated[str, AfterValidator(clean_domain)]


class Widget(BaseModel):
    """The settings of one web chat. `domains` empty: any site in development, none in production."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: str = Field(default="", max_length=60)
    greeting: str = Field(default="", max_length=300)
    colour: str = Field(default="#1c5c4b", pattern=r"^#[0-9a-fA-F]{6}$")
    theme: Literal["auto", "light", "dark"] = "auto"
    position: Literal["right", "left"] = "right"
    language: Literal["auto", "pt", "en", "es", "fr"] = "auto"
    accepts_files: bool = True
    domains: list[Domain] = Field(default_factory=list, max_length=MAX_DOMAINS)
    remember_days: int = Field(default=30, ge=1, le=365)

    def look(self, *, title: str) -> dict[str, Any]:
        """What the script on the customer's page needs to draw itself; `title` where none is set."""
        shown = self.model_dump(
            include={"greeting", "colour", "theme", "position", "language", "accepts_files"}
        )
        return shown | {"title": self.title or title}

    def allows(self, origin: str, *, own: Collection[str]) -> bool:
        """Whether a page of this origin may hold the chat. Pages on our `own` hosts may: to try it there."""
        host = urlsplit(origin).netloc.lower()
        if host.partition(":")[0] in own:
            return True
        if not self.domains:
            return bool(settings.WEB_CHAT_ANY_ORIGIN)
        return any(_fits(host, domain) for domain in self.domains)


def _fits(host: str, domain: str) -> bool:
    """`*.` stands for one or more names before, never for none."""
    return host.endswith(domain[1:]) if domain.startswith("*.") else host == domain
