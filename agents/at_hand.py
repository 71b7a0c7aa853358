"""Which assistant the pages under Assistant are about: the one that was last chosen, else the first."""

from django.http import HttpRequest

from agents import hiring
from agents.models import Agent

PARAMETER = "assistant"  # ?assistant=3 chooses, and is remembered
KEY = "assistant_at_hand"


def agent(request: HttpRequest) -> Agent:
    """The assistant of this page; one that is unknown or retired gives way to the first."""
    known = {one.pk: one for one in hiring.at_work()}
    wanted = request.GET.get(PARAMETER, "")
    chosen = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else None
    if chosen in known and request.session.get(KEY) != chosen:
        request.session[KEY] = chosen
    remembered = int(chosen or request.session.get(KEY) or 0)
    return known.get(remembered) or known[min(known)]
