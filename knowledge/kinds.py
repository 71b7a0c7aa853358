"""What every kind of source must be able to do, and which kinds there are.

A reader lists what there is and fetches one item at a time; looking.py decides what is read again, what is
kept and what is retired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from knowledge.models import Document, Source
from providers.errors import ProviderError, ProviderRejected


class Refused(Exception):
    """A source cannot be as it was typed. `field` says what to look at; the words are for who typed it."""

    def __init__(self, words: str, *, field: str = "address") -> None:
        super().__init__(words)
        self.field = field


class Gone(Exception):
    """The item is not there any more. `certain` when its place says that it will not come back."""

    def __init__(self, words: str = "", *, certain: bool = False) -> None:
        super().__init__(words)
        self.certain = certain


class Down(ProviderError):
    """The place itself is out of order, which may pass: the whole look is tried again later."""


class Barred(ProviderRejected):
    """The place itself does not let us in, or is not there: the whole look ends, and retires nothing."""


class Skipped(Exception):
    """The item is there and nothing in it is for us; the words, for the owner, say why. Empty: that is so."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Listed:
    """An item before it is fetched. `version` changes whenever its content does; empty: not known."""

    key: str
    title: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What an item holds now, as a file that the converter takes; `name` ends in the suffix of its kind.

    `fetched` is handed to `fetch` the next time, so that it can ask for changes only.
    """

    key: str
    title: str
    name: str
    body: bytes
    form: str = Document.Form.FILE
    fetched: Mapping[str, Any] = field(default_factory=dict)


class Reader:
    """Reads sources of one kind: one instance a turn, closed at its end. Subclass it and register that."""

    # An item that a complete listing lacks is gone at once; otherwise only when two looks in a row say so.
    is_proof = True

    def __init__(self, source: Source, *, state: Mapping[str, Any], known: Sequence[str]) -> None:
        """`state` is what the reader before left of this look; `known` are the keys that have documents."""
        self.source, self.known = source, known
        self.complete = True  # set to False by a listing that may lack something; kept in `state`

    @classmethod
    def checked(cls, *, address: str, options: Mapping[str, Any], secret: str) -> tuple[str, dict[str, Any]]:
        """The address and the options as they are kept. Raises Refused."""
        return address.strip(), dict(options)

    def listed(self) -> Iterator[Listed]:
        """Everything that is there; what was listed before a pause may be listed again.

        Raises ProviderRejected when a person must act, ProviderError when it may pass.
        """
        raise NotImplementedError

    def fetch(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        """The item's content, or None when it is as `known` says, which is empty when it must be fetched.

        Raises Gone, Skipped, ProviderRejected and ProviderError for this item alone, Barred and Down for all.
        """
        raise NotImplementedError

    def tried(self) -> str:
        """What is found there first, in words for who sets it up; raises what `listed` and `fetch` raise."""
        first = next(self.listed(), None)
        content = self.fetch(first, {}) if first is not None else None
        if content is None:
            raise Gone
        return _("It works. The first thing found is “%(title)s”.") % {"title": content.title}

    def ahead(self) -> int:
        """How many items are known of and not yet listed, for the progress."""
        return 0

    def state(self) -> dict[str, Any]:
        """What another reader needs to go on with this look, as JSON; small."""
        return {}

    def close(self) -> None:
        """Let go of connections and processes."""


_kinds: dict[str, type[Reader]] = {}


def register(kind: str, reader: type[Reader]) -> None:
    """Say who reads sources of this kind; in AppConfig.ready()."""
    _kinds[kind] = reader


def reader_of(kind: str) -> type[Reader]:
    """Who reads this kind. Raises Refused for one that nobody reads."""
    if kind not in _kinds:
        raise Refused(f"No such kind of source: {kind}", field="kind")
    return _kinds[kind]
