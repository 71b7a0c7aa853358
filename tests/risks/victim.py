"""A process that dies at a named point: `python -m tests.risks.victim`, orders on stdin, a line of JSON each.

An order is {step, point, schema, settings, ids}. A fork carries it out; `point` is "module:function:after" or
":before", the function perhaps a class's, and there the fork kills itself as the kernel would. Every doorbell
that it rings is lost. The line that comes back is the signal that ended it, 0 when it came to the end.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any
from unittest import mock

STEPS = {
    "read": "conversations.inbox:drain",
    "answer": "conversations.turns:take",
    "send": "conversations.outbox:deliver",
    "index": "knowledge.indexing:index",
    "embed": "knowledge.reembedding:rebuild",
    "event": "billing.payment_events:work",
    "refund": "billing.asking:send_back",
    "charge": "billing.recharging:recharge",
    "buy": "tests.risks.money_steps:buy",
    "knock": "tests.risks.money_steps:knock",
}


def main() -> None:
    import django

    django.setup()
    importlib.import_module("providers.openai")  # takes seconds: not in each fork
    print("ready", flush=True)
    for line in sys.stdin:
        print(_fate(json.loads(line)), flush=True)


def _fate(order: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        try:
            _carry_out(order)
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    _pid, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def _carry_out(order: dict[str, Any]) -> None:
    from celery import Task
    from django.test.utils import override_settings

    module, path, when = order["point"].split(":")
    *owners, name = path.split(".")
    place: Any = reduce(getattr, owners, importlib.import_module(module))
    deadly = _deadly(getattr(place, name), when)
    with (
        override_settings(**order["settings"]),
        mock.patch.object(Task, "apply_async", lambda *_, **__: None),
    ):
        with mock.patch.object(place, name, deadly):
            where, step = STEPS[order["step"]].split(":")
            task = getattr(importlib.import_module(where), step)
            task.apply(kwargs=order["ids"], headers={"schema": order["schema"]}, throw=True)


def _deadly(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return call


if __name__ == "__main__":
    main()
