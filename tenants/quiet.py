"""When a person may be disturbed: pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def allowed_from(now: datetime, *, start: time | None, end: time | None, zone: str) -> datetime:
    """`now`, or the end of the quiet hours that it falls into. The same time twice, or none, is no quiet."""
    if start is None or end is None or start == end:
        return now
    local = now.astimezone(ZoneInfo(zone))
    at = local.time().replace(tzinfo=None)
    is_quiet = start <= at < end if start < end else at >= start or at < end
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if start > end and at >= start else 0)
    return datetime.combine(day, end, ZoneInfo(zone)).astimezone(now.tzinfo)
