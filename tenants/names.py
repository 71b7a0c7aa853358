"""The address of a business: a word that is safe as a host name and as the name of its schema."""

import re
import unicodedata

from django.utils.translation import gettext as _

MIN_LENGTH, MAX_LENGTH = 3, 40
_SHAPE = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*")
RESERVED = frozenset({
    "account", "accounts", "admin", "api", "app", "apps", "assets", "auth", "beat", "billing", "blog",
    "cdn", "chat", "dashboard", "dev", "docs", "email", "ftp", "health", "help", "hooks", "host", "imap",
    "information-schema", "internal", "live", "localhost", "login", "logout", "mail", "media", "metrics",
    "news", "ns1", "ns2", "pop", "postgres", "public", "root", "security", "signin", "signup", "smtp",
    "staging", "static", "status", "support", "system", "template", "templates", "webhook", "webhooks",
    "webmail", "websocket", "worker", "www",
})  # fmt: skip


class InvalidName(ValueError):
    """The address cannot be used; the message says why, for a person."""


class NameTaken(InvalidName):
    """Another business has this address."""


def check_slug(slug: str) -> str:
    """The address itself when it may be one; raises InvalidName with the reason otherwise."""
    if not MIN_LENGTH <= len(slug) <= MAX_LENGTH:
        raise InvalidName(
            _("An address has %(low)s to %(high)s characters.") % {"low": MIN_LENGTH, "high": MAX_LENGTH}
        )
    if not _SHAPE.fullmatch(slug):
        raise InvalidName(
            _("An address has small letters a to z, digits and single hyphens, and begins with a letter.")
        )
    if slug.startswith(("pg-", "xn--")) or slug in RESERVED:
        raise InvalidName(_("The address “%(slug)s” is kept for the system.") % {"slug": slug})
    return slug


def schema_of(slug: str) -> str:
    """The schema of an address. A slug has no underscore, so two slugs never share one."""
    return check_slug(slug).replace("-", "_")


def suggest(name: str) -> str:
    """An address made from a business's name: "Clínica Aurora" gives "clinica-aurora"; "" when none fits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789").rstrip("-")
    slug = words[:MAX_LENGTH].rstrip("-")
    try:
        return check_slug(slug)
    except InvalidName:
        return ""
