"""The environment: read, or refused with a sentence."""

import json
import stat

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture(autouse=True)
def empty(monkeypatch, tmp_path):
    """An environment in which nothing is set, and a data folder in which nothing is."""
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "SECRET_KEY",
        "FRONTDESK_ENV",
        "EMAIL_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path / "data"))
    env.production.cache_clear()
    yield
    env.production.cache_clear()


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (lambda: env.integer("PORT", 1), "80a", "PORT must be a whole number, not '80a'."),
        (lambda: env.number("PORT", 1), "x", "PORT must be a number, not 'x'."),
        (lambda: env.flag("PORT"), "maybe", "PORT must be yes or no, not 'maybe'."),
        (lambda: env.url("PORT"), "ftp://x", "PORT must be a URL that starts with http or https://."),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, read, value, sentence):
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ImproperlyConfigured, match=sentence.replace(".", r"\.")):
        read()


def test_empty_is_unset(monkeypatch):
    monkeypatch.setenv("PORT", " ")
    assert (env.text("PORT", "x"), env.integer("PORT", 3), env.flag("PORT", True)) == ("x", 3, True)


def test_production_names_everything_that_is_missing(monkeypatch):
    monkeypatch.setenv("FRONTDESK_ENV", "production")
    monkeypatch.setenv("SECRET_KEY", "x")
    with pytest.raises(ImproperlyConfigured) as refused:
        env.production()
    said = str(refused.value)
    assert all(name in said for name in ("DATABASE_URL", "REDIS_URL", "BASE_DOMAIN"))
    assert "SECRET_KEY" not in said


def test_an_unknown_environment_is_refused(monkeypatch):
    monkeypatch.setenv("FRONTDESK_ENV", "prod")
    with pytest.raises(ImproperlyConfigured, match="development or production"):
        env.production()


def test_the_secret_key_is_made_once_and_private():
    key = env.secret_key()
    assert len(key) > 40
    assert env.secret_key() == key
    assert stat.S_IMODE((env.data_dir() / "secret_key").stat().st_mode) == 0o600


def test_a_database_url_becomes_a_setting(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://u%40x:p%2Fw@db.example:6543/front%2Ddesk?sslmode=require")
    assert env.database() == {
        "NAME": "front-desk",
        "USER": "u@x",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "require"},
    }


def test_without_urls_the_embedded_servers_are_used():
    env.data_dir().mkdir()
    known = {"database_url": "postgresql://a:b@127.0.0.1:1/c", "redis_url": "redis://:x@127.0.0.1:2/0"}
    (env.data_dir() / "services.json").write_text(json.dumps(known))
    assert env.database()["PORT"] == "1"
    assert env.broker_url() == env.redis_url() == known["redis_url"]


def test_servers_that_were_never_started_fail_with_their_name():
    assert env.database()["HOST"] == "/frontdesk-is-not-started"
    assert "frontdesk-is-not-started" in env.broker_url()
    assert env.broker_url().startswith("redis+socket://")


def test_rabbitmq_is_a_broker_by_url(monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://guest:guest@mq.example//")
    assert env.broker_url() == "amqp://guest:guest@mq.example//"


def test_mail_by_url(monkeypatch):
    assert env.email()[0].endswith("filebased.EmailBackend")
    monkeypatch.setenv("EMAIL_URL", "smtp://me:se%20cret@mail.example:2525?tls=1")
    assert env.email() == (
        "django.core.mail.backends.smtp.EmailBackend", "mail.example", 2525, "me", "se cret", True,
    )  # fmt: skip
