"""The beginning of a process that Python spawned; imports nothing of ours, since Django is not set up yet."""

import os
import sys


def begin(path: list[str]) -> None:
    """Find what the parent finds, and set Django up."""
    import django

    sys.path[:] = path
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
