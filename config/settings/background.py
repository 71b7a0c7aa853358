"""Celery: the doorbell. What must not be lost is a row."""

from config import env

REDIS_URL = env.redis_url()
CELERY_BROKER_URL = env.broker_url()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "fast"
# Five queues. "inbound" stores what came in, "fast" answers, "bulk" sends to many, "slow" reads documents,
# "hooks" tells businesses' own systems, which may be slow: a process of its own has it, and as that mostly
# waits it also stores what came in. Beside eight busy threads a reader hardly ever gets its turn in Python.
# A worker takes from its queues in turn, so a backlog of answers never holds back what comes in, nor the
# other way round. Bulk is served by the second worker only, and its doorbells are one a business
# (conversations.bulk): whatever is broadcast, all threads of the first worker are there for customers.
CELERY_TASK_ROUTES = {
    "conversations.inbox.*": {"queue": "inbound"},
    "conversations.bulk.*": {"queue": "bulk"},
    # What asks a gateway that did not answer a moment ago may hang: not where all answers go.
    "conversations.outbox.reconcile": {"queue": "bulk"},
    "conversations.hooks.*": {"queue": "hooks"},
    "conversations.health.*": {"queue": "bulk"},
    "conversations.rollup.*": {"queue": "bulk"},
    "conversations.identities.*": {"queue": "bulk"},
    "conversations.message_templates.*": {"queue": "bulk"},
    "conversations.alarms.*": {"queue": "bulk"},
    "conversations.verifying.*": {"queue": "bulk"},
    "conversations.teaching.*": {"queue": "slow"},
    "conversations.drafting.*": {"queue": "slow"},
    "conversations.profiles.*": {"queue": "slow"},
    "conversations.search_index.*": {"queue": "slow"},
    "conversations.desk_summaries.*": {"queue": "slow"},
    "conversations.gate.*": {"queue": "slow"},
    "conversations.customer_import.*": {"queue": "slow"},
    "conversations.themes.*": {"queue": "slow"},
    "conversations.figures_sweep.*": {"queue": "slow"},
    "conversations.digests.*": {"queue": "bulk"},
    "conversations.team_phones.*": {"queue": "bulk"},
    "knowledge.cases.*": {"queue": "slow"},
    "knowledge.flags.*": {"queue": "slow"},
    "knowledge.indexing.*": {"queue": "slow"},
    "knowledge.meaning_index.*": {"queue": "slow"},
    "knowledge.reembedding.*": {"queue": "slow"},
    "knowledge.corrections.*": {"queue": "slow"},
    "knowledge.looking.*": {"queue": "slow"},
    "billing.vendor_prices.*": {"queue": "slow"},
    # Asks the payment vendor, who may hang.
    "billing.asking.*": {"queue": "bulk"},
    "billing.payment_events.*": {"queue": "bulk"},
    "billing.payment_sweep.*": {"queue": "bulk"},
    "billing.rollup.*": {"queue": "slow"},
    "billing.keeping.*": {"queue": "slow"},
    "billing.recharging.*": {"queue": "bulk"},
    "billing.recharge_sweep.*": {"queue": "bulk"},
    "billing.foresight_sweep.*": {"queue": "slow"},
    "tenants.provisioning.*": {"queue": "fast"},
    # Who makes browsers, and mail servers, may be slow.
    "tenants.notice_delivery.*": {"queue": "bulk"},
}
# One waiting task a thread: what is fetched ahead stands behind whatever its worker is busy with.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = 20
# A publisher waits at most about half a second for a broker that is away; the sweeper finds the row.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # A doorbell needs no receipt: the sweep rings a lost one again, and receipts cost as much as a task.
    {"ack_emulation": False, "socket_connect_timeout": 2, "socket_timeout": 10}
    if CELERY_BROKER_URL.startswith(("redis", "rediss", "unix"))
    else {}
)
# Seconds after which work that says "running" is taken to be dead: longer than any healthy turn or send.
WORK_DEAD_SECONDS = env.integer("WORK_DEAD_SECONDS", 75)
SWEEP_SECONDS = env.integer("SWEEP_SECONDS", 10)
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE = {
    "sweep-conversations": {
        "task": "conversations.sweep.sweep",
        "schedule": SWEEP_SECONDS,
        # One that nobody has begun before the next is due would only do the same again.
        "options": {"queue": "inbound", "expire_seconds": SWEEP_SECONDS},
    },
    "check-channels": {"task": "conversations.health.check", "schedule": 60, "options": {"queue": "bulk"}},
    "read-templates": {
        "task": "conversations.message_templates.sync_stale",
        "schedule": 3600,
        "options": {"queue": "bulk"},
    },
    "sweep-teaching": {
        "task": "conversations.teaching_sweep.sweep",
        "schedule": 60,
        "options": {"queue": "fast"},
    },
    "sweep-profiles": {
        "task": "conversations.profile_sweep.sweep",
        "schedule": 60,
        "options": {"queue": "fast"},
    },
    "repair-profiles": {
        "task": "conversations.profile_sweep.repair",
        "schedule": 86_400,
        "options": {"queue": "slow"},
    },
    "count-figures": {
        "task": "conversations.figures_sweep.sweep",
        "schedule": 300,
        "options": {"queue": "fast"},
    },
    "sweep-digests": {"task": "conversations.digests.sweep", "schedule": 60, "options": {"queue": "fast"}},
    "sweep-documents": {"task": "knowledge.indexing.sweep", "schedule": 60, "options": {"queue": "fast"}},
    "sweep-corrections": {
        "task": "knowledge.corrections.sweep",
        "schedule": 300,
        "options": {"queue": "fast"},
    },
    "keep-meaning-indexes": {
        "task": "knowledge.meaning_index.sweep",
        "schedule": 600,
        "options": {"queue": "fast"},
    },
    "sweep-sources": {"task": "knowledge.looking.sweep", "schedule": 60, "options": {"queue": "fast"}},
    "sweep-embeddings": {"task": "knowledge.reembedding.sweep", "schedule": 60, "options": {"queue": "fast"}},
    "renew-embeddings": {
        "task": "knowledge.reembedding.renew",
        "schedule": 3600,
        "options": {"queue": "slow"},
    },
    "sweep-payment-events": {
        "task": "billing.payment_events.sweep",
        "schedule": 60,
        "options": {"queue": "bulk", "expire_seconds": 60},
    },
    "check-open-topups": {
        "task": "billing.payment_sweep.check_open",
        "schedule": 3600,
        "options": {"queue": "bulk"},
    },
    "reconcile-payments": {
        "task": "billing.payment_sweep.reconcile",
        "schedule": 86_400,
        "options": {"queue": "bulk"},
    },
    "refresh-vendor-prices": {
        "task": "billing.vendor_prices.refresh",
        "schedule": 86400,
        "options": {"queue": "slow"},
    },
    # What charges a card when credits are few: a lost task costs minutes.
    "sweep-recharges": {
        "task": "billing.recharge_sweep.sweep",
        "schedule": 120,
        "options": {"queue": "bulk", "expire_seconds": 120},
    },
    "look-ahead": {"task": "billing.foresight_sweep.sweep", "schedule": 3600, "options": {"queue": "slow"}},
    # Each business's latest days; at night every entry of every ledger.
    "sum-days": {
        "task": "billing.rollup.refresh",
        "schedule": 300,
        "options": {"queue": "slow", "expire_seconds": 300},
    },
    "reconcile-days": {
        "task": "billing.rollup.reconcile",
        "schedule": 86_400,
        "options": {"queue": "slow"},
    },
    "forget-ledgers": {"task": "billing.keeping.forget", "schedule": 86_400, "options": {"queue": "slow"}},
    "sweep-refunds": {
        "task": "billing.asking.sweep",
        "schedule": 60,
        "options": {"queue": "bulk", "expire_seconds": 60},
    },
    "sweep-notices": {
        "task": "tenants.notice_delivery.sweep",
        "schedule": 30,
        "options": {"queue": "bulk", "expire_seconds": 30},
    },
    "forget-notices": {
        "task": "tenants.notice_delivery.forget",
        "schedule": 86_400,
        "options": {"queue": "slow"},
    },
    "sweep-provisioning": {"task": "tenants.provisioning.sweep", "schedule": 60},
    "watch-invariants": {"task": "conversations.invariants.watch", "schedule": 300},
    # Visits every business, which no sweep does: they look for what is overdue.
    "count-businesses": {
        "task": "conversations.rollup.refresh",
        "schedule": 60,
        "options": {"queue": "bulk", "expire_seconds": 60},
    },
    "beat-alive": {"task": "config.health.beat_alive", "schedule": 5},
}
DJANGO_CELERY_BEAT_TZ_AWARE = True

CACHES = {
    "default": {
        "BACKEND": "tenants.cache.Cache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        "KEY_FUNCTION": "tenants.cache.key",
    }
}
