"""Many who spend at once from one account: `python -m tests.billing.spenders --processes 10 --threads 20`.

The product, loaded once, and forks of it that each have connections of their own. It says "ready", waits for
a line, and then every thread of every fork reserves one credit and takes it; what became of all is the last
line, JSON: {"spent": n, "refused": n}.
"""

import argparse
import json
import multiprocessing
import sys
import threading
from collections import Counter
from typing import Any


def main() -> None:
    """Spend when told to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=20)
    parser.add_argument("--schema", default="alpha")
    asked = parser.parse_args()
    import django

    django.setup()
    fork = multiprocessing.get_context("fork")
    together, told = fork.Barrier(asked.processes + 1), fork.Queue()
    forks = [
        fork.Process(target=_spender, args=(number, asked.threads, asked.schema, together, told))
        for number in range(asked.processes)
    ]
    for one in forks:
        one.start()
    together.wait()  # all stand ready
    print("ready", flush=True)
    sys.stdin.readline()
    together.wait()  # now, all at once
    became = sum((told.get() for _one in forks), Counter[str]())
    for one in forks:
        one.join()
    print(json.dumps(became), flush=True)


def _spender(number: int, threads: int, schema: str, together: Any, told: Any) -> None:
    from tenants.db import connection
    from tenants.models import Tenant

    tenant = Tenant.objects.get(schema_name=schema)
    at_once, became = threading.Barrier(threads + 1), Counter[str]()

    def spend(place: int) -> None:
        connection.set_tenant(tenant)
        at_once.wait()
        became[_spend_one(f"turn:{number}:{place}")] += 1
        connection.close()

    mine = [threading.Thread(target=spend, args=(place,)) for place in range(threads)]
    for thread in mine:
        thread.start()
    together.wait()
    together.wait()
    at_once.wait()
    for thread in mine:
        thread.join()
    told.put(became)


def _spend_one(key: str) -> str:
    from django.db import transaction
    from django.utils import timezone

    from billing import credits

    try:
        with transaction.atomic():
            hold = credits.hold(key=key, amount=1, now=timezone.now())
        with transaction.atomic():
            credits.settle(hold, cost=1, key=key, reason="answer", now=timezone.now())
    except credits.InsufficientCredits:
        return "refused"
    return "spent"


if __name__ == "__main__":
    main()
