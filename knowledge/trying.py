"""Look at a place before it is kept: whether it can be read, in words for who sets it up."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from django.utils.translation import gettext as _

from knowledge import kinds
from knowledge.models import Source
from providers.errors import ProviderError


def tried(*, kind: str, address: str, options: Mapping[str, Any], secret: str) -> str:
    """What was found there. Raises Refused; calls the place, so never within a transaction."""
    reader = kinds.reader_of(kind)
    where, kept = reader.checked(address=address, options=options, secret=secret)
    source = Source(kind=kind, title=where[:200], address=where, options=kept, secret=secret)
    try:
        with closing(reader(source, state={}, known=[])) as looking:
            return looking.tried()
    except kinds.Gone:
        raise kinds.Refused(_("There is nothing at this address.")) from None
    except kinds.Skipped as skipped:
        raise kinds.Refused(str(skipped) or _("There is nothing to read at this address.")) from None
    except ProviderError as error:
        raise kinds.Refused(_(str(error))) from error
