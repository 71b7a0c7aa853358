"""Settings of the tests: the servers first, in a data folder of their own, since settings read their URLs.

With DATABASE_URL or REDIS_URL set, the tests use those servers instead (a database of their own there).
"""

import os

from config import embedded, env
from tests.shared_server import TUNING

_home = env.data_dir()
DATA = _home if _home.name == "test" else _home / "test"
# What the machine of a developer has set must not reach a test.
for _name in (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_API_URL",
    "EMAIL_URL",
    "S3_BUCKET",
    "FRONTDESK_ENV",
):
    os.environ.pop(_name, None)
os.environ["FRONTDESK_DATA"] = str(DATA)

STARTED = []
if not env.text("DATABASE_URL"):
    if embedded.postgres_pid(DATA) is None:
        STARTED.append(embedded.stop_postgres)
    embedded.start_postgres(DATA, **TUNING)
if not env.text("REDIS_URL"):
    if embedded.valkey_pid(DATA) is None:
        STARTED.append(embedded.stop_valkey)
    embedded.start_valkey(DATA)

SERVER_URL = env.database_url()
DATABASE_NAME = f"test_{os.getpid()}"
TEST_DATABASE_URL = SERVER_URL.rpartition("/")[0] + f"/{DATABASE_NAME}"
# Processes that a test starts read the same database.
os.environ["DATABASE_URL"] = TEST_DATABASE_URL
os.environ["REDIS_URL"] = env.redis_url()

from config.settings import *  # noqa: E402, F403
from config.settings import TEMPLATES  # noqa: E402
from tests.strict import UndefinedVariable  # noqa: E402

(DATA / "static").mkdir(exist_ok=True)
# A test waits for nobody's manners; those of pacing set their own.
WAHA_MESSAGES_A_SECOND = WAHA_PERSON_SECONDS = WAHA_TYPING_SECONDS = WEB_PAUSE_SECONDS = 0
WHATSAPP_CLOUD_MESSAGES_A_SECOND = WHATSAPP_CLOUD_PERSON_SECONDS = 0
WHITENOISE_AUTOREFRESH = True  # else each of a thousand clients reads the whole folder of static files first
ANSWERS_REUSED_SECONDS = 0  # one test's answer is no other's
# All tests call from one address; those of the limits set their own.
API_ADDRESS_RATE = API_KEY_RATE = API_ANSWER_RATE = 1_000_000
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = UndefinedVariable()
