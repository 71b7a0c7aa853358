"""`make chaos`: the full storm. `python -m tests.chaos --seed 7` runs one again, `--short` the one of CI."""

import argparse
import random
import sys

from bench import measure
from tests.chaos import storm


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(100_000))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--messages", type=int, help="how many, in the same shares")
    parser.add_argument("--rate", type=float, help="messages a second, where the machine has other work too")
    options = parser.parse_args()
    plan = (storm.short if options.short else storm.full)(options.seed)
    plan = plan.of(options.messages or plan.messages, rate=options.rate or plan.rate)
    verdict = storm.run(plan)
    measure.print_json({"machine": measure.machine(), **vars(verdict)})
    for line in verdict.wrong:
        measure.progress(f"WRONG: {line}")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
