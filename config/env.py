"""Read the environment, or fail at start with a sentence that says what to set."""

import json
import os
import secrets
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
REQUIRED_IN_PRODUCTION = {
    "SECRET_KEY": "a long random text that signs sessions",
    "DATABASE_URL": "postgresql://user:password@host:5432/name",
    "REDIS_URL": "redis://:password@host:6379/0",
    "BASE_DOMAIN": "the domain below which every business has its host",
}
SCHEMES = {
    "DATABASE_URL": ("postgres", "postgresql"),
    "REDIS_URL": ("redis", "rediss", "unix"),
    "CELERY_BROKER_URL": ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp", "memory"),
    "EMAIL_URL": ("smtp", "smtps", "file", "console"),
}
# Addresses that fail at once, and whose error message says why.
NO_DATABASE = "postgresql:///frontdesk?host=/frontdesk-is-not-started"
NO_REDIS = "unix:///frontdesk-is-not-started/redis.sock"

Email = tuple[str, str, int, str, str, bool]


def text(name: str, default: str = "") -> str:
    """The variable without surrounding space; unset and empty are the same."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int) -> int:
    """The variable as a whole number."""
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def number(name: str, default: float) -> float:
    """The variable as a decimal number."""
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None


def decimals(name: str) -> dict[str, Decimal]:
    """The variable as positive numbers by name: "brl=5.40 eur=0.92"."""
    found = {}
    for part in text(name).lower().replace(",", " ").split():
        key, _equals, value = part.partition("=")
        try:
            found[key] = Decimal(value)
        except InvalidOperation:
            found[key] = Decimal(0)
        if not (key and found[key].is_finite() and found[key] > 0):
            raise ImproperlyConfigured(f"{name} must look like brl=5.40 eur=0.92, not {part!r}.")
    return found


def flag(name: str, default: bool = False) -> bool:
    """The variable as yes or no."""
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")
    return default


def url(name: str, default: str = "") -> str:
    """The variable as a URL; its scheme must be one that this setting knows."""
    value = text(name, default)
    known = SCHEMES.get(name, ("http", "https"))
    if value and urlsplit(value).scheme not in known:
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(known)}://.")
    return value


@cache
def production() -> bool:
    """Whether this is a production process; refuses to be one while settings are missing."""
    name = text("FRONTDESK_ENV", "development")
    if name not in ("development", "production"):
        raise ImproperlyConfigured(f"FRONTDESK_ENV must be development or production, not {name!r}.")
    missing = [key for key in REQUIRED_IN_PRODUCTION if not text(key)]
    if name == "production" and missing:
        wanted = "; ".join(f"{key} ({REQUIRED_IN_PRODUCTION[key]})" for key in missing)
        raise ImproperlyConfigured(f"FRONTDESK_ENV=production needs these settings: {wanted}.")
    return name == "production"


def data_dir() -> Path:
    """The folder of everything that this installation writes to disk."""
    return Path(text("FRONTDESK_DATA", str(BASE_DIR / ".data"))).expanduser().absolute()


def services() -> dict[str, str]:
    """URLs of the embedded servers that run now: database_url, redis_url; empty when none was started."""
    try:
        return json.loads((data_dir() / "services.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}


def database_url() -> str:
    """DATABASE_URL, or the embedded server's."""
    return url("DATABASE_URL") or services().get("database_url") or NO_DATABASE


def redis_url() -> str:
    """REDIS_URL, or the embedded server's."""
    return url("REDIS_URL") or services().get("redis_url") or NO_REDIS


def broker_url() -> str:
    """CELERY_BROKER_URL, or the Redis URL in the words that Celery knows."""
    value = url("CELERY_BROKER_URL") or redis_url()
    return value.replace("unix://", "redis+socket://", 1) if value.startswith("unix://") else value


def database() -> dict[str, Any]:
    """The database URL as a Django setting; what follows its question mark becomes OPTIONS."""
    parts = urlsplit(database_url())
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def secret_key() -> str:
    """SECRET_KEY, or one made once and kept, readable by its owner only, in the data folder."""
    if production() or text("SECRET_KEY"):
        return text("SECRET_KEY")
    path = data_dir() / "secret_key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def email() -> Email:
    """EMAIL_URL as backend, host, port, user, password, TLS; without it mail becomes files in development."""
    parts = urlsplit(url("EMAIL_URL", "smtp://localhost:25" if production() else "file:"))
    if parts.scheme in ("file", "console"):
        return f"django.core.mail.backends.{_BACKENDS[parts.scheme]}.EmailBackend", "", 0, "", "", False
    return ("django.core.mail.backends.smtp.EmailBackend", *_smtp(parts))


_BACKENDS = {"file": "filebased", "console": "console"}


def _smtp(parts: SplitResult) -> tuple[str, int, str, str, bool]:
    tls = parts.scheme == "smtps" or dict(parse_qsl(parts.query)).get("tls", "") in ("1", "true", "yes")
    port = parts.port or (587 if tls else 25)
    return (
        parts.hostname or "localhost",
        port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        tls,
    )


def _write_once(path: Path, value: str) -> None:
    """Create the file whole; when another process was first, its value stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(value)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
