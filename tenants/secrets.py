"""Secrets at rest: fields that only ciphertext leaves the process with."""

import base64
import hashlib
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

# What was encrypted begins so: a version, and the first bytes of a moment of this century.
SIGN = "gAAAA"


class Undecryptable(Exception):
    """The stored secret was written with a key that this installation no longer has."""


def encrypt(plain: str) -> str:
    return _box(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain.encode()).decode()


def decrypt(cipher: str) -> str:
    try:
        return _box(tuple(settings.ENCRYPTION_KEYS)).decrypt(cipher.encode()).decode()
    except InvalidToken as error:
        raise Undecryptable("A stored secret cannot be read with ENCRYPTION_KEYS.") from error


def last_four(plain: str) -> str:
    """What a person may see of a secret: enough to recognise it, too little to use it."""
    return f"••••{plain[-4:]}" if len(plain) > 8 else "••••"


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    # The first key encrypts, all decrypt: so a key can be rotated without a stop.
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(k.encode()).digest())) for k in keys])


class EncryptedTextField(models.TextField):
    """Text that the database only ever sees encrypted. Cannot be filtered on, by intent."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in {"isnull", "exact"}:
            raise TypeError(f"An encrypted field cannot be compared by {lookup_name!r}.")
        return super().get_lookup(lookup_name)


class EncryptedValuesField(models.JSONField):
    """Names with secret texts: the database sees the names, and every text encrypted.

    One that was written before is read as it stands, and encrypted when its row is saved.
    """

    def deconstruct(self) -> Any:
        """As the JSON that it is to the database: what is in it is no migration's business."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        plain = super().get_prep_value(value)
        return {name: encrypt(str(text)) for name, text in plain.items()} if plain else plain

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        kept = super().from_db_value(value, expression, connection)
        if not isinstance(kept, dict):
            return kept
        return {name: decrypt(text) if text.startswith(SIGN) else text for name, text in kept.items()}
