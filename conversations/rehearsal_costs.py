"""What was asked of models without any customer: on record with its vendor's price, and at no credits."""

import secrets
from datetime import datetime

from agents.models import AgentVersion
from billing import credits, usage
from providers import llm


def note(
    kind: str, version: AgentVersion, completion: llm.Completion, *, price_list: str, now: datetime
) -> None:
    """One call of this kind: "judge" an answer, "rehearsal" of a talk; as the outermost use case."""
    usage.of_tokens(
        key=f"{kind}:{version.pk}:{secrets.token_hex(12)}",
        model=completion.model,
        tokens=completion.usage,
        cost=0,
        price=credits.price_for(completion.model, at=now),
        whose=usage.Whose(version.agent_id),
        price_list=price_list,
        now=now,
    )
