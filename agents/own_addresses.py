"""Whether an e-mail address stands in a business's own records, as the one that says whose a row is."""

from collections.abc import Iterator

import structlog

from agents import own_records, proofs
from agents.models import OwnTool
from agents.own_definitions import HttpDefinition, RecordsDefinition
from agents.own_tools import definition_of
from providers.errors import ProviderError

log = structlog.get_logger(__name__)


def has(email: str) -> bool:
    """In any look-up whose rows have an owner by e-mail. Asks other machines: never in a transaction.

    A call of another system that wants a proved address, and no list of them, knows whom it knows: the code
    goes out, and the system itself finds nothing for a stranger.
    """
    if any(_asks_by_address(definition) for definition in _definitions(OwnTool.Kind.HTTP)):
        return True
    looked = (one for one in _definitions(OwnTool.Kind.RECORDS) if isinstance(one, RecordsDefinition))
    return any(_stands_in(one, email) for one in looked if one.owner_column and one.owner_by == "email")


def _definitions(kind: str) -> Iterator[object]:
    for own in OwnTool.objects.filter(kind=kind, enabled=True).order_by("pk"):
        yield definition_of(own)


def _asks_by_address(definition: object) -> bool:
    return isinstance(definition, HttpDefinition) and "{customer.email}" in definition.model_dump_json()


def _stands_in(definition: RecordsDefinition, email: str) -> bool:
    """A store that cannot be read at this moment has nobody in it."""
    wanted = frozenset({email})
    try:
        return any(
            proofs.is_theirs(
                row.get(definition.owner_column, ""), by="email", phones=frozenset(), emails=wanted,
                region=definition.region,
            )
            for row in own_records.rows(definition, {})
        )  # fmt: skip
    except ProviderError as error:
        log.warning("records.unread", reason=type(error).__name__)
        return False
