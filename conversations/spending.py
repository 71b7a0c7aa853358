"""What an answer costs where its model is asked: the vendor's price, kept with the turn."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing import vendor_prices

if TYPE_CHECKING:
    from conversations.engine import Thought


def kept(thought: "Thought", *, at: datetime) -> dict[str, Any]:
    """A turn's columns, in millionths of a US dollar: empty where no price is known, 0 where nobody is asked.

    Expressions: they are worked out by the statement that closes the turn.
    """
    model, used = thought.completion.model, thought.completion.usage
    if thought.saved is not None:
        saved = vendor_prices.cost(thought.price_list, model, thought.saved, at=at)
        return {"cached": True, "provider_cost": 0, "provider_saved": saved}
    if not thought.price_list:
        return {"provider_cost": 0}
    return {"provider_cost": vendor_prices.cost(thought.price_list, model, used, at=at)}
