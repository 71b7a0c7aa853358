"""Many who spend at once from one account: `python -m tests.billing.spenders --threads 20 --key NAME`.

A process of the product. It says "ready", waits for a line, and then every thread reserves one credit and
takes it; what became of each is the last line, JSON: {"spent": n, "refused": n}.
"""

import argparse
import json
import sys
import threading
from collections import Counter


def main() -> None:
    """Spend when told to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=20)
    parser.add_argument("--key", default="p")
    parser.add_argument("--schema", default="alpha")
    asked = parser.parse_args()
    import django

    django.setup()
    from tenants.db import connection
    from tenants.models import Tenant

    tenant = Tenant.objects.get(schema_name=asked.schema)
    together, became = threading.Barrier(asked.threads + 1), Counter[str]()

    def spend(number: int) -> None:
        connection.set_tenant(tenant)
        together.wait()
        became[_spend_one(f"turn:{asked.key}:{number}")] += 1
        connection.close()

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(asked.threads)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    together.wait()
    for thread in threads:
        thread.join()
    print(json.dumps(dict(became)), flush=True)


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
