"""What the product itself may be told by its operator."""

from config import env

ANTHROPIC_API_KEY = env.text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.text("ANTHROPIC_BASE_URL")
ANTHROPIC_MODEL = env.text("ANTHROPIC_MODEL", "claude-haiku-5-5")
OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL")
OPENAI_MODEL = env.text("OPENAI_MODEL", "gpt-5-mini")
# Voice notes: the model at OPENAI_BASE_URL that hears them; or a folder with a faster-whisper model.
OPENAI_SPEECH_MODEL = env.text("OPENAI_SPEECH_MODEL", "" if OPENAI_BASE_URL else "whisper-1")
SPEECH_MODEL_PATH = env.text("SPEECH_MODEL_PATH")
EMBEDDING_URL = env.text("EMBEDDING_URL", f"http://127.0.0.1:{env.integer('PORT', 8000) + 3}")
DOCLING_ARTIFACTS_PATH = env.text("DOCLING_ARTIFACTS_PATH")
DOCUMENT_MAX_BYTES = env.integer("DOCUMENT_MAX_MEGABYTES", 25) * 2**20
WELCOME_CREDITS = env.integer("WELCOME_CREDITS", 500)
# Questions in the test chat that a business may ask in a day; they cost no credits.
TRIAL_QUESTIONS_A_DAY = env.integer("TRIAL_QUESTIONS_A_DAY", 200)
# Seconds of silence after which a customer is taken to have finished (agents may set their own).
DEBOUNCE_SECONDS = env.number("DEBOUNCE_SECONDS", 2.5)
# The longest that a customer who keeps writing waits, from the first unanswered message on.
DEBOUNCE_CEILING_SECONDS = env.number("DEBOUNCE_CEILING_SECONDS", 12.0)
# How a number on WhatsApp Web talks: as a person would, so that it is not taken for a machine. 0 is no bound.
WAHA_MESSAGES_A_SECOND = env.number("WAHA_MESSAGES_A_SECOND", 10)
WAHA_PERSON_SECONDS = env.number("WAHA_PERSON_SECONDS", 1)
WAHA_TYPING_SECONDS = env.number("WAHA_TYPING_SECONDS", 3)  # the longest; by length below it
WAHA_BULK_SECONDS = env.number("WAHA_BULK_SECONDS", 30)  # between two of a bulk send; up to twice as long
# WhatsApp Cloud API: Meta's own address, and how fast a number there may talk. 0 is no bound.
WHATSAPP_CLOUD_URL = env.text("WHATSAPP_CLOUD_URL", "https://graph.facebook.com")
WHATSAPP_CLOUD_VERSION = env.text("WHATSAPP_CLOUD_VERSION", "v26.0")
WHATSAPP_CLOUD_MESSAGES_A_SECOND = env.number("WHATSAPP_CLOUD_MESSAGES_A_SECOND", 60)
WHATSAPP_CLOUD_PERSON_SECONDS = env.number("WHATSAPP_CLOUD_PERSON_SECONDS", 1)
# A message that has come to no end after so many seconds is unexplained: the owner is told.
EXPLAINED_WITHIN_SECONDS = env.integer("EXPLAINED_WITHIN_SECONDS", 120)
EXTRACTIVE_ALLOWED = env.flag("EXTRACTIVE_ALLOWED", not env.production())
# The web chat: on any site while no domain is listed, in development only; and how much one visitor may ask.
WEB_CHAT_ANY_ORIGIN = not env.production()
WEB_CHAT_MESSAGES_A_MINUTE = env.integer("WEB_CHAT_MESSAGES_A_MINUTE", 15)
WEB_CHAT_ADDRESS_MESSAGES_A_MINUTE = env.integer("WEB_CHAT_ADDRESS_MESSAGES_A_MINUTE", 60)
WEB_CHAT_FILES_AN_HOUR = env.integer("WEB_CHAT_FILES_AN_HOUR", 30)
WEB_CHAT_VISITORS_AN_HOUR = env.integer("WEB_CHAT_VISITORS_AN_HOUR", 20)
WEB_CHAT_REQUESTS_A_MINUTE = env.integer("WEB_CHAT_REQUESTS_A_MINUTE", 600)
WEB_CHAT_SOCKETS_AN_ADDRESS = env.integer("WEB_CHAT_SOCKETS_AN_ADDRESS", 50)
# Hosts in a private network that a business's gateway may stand at: "waha", "10.0.0.5:3000", or "*" for all.
GATEWAY_PRIVATE_HOSTS = env.text("GATEWAY_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
# As GATEWAY_PRIVATE_HOSTS, for the addresses at which a business wants to be told of events.
HOOK_PRIVATE_HOSTS = env.text("HOOK_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
# As GATEWAY_PRIVATE_HOSTS, for the addresses of browser notifications, which browsers name; and whom the
# makers of browsers may write to when something is wrong with them.
PUSH_PRIVATE_HOSTS = env.text("PUSH_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
PUSH_SUBJECT = env.text("PUSH_SUBJECT", "mailto:hello@frontdesk.example")
# As GATEWAY_PRIVATE_HOSTS, for a business's own model providers; the installation's own may be anywhere.
MODEL_PRIVATE_HOSTS = env.text("MODEL_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
# As GATEWAY_PRIVATE_HOSTS, for the addresses of a business's own tools.
TOOL_PRIVATE_HOSTS = env.text("TOOL_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
# Where Google Drive and Google Sheets are asked.
GOOGLE_API_URL = env.text("GOOGLE_API_URL", "https://www.googleapis.com")
GOOGLE_SHEETS_URL = env.text("GOOGLE_SHEETS_URL", "https://sheets.googleapis.com")
# As GATEWAY_PRIVATE_HOSTS, for web pages and other places that a business has read.
WEB_PRIVATE_HOSTS = env.text("WEB_PRIVATE_HOSTS", "" if env.production() else "*").lower().split(",")
# Seconds between two requests to one web site, and where its owner can read who asks.
WEB_PAUSE_SECONDS = env.number("WEB_PAUSE_SECONDS", 1)
WEB_CONTACT_URL = env.text("WEB_CONTACT_URL")  # empty: the first page of the installation
# How often a business may have its cases asked in a day (models answer, and no credits are taken), and by how
# many threads at once.
EVALUATIONS_A_DAY = env.integer("EVALUATIONS_A_DAY", 30)
EVALUATION_THREADS = env.integer("EVALUATION_THREADS", 4)
# So long an answer is given again to whoever asks the very same, instead of asking a model. 0: never.
ANSWERS_REUSED_SECONDS = env.integer("ANSWERS_REUSED_HOURS", 24) * 3600
# Payments. Without a key nothing can be bought, and pages say whom to write to (empty: they name nobody).
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_API_URL = env.url("STRIPE_API_URL")  # empty: Stripe's own
# What its webhooks are signed with, comma-separated: two hold while one is changed for the other.
STRIPE_WEBHOOK_SECRETS = [one.strip() for one in env.text("STRIPE_WEBHOOK_SECRETS").split(",") if one.strip()]
# Its pages, as a browser sees them; more than one when the account has a domain of its own.
STRIPE_PAGES = env.text("STRIPE_PAGES", "https://checkout.stripe.com https://billing.stripe.com").split()
# Stripe works out taxes by the payer's address, and asks for their tax number.
STRIPE_TAX = env.flag("STRIPE_TAX")
STRIPE_TAX_IDS = env.flag("STRIPE_TAX_IDS")
STRIPE_TAX_CODE = env.text("STRIPE_TAX_CODE")  # of what is sold; empty: the account's usual one
PAYMENTS_CONTACT = env.text("PAYMENTS_CONTACT")
# What one person of finance may give or take of one business in a day before a second must allow it: credits,
# and for refunds to cards the smallest unit of the payment's currency (50,000 are 500.00).
SECOND_PAIR_OF_EYES = env.integer("SECOND_PAIR_OF_EYES", 10_000)
REFUND_SECOND_PAIR_OF_EYES = env.integer("REFUND_SECOND_PAIR_OF_EYES", 50_000)
# How much of each currency a US dollar is worth, so that finance sees a margin: "brl=5.40 eur=0.92".
EXCHANGE_RATES = env.decimals("EXCHANGE_RATES")
# So long the ledger of an erased business is kept, as files; as the law on accounts asks.
KEPT_LEDGER_YEARS = env.integer("KEPT_LEDGER_YEARS", 10)
