"""What only the product's own code can say or do: `python -m tests.chaos.inside SCHEMA VERB [ID ...]`.

figures  prints the message ledger's figures, the invariants and the end of every id that came, as JSON
resend   sends messages again that staff sees as failed or unknown, as their button does
"""

import json
import os
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.utils import timezone  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from conversations import accounting, invariants, outbox  # noqa: E402
from conversations.models import Incident, Message  # noqa: E402


def figures() -> dict[str, Any]:
    """As they would stand when the time is over in which a message is to be explained."""
    later = timezone.now() + accounting.EXPLAINED_WITHIN + timedelta(seconds=1)
    found = accounting.figures(now=later)
    opened = Incident.objects.order_by("pk").values_list("kind", "count")
    return {
        "figures": repr(found),
        "waiting": found.waiting,
        "unexplained": found.unexplained,
        "findings": {kind: repr(one) for kind, one in invariants.findings(now=later).items()},
        "incidents": [f"{kind} {count}" for kind, count in opened],
        "ends": _ends(later),
    }


def _ends(now: Any) -> dict[str, str]:
    """How each message ended that came in, by the last part of its id; nothing for one that did not."""
    ends = {}
    for piece in accounting.export(accounting.Wanted(show="in"), now=now):
        for row in piece:
            line = dict(zip(accounting.HEADER, row, strict=True))
            if line["direction"] == "in":
                ends[line["provider_id"].rpartition(".")[2]] = line["state"].replace("open", "")
    return ends


def resend(*ids: str) -> dict[str, Any]:
    """One that has ended by itself meanwhile has no button any more."""
    for pk in ids:
        with suppress(Message.DoesNotExist):
            outbox.retry(int(pk), now=timezone.now())
    return {"resent": len(ids)}


if __name__ == "__main__":
    schema, verb, *words = sys.argv[1:]
    with schema_context(schema):
        print(json.dumps({"figures": figures, "resend": resend}[verb](*words)))
