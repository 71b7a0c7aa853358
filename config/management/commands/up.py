"""`up`: the whole product under one supervisor."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import env, supervisor


class Command(BaseCommand):
    help = "Start everything; Ctrl-C stops it. PORT and FRONTDESK_DATA choose the port and the data folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000), help="the port of the web")
        parser.add_argument("--no-demo", action="store_true", help="without the demo business")

    def handle(self, *args: Any, **options: Any) -> None:
        host = env.text("HOST", "0.0.0.0" if env.production() else "127.0.0.1")
        demo = not options["no_demo"] and not env.production()
        sys.exit(supervisor.run(supervisor.Options(port=options["port"], host=host, demo=demo)))
