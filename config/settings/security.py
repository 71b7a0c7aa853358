"""Secrets, hosts, cookies, headers."""

from config import env

BASE_DIR = env.BASE_DIR
SECRET_KEY = env.secret_key()
ENCRYPTION_KEYS = [key for key in env.text("ENCRYPTION_KEYS").split(",") if key] or [SECRET_KEY]
DEBUG = False
BASE_DOMAIN = env.text("BASE_DOMAIN", "localhost")
PORT = env.integer("PORT", 8000)
PUBLIC_SCHEME = "https" if env.production() else "http"
# Hosts are checked by the tenant middleware against the Domain table: an unknown host is 404.
ALLOWED_HOSTS = ["*"]
USE_X_FORWARDED_HOST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.production():
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31536000
    SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^health$", r"^hooks/", r"^payments/"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS = env.email()
EMAIL_FILE_PATH = env.data_dir() / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Frontdesk <hello@frontdesk.example>")
