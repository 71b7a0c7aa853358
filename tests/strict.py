"""What makes a test fail that would pass by luck."""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parent.parent


class UndefinedVariable(str):
    """Django's `string_if_invalid`: a variable that nobody gave to a template of ours fails the test."""

    def __new__(cls) -> "UndefinedVariable":
        return super().__new__(cls, "%s")

    def __mod__(self, variable: Any) -> str:
        template = _template_of(sys._getframe(1))
        if template is not None and template.is_relative_to(ROOT) and "site-packages" not in template.parts:
            pytest.fail(f"Undefined template variable {variable!s} in {template.relative_to(ROOT)}")
        return ""


def _template_of(frame: FrameType | None) -> Path | None:
    """The file of the innermost template that is being rendered."""
    while frame is not None:
        origin = getattr(frame.f_locals.get("self"), "origin", None)
        if frame.f_code.co_name.startswith("render") and origin is not None:
            return Path(str(origin))
        frame = frame.f_back
    return None


class SocketBlocked(RuntimeError):
    """A test tried to reach another machine."""


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback or name in ("0.0.0.0", "::")
    except ValueError:
        return False


@contextmanager
def loopback_only() -> Iterator[None]:
    """Sockets reach this machine only, and names of other machines are not even looked up."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def allow(address: Any) -> None:
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise SocketBlocked(f"A test tried to reach {address[0]}: use a counterpart on loopback.")

    def checked_connect(self: socket.socket, address: Any) -> None:
        allow(address)
        return connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        allow(address)
        return connect_ex(self, address)

    def checked_lookup(host: Any, *rest: Any, **options: Any) -> Any:
        allow((host,))
        return lookup(host, *rest, **options)

    with (
        mock.patch.object(socket.socket, "connect", checked_connect),
        mock.patch.object(socket.socket, "connect_ex", checked_connect_ex),
        mock.patch.object(socket, "getaddrinfo", checked_lookup),
    ):
        yield


@contextmanager
def unordered_at_random() -> Iterator[None]:
    """Rows that nobody ordered come back in random order, so that no test leans on the order of the disk."""
    from django.db.models.expressions import OrderBy
    from django.db.models.functions import Random
    from django.db.models.sql.compiler import SQLCompiler

    pairs = SQLCompiler._order_by_pairs  # type: ignore[attr-defined]

    def shuffled(self: Any) -> Iterator[Any]:
        ordered = False
        for pair in pairs(self):
            ordered = True
            yield pair
        query = self.query
        if not (ordered or query.distinct or query.combinator or query.group_by or query.subquery):
            yield OrderBy(Random()), False

    with mock.patch.object(SQLCompiler, "_order_by_pairs", shuffled):
        yield
