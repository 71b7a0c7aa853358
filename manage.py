#!/usr/bin/env python
"""Run a command of Frontdesk."""

import os
import sys


def main() -> None:
    """Run it; a setting that is wrong and a server that is away end in a sentence, not in a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db.utils import OperationalError
    except ImportError:
        sys.exit("Django is not installed here: `make run` prepares everything, then use .venv/bin/python.")
    try:
        settings.DEBUG  # noqa: B018  read now, so that a wrong setting is told before any command starts
        if sys.argv[1:2] == ["up"]:
            # It only starts others: without loading the apps it is there at once, and stays small.
            from config.management.commands.up import Command

            Command().run_from_argv(sys.argv)
        else:
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Not configured: {error}")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"{str(error).strip()}\nThe database does not answer: start `make run`, or set DATABASE_URL."
        )


if __name__ == "__main__":
    main()
