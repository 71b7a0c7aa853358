"""The way of a request."""

from config import env

ROOT_URLCONF = "config.urls"
PUBLIC_SCHEMA_URLCONF = "config.public_urls"
ASGI_APPLICATION = "config.asgi.application"
MIDDLEWARE = [
    "config.health.middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.TenantMiddleware",
    "tenants.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenants.mounting.InboxMiddleware",
    "tenants.middleware.AccessMiddleware",
    "tenants.second_factor.middleware",
    "tenants.positions.middleware",
    "tenants.middleware.LanguageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [env.BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context.tenant",
                "tenants.bell.context",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.ApiKeyAuthentication",
        "tenants.api.MemberAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.IsMember"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.JSON"],
    "DEFAULT_SCHEMA_CLASS": "tenants.openapi.Schema",
    "EXCEPTION_HANDLER": "tenants.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
# Requests a minute: from one address, with one key, and of those that a model answers.
API_ADDRESS_RATE = env.integer("API_ADDRESS_RATE", 1200)
API_KEY_RATE = env.integer("API_KEY_RATE", 600)
API_ANSWER_RATE = env.integer("API_ANSWER_RATE", 60)
# Seconds that a program waits for an answer before it is told to come back for it.
API_ANSWER_SECONDS = env.number("API_ANSWER_SECONDS", 25)
SPECTACULAR_SETTINGS = {
    "TITLE": "Frontdesk API",
    "VERSION": "1",
    "DESCRIPTION": "Everything that a business's own programs may do. docs/api.md has examples.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.openapi.complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
}

UNFOLD = {
    "SITE_TITLE": "Frontdesk",
    "SITE_HEADER": "Frontdesk back office",
    "SITE_SYMBOL": "concierge",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"show_search": True, "navigation": "tenants.backoffice.navigation"},
    "STYLES": ["tenants.backoffice.own_style"],
}
