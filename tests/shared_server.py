"""One PostgreSQL for several runs of the tests at once: `python -m tests.shared_server COMMAND...`.

Each run has a database of its own on it; the template of them all is made once, by who comes first.
"""

import os
import subprocess
import sys

from config import embedded, env

# A crash of the machine may cost a test database, nothing else may read from this one.
TUNING = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


def main() -> int:
    """Run the command with DATABASE_URL set; its exit code."""
    if env.text("DATABASE_URL"):
        return subprocess.call(sys.argv[1:])
    data = env.data_dir() / "shared" / "test"
    url = embedded.start_postgres(data, **TUNING)
    try:
        return subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": url})
    finally:
        embedded.stop_postgres(data)


if __name__ == "__main__":
    sys.exit(main())
