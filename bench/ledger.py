"""What reserving and taking credits costs: `python -m bench.ledger` prints JSON.

Holds and settlements a second, by eight connections in two processes, on one business's account (where all
wait for one row) and spread over fifty; beside two floors in the same run, both of two UPDATEs of an
account's row, prepared and sent by psycopg alone: `bare`, where each commits itself, and `floor`, where each
is begun and committed as the product's are, whose callers have more to write. At the end every ledger is held
against its balance. `--short` is for a quick look.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from bench import measure, scratch
from bench.stack import ROOT

PROCESSES, THREADS = 2, 4
WARM = 6  # times each business, a connection: from then on the server keeps its plans
SIDES = ("bare", "floor", "product")
CREDITS = 10**9
_TAKE = "UPDATE {}.floor_account SET held = held + 2 WHERE id = 1 AND balance >= held + 2"
_GIVE = "UPDATE {}.floor_account SET held = held - 2, balance = balance - 1 WHERE id = 1"


def main() -> None:
    """Measure, and print one JSON object; as a worker, do one side's work."""
    asked = _options()
    if asked.worker:
        return _work(asked.worker, seconds=asked.seconds, schemas=sys.stdin.readline().split())
    many, seconds, rounds = (10, 2.0, 1) if asked.short else (50, 6.0, measure.ROUNDS)
    with scratch.product("ledger"):
        schemas = _businesses(many)
        sides = {
            f"{side}_{name}": _side(side, schemas[:count], seconds=seconds)
            for name, count in (("one", 1), ("fifty", many))
            for side in SIDES
        }
        found = {
            name: measure.median_of(figures)
            for name, figures in measure.interleave(sides, rounds=rounds).items()
        }
        measure.print_json(
            {
                "machine": measure.machine(),
                "connections": PROCESSES * THREADS,
                "businesses": many,
                **found,
                "ratio": {
                    f"{name}_to_{to}": _ratio(found, name, to)
                    for name in ("one", "fifty")
                    for to in SIDES[:2]
                },
                "troubles": _troubles(schemas),
            }
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="ten businesses, two seconds, one round")
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=6.0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _ratio(found: dict[str, measure.Figures], name: str, to: str) -> float:
    return round(found[f"product_{name}"]["pairs_a_second"] / found[f"{to}_{name}"]["pairs_a_second"], 2)


def _businesses(many: int) -> list[str]:
    """Schemas with more credits than anybody spends here, and a floor's account beside each own."""
    from django.db import connection, transaction
    from django.utils import timezone
    from django_tenants.utils import schema_context

    from billing import credits
    from tenants import provisioning

    made, now = [], timezone.now()
    for number in range(many):
        tenant = provisioning.create(name="Shop", slug=f"purse{number}", owner=None, now=now)
        with schema_context(tenant.schema_name), transaction.atomic(), connection.cursor() as cursor:
            credits.grant(amount=CREDITS, reason="bench", key="bench", actor=None, now=now)
            cursor.execute("CREATE TABLE floor_account (LIKE billing_creditaccount INCLUDING ALL)")
            cursor.execute("INSERT INTO floor_account SELECT * FROM billing_creditaccount")
        made.append(tenant.schema_name)
    return made


def _troubles(schemas: list[str]) -> list[str]:
    """The businesses whose ledger and balance differ, or that still hold something."""
    from django_tenants.utils import schema_context

    from billing import credits
    from billing.models import Hold

    wrong = []
    for schema in schemas:
        with schema_context(schema):
            if credits.discrepancies() or Hold.objects.filter(status="held").exists():
                wrong.append(schema)
    return wrong


# -- one side, in processes of its own


def _side(side: str, schemas: list[str], *, seconds: float) -> Callable[[], measure.Figures]:
    def run() -> measure.Figures:
        command = [sys.executable, "-m", "bench.ledger", "--worker", side, "--seconds", str(seconds)]
        workers = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _number in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdin and worker.stdout
            worker.stdin.write(" ".join(schemas) + "\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:  # now, all at once
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [json.loads(worker.communicate()[0]) for worker in workers]
        took = sorted(each for one in told for each in one["took"])
        pairs = sum(one["pairs"] for one in told)
        cpu = sum(one["cpu"] for one in told)
        return {
            "pairs_a_second": round(pairs / seconds, 1),
            "client_cpu_ms": round(1000 * cpu / max(1, pairs), 3),
            **measure.milliseconds(took),
        }

    return run


def _work(side: str, *, seconds: float, schemas: list[str]) -> None:
    pair = _product(schemas) if side == "product" else _floor(schemas, begun=side == "floor")
    pair(0)()  # what is looked up once is known
    together = threading.Barrier(THREADS + 1)
    took: list[list[float]] = [[] for _number in range(THREADS)]
    until = [0.0]

    def go(number: int) -> None:
        do = pair(number)
        for _time in range(WARM * len(schemas)):
            do()
        together.wait()
        while (began := time.perf_counter()) < until[0]:
            do()
            took[number].append(time.perf_counter() - began)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    before, until[0] = time.process_time(), time.perf_counter() + seconds
    together.wait()
    for thread in threads:
        thread.join()
    every = [each for one in took for each in one]
    sample = every[:: max(1, len(every) // 2000)]
    figures = {"pairs": len(every), "cpu": time.process_time() - before, "took": sample}
    print(json.dumps(figures), flush=True)


def _floor(schemas: list[str], *, begun: bool) -> Callable[[int], Callable[[], None]]:
    from contextlib import nullcontext

    import psycopg

    from config import env

    def connected(number: int) -> Callable[[], None]:
        database = psycopg.connect(env.database_url(), autocommit=True)
        texts = [(_TAKE.format(one), _GIVE.format(one)) for one in schemas]
        at = [number * 7]

        def pair() -> None:
            at[0] += 1
            for text in texts[at[0] % len(texts)]:
                with database.transaction() if begun else nullcontext():
                    database.execute(text, prepare=True)  # type: ignore[arg-type]

        return pair

    return connected


def _product(schemas: list[str]) -> Callable[[int], Callable[[], None]]:
    import uuid

    import django

    django.setup()
    from django.db import connection, transaction
    from django.utils import timezone

    from billing import credits
    from tenants.models import Tenant

    known = {one.schema_name: one for one in Tenant.objects.filter(schema_name__in=schemas).order_by("pk")}
    tenants = [known[schema] for schema in schemas]

    def connected(number: int) -> Callable[[], None]:
        at, mark = [number * 7], uuid.uuid4().hex[:12]

        def pair() -> None:
            at[0] += 1
            tenant = tenants[at[0] % len(tenants)]
            if connection.schema_name != tenant.schema_name:  # type: ignore[attr-defined]
                connection.set_tenant(tenant)  # type: ignore[attr-defined]
            key, now = f"turn:{mark}:{at[0]}", timezone.now()
            with transaction.atomic():
                hold = credits.hold(key=key, amount=2, now=now)
            with transaction.atomic():
                credits.settle(hold, cost=1, key=key, reason="bench", now=now)

        return pair

    return connected


if __name__ == "__main__":
    main()
