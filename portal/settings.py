"""Every setting of the portal, read from the environment once; docs/admin-guide.md lists them."""

import hashlib
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url

from portal import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.path("VAR_DIR", BASE_DIR / "var")
MEDIA_ROOT = env.path("MEDIA_ROOT", VAR_DIR / "blobs")
CACHE_DIR = VAR_DIR / "cache"

PORT = env.number("PORT", 8000, least=1)
BIND_HOST = env.text("BIND_HOST", "127.0.0.1")
BASE_URL = env.text("BASE_URL", f"http://localhost:{PORT}").rstrip("/")
ADMIN_EMAIL = env.text("ADMIN_EMAIL", "admin@example.com")
PORTAL_NAME = env.text("PORTAL_NAME", "Cited")
DEBUG = env.flag("DEBUG", "false")


def _secret_key() -> str:
    """Return SECRET_KEY, or one that is made at the first start and kept in VAR_DIR."""
    if given := env.text("SECRET_KEY"):
        return given
    kept = VAR_DIR / "secret_key"
    if not kept.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=VAR_DIR, delete=False) as draft:
            draft.write(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            kept.hardlink_to(draft.name)  # atomic, and the first of two racing processes wins
        Path(draft.name).unlink()
    return kept.read_text()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = [
    *env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
    urlsplit(BASE_URL).hostname or "localhost",
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "portal.errors.csrf_failed"
SECURE_COOKIES = env.flag("SECURE_COOKIES", "true" if BASE_URL.startswith("https://") else "false")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if env.flag("BEHIND_PROXY", "false"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "csp",
    "ninja",
    "portal",
    "portal.accounts",
    "retrieval",
    "ingestion",
    "portal.llms",
    "portal.answers",
    "portal.evaluation",
    "portal.web",
]
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.request_id",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.KnownErrors",
]
_SELF = ["'self'"]
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": _SELF,
        "style-src": _SELF,
        "img-src": _SELF,
        "font-src": _SELF,
        "connect-src": _SELF,
        "form-action": _SELF,
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": _SELF,
    }
}
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.web.context.frame",
            ],
        },
    }
]


def embedded_socket_dir(var_dir: Path) -> Path:
    """Return the folder of the embedded database's socket: short, because socket paths end at 107 bytes."""
    digest = hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cited-{digest}"


EMBEDDED_SOCKET_DIR = embedded_socket_dir(VAR_DIR)
_EMBEDDED = f"postgresql://{{role}}@/cited?host={EMBEDDED_SOCKET_DIR}"
DATABASE_URL = env.text("DATABASE_URL", _EMBEDDED.format(role="cited_app"))
EMBEDDED_DATABASE = _EMBEDDED.format(role="cited_app") == DATABASE_URL
DATABASE_OWNER_URL = env.text(
    "DATABASE_OWNER_URL", _EMBEDDED.format(role="postgres") if EMBEDDED_DATABASE else DATABASE_URL
)


def _database(url: str, **options: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    return parsed | {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parsed.get("OPTIONS", {}) | options,
    }


# "default" serves requests and jobs and may not change the schema; "owner" runs migrations and nothing else.
DATABASE_POOL_SIZE = env.number("DATABASE_POOL_SIZE", 16, least=1)
# Off behind a pooler that hands out a connection for each transaction and does not know prepared statements.
DATABASE_PREPARED_STATEMENTS = env.flag("DATABASE_PREPARED_STATEMENTS", "true")
# Planning a search anew took a fifth of its time. Addresses that have options of their own keep them.
_PLANS_ONCE = DATABASE_PREPARED_STATEMENTS and "options=" not in DATABASE_URL
_PLANNING = {"options": "-c plan_cache_mode=force_generic_plan"} if _PLANS_ONCE else {}
DATABASES = {
    "default": _database(
        DATABASE_URL,
        pool={"min_size": 0, "max_size": DATABASE_POOL_SIZE, "timeout": 10, "max_idle": 60},
        prepare_threshold=0 if DATABASE_PREPARED_STATEMENTS else None,
        **_PLANNING,
    ),
    "owner": _database(DATABASE_OWNER_URL),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMBEDDED_BROKER = not env.text("CELERY_BROKER_URL")
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or "sqla+" + DATABASE_URL.replace("://", "+psycopg://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {} if CELERY_BROKER_URL.startswith("sqla+") else {"visibility_timeout": 3600, "socket_keepalive": True}
)

# Ingestion: the ledger and the limits of a parse.
WORKER_CONCURRENCY = env.number("WORKER_CONCURRENCY", 2, least=1)
JOB_LEASE_SECONDS = env.number("JOB_LEASE_SECONDS", 30, least=3)
JOB_MAX_ATTEMPTS = env.number("JOB_MAX_ATTEMPTS", 3, least=1)
SWEEP_SECONDS = env.number("SWEEP_SECONDS", 15, least=1)
DELETED_RETENTION_DAYS = env.number("DELETED_RETENTION_DAYS", 30)
MAX_UPLOAD_MB = env.number("MAX_UPLOAD_MB", 100, least=1)
PARSE_CPU_SECONDS = env.number("PARSE_CPU_SECONDS", 900, least=1)
PARSE_WALL_SECONDS = env.number("PARSE_WALL_SECONDS", 1800, least=1)
PARSE_MEMORY_MB = env.number("PARSE_MEMORY_MB", 1024, least=256)
PARSE_MAX_PAGES = env.number("PARSE_MAX_PAGES", 5000, least=1)
PARSE_MAX_ZIP_ENTRIES = env.number("PARSE_MAX_ZIP_ENTRIES", 10_000, least=1)
PARSE_MAX_ZIP_MB = env.number("PARSE_MAX_ZIP_MB", 512, least=1)
PARSE_MAX_ZIP_RATIO = env.number("PARSE_MAX_ZIP_RATIO", 200, least=2)
PARSE_MAX_TEXT_MB = env.number("PARSE_MAX_TEXT_MB", 64, least=1)
PARSE_MAX_CELLS = env.number("PARSE_MAX_CELLS", 500_000, least=1)
PARSE_MAX_COLUMNS = env.number("PARSE_MAX_COLUMNS", 2_000, least=1)
PARSE_MAX_MEGAPIXELS = env.number("PARSE_MAX_MEGAPIXELS", 80, least=1)
PARSE_MAX_DEPTH = env.number("PARSE_MAX_DEPTH", 3, most=5)
PARSE_MAX_ATTACHMENTS = env.number("PARSE_MAX_ATTACHMENTS", 1_000)
PARSE_MAX_ATTACHMENT_MB = env.number("PARSE_MAX_ATTACHMENT_MB", 384, least=1)
PARSE_MAX_TEMP_MB = env.number("PARSE_MAX_TEMP_MB", 480, least=16)
OCR_ENGINE = env.choice("OCR_ENGINE", "auto", ["auto", "rapidocr", "tesseract"])
# Sources that documents come from by themselves, and where they may lead.
SOURCE_FOLDERS = env.paths("SOURCE_FOLDERS")
SOURCE_PRIVATE_NETWORKS = env.networks("SOURCE_PRIVATE_NETWORKS")
SOURCE_MAX_ITEMS = env.number("SOURCE_MAX_ITEMS", 100_000, least=1)
SOURCE_REPOSITORY_MB = env.number("SOURCE_REPOSITORY_MB", 1024, least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "ingestion.tasks.sweep",
        "schedule": float(SWEEP_SECONDS),
        "options": {"expires": SWEEP_SECONDS},
    },
    "merge-segments": {
        "task": "ingestion.tasks.merge_segments",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "tidy": {"task": "ingestion.tasks.tidy", "schedule": 600.0, "options": {"expires": 600}},
    "look-again": {"task": "portal.answers.tasks.look_again", "schedule": 600.0, "options": {"expires": 600}},
    "erase-old": {"task": "portal.answers.tasks.erase_old", "schedule": 3600.0, "options": {"expires": 3600}},
}

# Models.
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL", "sentence-transformers/all-MiniLM-L6-v2")
EMBEDDING_REVISION = env.text("EMBEDDING_REVISION")
EMBEDDING_BASE_URL = env.text("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = env.text("EMBEDDING_API_KEY")
EMBEDDING_THREADS = env.number("EMBEDDING_THREADS", 0)
EMBEDDING_RUNTIME = env.choice("EMBEDDING_RUNTIME", "auto", ["auto", "torch"])
MODEL_CACHE = env.path("MODEL_CACHE", VAR_DIR / "models")
RERANKER_MODEL = env.text("RERANKER_MODEL")
RERANKER_BASE_URL = env.text("RERANKER_BASE_URL")
RERANKER_API_KEY = env.text("RERANKER_API_KEY")
RERANKER_BUDGET_MS = env.number("RERANKER_BUDGET_MS", 1_000, least=1)
LLM_BASE_URL = env.text("LLM_BASE_URL")
LLM_MODEL = env.text("LLM_MODEL")
LLM_API_KEY = env.text("LLM_API_KEY")
LLM_CONTEXT_TOKENS = env.number("LLM_CONTEXT_TOKENS", 8192, least=1024)
LLM_MAX_OUTPUT_TOKENS = env.number("LLM_MAX_OUTPUT_TOKENS", 700, least=16)
LLM_LOCAL_HOSTS = env.words("LLM_LOCAL_HOSTS")
LLM_CURRENCY = env.text("LLM_CURRENCY", "USD")
LLM_CONNECT_SECONDS = env.number("LLM_CONNECT_SECONDS", 3, least=1)
LLM_FIRST_TOKEN_SECONDS = env.number("LLM_FIRST_TOKEN_SECONDS", 30, least=1)
LLM_BETWEEN_TOKENS_SECONDS = env.number("LLM_BETWEEN_TOKENS_SECONDS", 15, least=1)
LLM_ANSWER_SECONDS = env.number("LLM_ANSWER_SECONDS", 120, least=1)
DIFFICULTY_JUDGE_MS = env.number("DIFFICULTY_JUDGE_MS", 1_000, least=1, most=30_000)
CONVERSATION_CONTEXT_TOKENS = env.number("CONVERSATION_CONTEXT_TOKENS", 1_000)
CONVERSATION_REWRITING_SECONDS = env.number("CONVERSATION_REWRITING_SECONDS", 3, most=30)
CONVERSATION_RETENTION_DAYS = env.number("CONVERSATION_RETENTION_DAYS", 0)
CUT_UNSUPPORTED_SENTENCES = env.flag("CUT_UNSUPPORTED_SENTENCES", "false")
SUPPORT_MODEL = env.text("SUPPORT_MODEL")
SUPPORT_MODEL_BUDGET_MS = env.number("SUPPORT_MODEL_BUDGET_MS", 500, least=1, most=30_000)

# Search.
SEARCH_EXACT_LIMIT = env.number("SEARCH_EXACT_LIMIT", 25_000)
SEARCH_CODES_LIMIT = env.number("SEARCH_CODES_LIMIT", 300_000)
BM25_K1, BM25_B = 1.2, 0.75
SEARCH_FUSION = env.choice("SEARCH_FUSION", "convex", ["convex", "rrf"])
SEARCH_RRF_K = env.number("SEARCH_RRF_K", 60)
SEARCH_PER_DOCUMENT = env.number("SEARCH_PER_DOCUMENT", 3)
SEARCH_BOOST_RECENCY = env.number("SEARCH_BOOST_RECENCY", 0, most=1000)
SEARCH_BOOST_RECENCY_DAYS = env.number("SEARCH_BOOST_RECENCY_DAYS", 180, least=1)
SEARCH_BOOST_VERIFIED = env.number("SEARCH_BOOST_VERIFIED", 0, most=1000)
SEARCH_PINNED = env.flag("SEARCH_PINNED", "false")
FUSION_DENSE_WEIGHT = 0.5
FUSION_DENSE_WEIGHT_EXACT = 0.2  # of a question for an identifier or for quoted words
FUSION_DOCUMENT_WEIGHT = 0.5  # of the document that a question means, beside what its passage says
FUSION_LIKENESS_WEIGHT = 0.8  # of passages like the best ones, as a share of the weight of meaning
MAX_QUESTION_CHARS = env.number("MAX_QUESTION_CHARS", 2_000, least=100)

USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")
LANGUAGE_CODE = "en"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "sentence_transformers": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
