"""Django's settings: the environment is read here, once. The rest of the code reads `django.conf.settings`.

A wrong value raises SettingError, which the command line prints as its one sentence.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from convergio.billing.invoicing import gst
from convergio.core.environment import Environment, SettingError, database_from_url

env = Environment()
PACKAGE = Path(__file__).resolve().parent

# --- Where things are -------------------------------------------------------------------------------------
DATABASE_URL = env.secret("DATABASE_URL")
DATABASE_ADMIN_URL = env.secret("DATABASE_ADMIN_URL", DATABASE_URL)
# LISTEN, session locks and the queue's worker break behind a transaction pooler; they connect here.
DATABASE_DIRECT_URL = env.secret("DATABASE_DIRECT_URL", DATABASE_URL)
# So do prepared statements behind a pooler that does not carry them over (PgBouncer before 1.21).
PREPARED_STATEMENTS = env.flag("CONVERGIO_PREPARED_STATEMENTS", DATABASE_DIRECT_URL == DATABASE_URL)
DATA_DIR = Path(env.text("CONVERGIO_DATA_DIR", str(Path.home() / ".local/share/convergio"))).absolute()
STORAGE_DIR = DATA_DIR / "storage"
PUBLIC_URL = env.text("CONVERGIO_PUBLIC_URL", "http://127.0.0.1:3001").rstrip("/")

_public = urlsplit(PUBLIC_URL)
if _public.scheme not in {"http", "https"} or not _public.hostname:
    raise SettingError("CONVERGIO_PUBLIC_URL must be the address people open, like https://desk.example.com.")
HTTPS = _public.scheme == "https"
# Under https browsers are told to use nothing else for this host and, unless this is set, for its subdomains.
HSTS_SUBDOMAINS = not env.flag("CONVERGIO_HSTS_HOST_ONLY")

# --- Secrets and policy -----------------------------------------------------------------------------------
SECRET_KEY = env.secret("CONVERGIO_SECRET_KEY")
if DATABASE_URL and len(SECRET_KEY) < 32:
    raise SettingError(
        "CONVERGIO_SECRET_KEY must be set to at least 32 random characters; it encrypts stored secrets, so keep it."
    )
SECRET_KEY_FALLBACKS = env.secret("CONVERGIO_SECRET_KEY_OLD").replace(",", " ").split()
# A browser's session ends this many days after its start, and after so many days without use.
SESSION_DAYS = env.number("CONVERGIO_SESSION_DAYS", 30, least=1)
SESSION_IDLE_DAYS = env.number("CONVERGIO_SESSION_IDLE_DAYS", 14, least=1)
SIGNUP = env.choice("CONVERGIO_SIGNUP", "open", ("open", "invite", "closed"))
RATE_LIMIT = env.number("CONVERGIO_RATE_LIMIT", 600)
TRUSTED_PROXIES = env.networks("CONVERGIO_TRUSTED_PROXIES")
ALLOW_PRIVATE_HOSTS = env.flag("CONVERGIO_ALLOW_PRIVATE_HOSTS")
MAIL_FROM = env.text("CONVERGIO_MAIL_FROM", f"Convergio <no-reply@{_public.hostname}>")
# The product's own notices (password reset) go by this server, or as files to a folder when none is set.
SYSTEM_SMTP_URL = env.secret("CONVERGIO_SMTP_URL")
UNDO_SECONDS = env.number("CONVERGIO_UNDO_SECONDS", 8)
# Google sign-in is off while these are unset. The issuer's own document tells the other addresses.
GOOGLE_CLIENT_ID = env.text("CONVERGIO_GOOGLE_CLIENT_ID")
GOOGLE_CLIENT_SECRET = env.secret("CONVERGIO_GOOGLE_CLIENT_SECRET")
GOOGLE_ISSUER = env.text("CONVERGIO_GOOGLE_ISSUER", "https://accounts.google.com").rstrip("/")
if bool(GOOGLE_CLIENT_ID) != bool(GOOGLE_CLIENT_SECRET):
    raise SettingError(
        "CONVERGIO_GOOGLE_CLIENT_ID and CONVERGIO_GOOGLE_CLIENT_SECRET belong together: set both or none."
    )
if urlsplit(GOOGLE_ISSUER).scheme not in {"http", "https"} or not urlsplit(GOOGLE_ISSUER).hostname:
    raise SettingError("CONVERGIO_GOOGLE_ISSUER must be an address like https://accounts.google.com.")
AI_MODEL = env.choice("CONVERGIO_AI_MODEL", "offline", ("offline",))

# --- Who sells, for invoices ------------------------------------------------------------------------------
SELLER_NAME = env.text("CONVERGIO_SELLER_NAME")
SELLER_ADDRESS = [line.strip() for line in env.text("CONVERGIO_SELLER_ADDRESS").split(";") if line.strip()]
SELLER_GSTIN = env.text("CONVERGIO_SELLER_GSTIN").upper()
SELLER_STATE = env.text("CONVERGIO_SELLER_STATE") or SELLER_GSTIN[:2]
SELLER_LUT = env.text("CONVERGIO_SELLER_LUT")
INVOICE_PREFIX = env.text("CONVERGIO_INVOICE_PREFIX", "CB")
CREDIT_NOTE_PREFIX = env.text("CONVERGIO_CREDIT_NOTE_PREFIX", "CN")
SAC_CODE = env.text("CONVERGIO_SAC_CODE", "997331")
GST_RATE = env.number("CONVERGIO_GST_RATE_BASIS_POINTS", 1800)
PRICES_INCLUDE_TAX = not env.flag("CONVERGIO_TAX_ON_TOP")

if SELLER_GSTIN and (_problem := gst.gstin_problem(SELLER_GSTIN)):
    raise SettingError(f"CONVERGIO_SELLER_GSTIN: {_problem}")
if SELLER_STATE and SELLER_STATE not in gst.STATES:
    raise SettingError(
        "CONVERGIO_SELLER_STATE is the two digits of an Indian state, like 27 for Maharashtra."
    )
if SELLER_GSTIN and SELLER_GSTIN[:2] != SELLER_STATE:
    raise SettingError(
        "CONVERGIO_SELLER_STATE is not the state in which CONVERGIO_SELLER_GSTIN is registered."
    )
if not gst.is_sac(SAC_CODE):
    raise SettingError("CONVERGIO_SAC_CODE is 99 and four digits, like 997331.")
if GST_RATE > 10_000 or GST_RATE % 2:
    raise SettingError("CONVERGIO_GST_RATE_BASIS_POINTS is an even number up to 10000; 1800 are 18 %.")
for _prefix in (INVOICE_PREFIX, CREDIT_NOTE_PREFIX):
    if not gst.is_prefix(_prefix):
        raise SettingError(
            "CONVERGIO_INVOICE_PREFIX and _CREDIT_NOTE_PREFIX are one to three capitals or digits."
        )
if INVOICE_PREFIX == CREDIT_NOTE_PREFIX:
    raise SettingError("CONVERGIO_INVOICE_PREFIX and CONVERGIO_CREDIT_NOTE_PREFIX must differ.")

# --- Ways to pay: each is off while its first setting is unset ----------------------------------------------
RAZORPAY_KEY_ID = env.secret("CONVERGIO_RAZORPAY_KEY_ID")
RAZORPAY_KEY_SECRET = env.secret("CONVERGIO_RAZORPAY_KEY_SECRET")
RAZORPAY_WEBHOOK_SECRET = env.secret("CONVERGIO_RAZORPAY_WEBHOOK_SECRET")
RAZORPAY_WEBHOOK_SECRET_OLD = env.secret("CONVERGIO_RAZORPAY_WEBHOOK_SECRET_OLD")
RAZORPAY_URL = env.text("CONVERGIO_RAZORPAY_URL", "https://api.razorpay.com").rstrip("/")
# The first serves the checkout's script; the others are what that script may load.
RAZORPAY_CHECKOUT = [
    origin.rstrip("/")
    for origin in env.text(
        "CONVERGIO_RAZORPAY_CHECKOUT", "https://checkout.razorpay.com https://cdn.razorpay.com"
    ).split()
]
STRIPE_SECRET_KEY = env.secret("CONVERGIO_STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.secret("CONVERGIO_STRIPE_WEBHOOK_SECRET")
STRIPE_WEBHOOK_SECRET_OLD = env.secret("CONVERGIO_STRIPE_WEBHOOK_SECRET_OLD")
STRIPE_URL = env.text("CONVERGIO_STRIPE_URL", "https://api.stripe.com").rstrip("/")
BANK_DETAILS = env.text("CONVERGIO_BANK_DETAILS")
FAKE_GATEWAY = env.flag("CONVERGIO_FAKE_GATEWAY")
if RAZORPAY_KEY_ID and not (RAZORPAY_KEY_SECRET and RAZORPAY_WEBHOOK_SECRET):
    raise SettingError(
        "CONVERGIO_RAZORPAY_KEY_ID needs CONVERGIO_RAZORPAY_KEY_SECRET and CONVERGIO_RAZORPAY_WEBHOOK_SECRET beside it."
    )
if not RAZORPAY_CHECKOUT or any(
    urlsplit(origin).scheme not in {"http", "https"} or urlsplit(origin)[2:] != ("", "", "")
    for origin in RAZORPAY_CHECKOUT
):
    raise SettingError(
        "CONVERGIO_RAZORPAY_CHECKOUT names origins like https://checkout.razorpay.com, with blanks between."
    )
if STRIPE_SECRET_KEY and not STRIPE_WEBHOOK_SECRET:
    raise SettingError("CONVERGIO_STRIPE_SECRET_KEY needs CONVERGIO_STRIPE_WEBHOOK_SECRET beside it.")

ALLOWED_HOSTS = [_public.hostname, "127.0.0.1", "localhost", *env.words("CONVERGIO_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DEBUG = env.flag("CONVERGIO_DEBUG")

# --- Django -----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "procrastinate.contrib.django",
    "convergio.core",
    "convergio.accounts",
    "convergio.billing",
    "convergio.ai",
    "convergio.work",
    "convergio.mail",
    "convergio.calendars",
    "convergio.streams",
    "convergio.audits",
    "convergio.site",
]
MIDDLEWARE = [
    "convergio.site.security_headers.SecurityHeaders",
    "convergio.site.request_limits.RequestLimits",
    "convergio.site.static_files.StaticFiles",
    "convergio.site.middleware.SignedInRequest",
    "convergio.site.rate_limit.RateLimit",
    "convergio.site.middleware.RequireActor",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "convergio.site.backoffice.door.BackOffice",
]
ROOT_URLCONF = "convergio.site.urls"
WSGI_APPLICATION = "convergio.site.wsgi.application"
APPEND_SLASH = False

DATABASES = {
    "default": {
        **database_from_url(DATABASE_URL or "postgresql://convergio@127.0.0.1:1/unset"),
        "ATOMIC_REQUESTS": False,  # site.middleware opens the transaction together with the workspace scope
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
if env.flag("CONVERGIO_DATABASE_POOL"):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 32, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None
if PREPARED_STATEMENTS:
    # Of core.sql's statements; planning is most of the server's work on the hot lists (decision 0035).
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 5
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [str(path) for path in sorted(PACKAGE.glob("*/templates"))],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "convergio.site.jinja.environment",
            "context_processors": ["convergio.site.context.frame"],
        },
    },
    {
        # The back office alone: Django's admin is written in Django's own template language.
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [str(PACKAGE / "site/backoffice/templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "/static/"
STATICFILES_DIRS: list[str] = []
STATIC_ROOT = PACKAGE / "site" / "static"
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["convergio.accounts.hashing.Argon2Hasher"]
ARGON2_MEMORY_KIB = env.number("CONVERGIO_ARGON2_MEMORY_KIB", 47104, least=8)
ARGON2_TIME_COST = env.number("CONVERGIO_ARGON2_TIME_COST", 1, least=1)

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False

CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-convergio" if HTTPS else "convergio"
CSRF_FAILURE_VIEW = "convergio.site.views.csrf_failed"
DATA_UPLOAD_MAX_MEMORY_SIZE = 30 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
MESSAGE_STORAGE = "convergio.site.backoffice.door.Notes"
SESSION_COOKIE_SECURE = HTTPS
SILENCED_SYSTEM_CHECKS = [
    "admin.E408",  # the user of the back office comes from our own look-up (site/backoffice/door.py),
    "admin.E410",  # and nothing there keeps a session of Django's
]

LOGGING_CONFIG = "convergio.core.logs.configure"
LOGGING = {"level": env.choice("CONVERGIO_LOG_LEVEL", "info", ("debug", "info", "warning", "error"))}
LOG_FORMAT = env.choice("CONVERGIO_LOG_FORMAT", "json", ("json", "text"))

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
