"""What the desk has to do by the clock in one business; the sweep calls it where something may be due."""

from datetime import datetime

from conversations import desk_clocks, desk_handling, desk_seats, desk_summaries, desk_todos
from tenants.background import ring


def visit(schema: str, *, late: datetime, now: datetime) -> None:
    """Give back what was silent for too long, tell of agreed times and promises, give out what waits."""
    for pk in desk_handling.due(now=now):
        desk_handling.lapse(pk, now=now)
    for pk in desk_clocks.due_to_look_at(now=now):
        desk_clocks.look_at(pk, now=now)
    for pk in desk_todos.due(now=now):
        desk_todos.come_back(pk, now=now)
    for pk in desk_summaries.due(now=late):
        ring(desk_summaries.write, schema=schema, summary_id=pk)
    if desk_seats.has_work():
        ring(desk_seats.fill, schema=schema)
