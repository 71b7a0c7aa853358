"""What shared tables hold from the start: filled after every migration, by whoever registers here."""

from collections.abc import Callable

from django_tenants.utils import get_public_schema_name, schema_context

Seed = Callable[[], object]
_seeds: list[Seed] = []


def register(seed: Seed) -> None:
    """Run this after each migration, in the public schema; it changes nothing when nothing is new."""
    if seed not in _seeds:
        _seeds.append(seed)


def fill() -> None:
    """Run all of them."""
    with schema_context(get_public_schema_name()):
        for seed in _seeds:
            seed()
