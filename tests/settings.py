"""The settings of the tests: the portal's own, on a database and in a folder that each test run throws away.

Set DATABASE_OWNER_URL to use a PostgreSQL of your own; its role must be able to make databases. Every other
setting of the environment is dropped, so that a developer's own portal never changes what a test sees.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_PREFIXES = (
    "DATABASE_",
    "EMBEDDING_",
    "LLM_",
    "CELERY_",
    "CONVERSATION_",
    "PARSE_",
    "JOB_",
    "SEARCH_",
    "SOURCE_",
    "RERANKER_",
    "SUPPORT_",
    "DIFFICULTY_",
)
_NAMES = {"ADMIN_EMAIL", "ALLOWED_HOSTS", "BASE_URL", "BEHIND_PROXY", "BIND_HOST", "DEBUG", "MEDIA_ROOT"}
_NAMES |= {"MAX_QUESTION_CHARS", "MAX_UPLOAD_MB", "PORT", "PORTAL_NAME", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}
_NAMES |= {"SECURE_COOKIES", "SWEEP_SECONDS", "TIME_ZONE", "WORKER_CONCURRENCY"}
# Child processes of a test are given TEST_VAR_DIR by it, and with it everything that they are to know. The
# workers of pytest-xdist are children of the test run, but each has a database and a folder of its own.
_runner = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("TEST_RUNNER") != _runner:
    for _name in [name for name in os.environ if name.startswith(_PREFIXES) or name in _NAMES]:
        if _name != "DATABASE_OWNER_URL":
            del os.environ[_name]
    for _left in Path(tempfile.gettempdir()).glob("cited-tests-*"):  # by a run that was killed
        if not Path("/proc", _left.name.split("-")[2]).exists():
            shutil.rmtree(_left, ignore_errors=True)
    _var_dir = tempfile.mkdtemp(prefix=f"cited-tests-{os.getpid()}-")
    os.environ |= {"TEST_VAR_DIR": _var_dir, "TEST_RUNNER": _runner}
    os.environ |= {"ENV_FILE": os.devnull, "SECRET_KEY": "only for tests " * 4}
    atexit.register(shutil.rmtree, _var_dir, ignore_errors=True)
os.environ["VAR_DIR"] = os.environ["TEST_VAR_DIR"]
# Made once for all portals of all test runs: to make it anew takes each of them seconds.
os.environ["MODEL_CACHE"] = str(Path(__file__).resolve().parents[1] / ".model_cache")

from portal import settings as portal_settings  # noqa: E402 - the environment had to be ready first
from portal.settings import *  # noqa: E402, F403 - as above
from portal.settings import BASE_DIR, DATABASE_OWNER_URL  # noqa: E402

INSTALLED_APPS = [*portal_settings.INSTALLED_APPS, "django_linear_migrations"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "memory://")
CELERY_BROKER_TRANSPORT_OPTIONS = {}
LOG_LEVEL = "WARNING"

TEST_CORPORA = BASE_DIR.parent / "shared" / "corpora"
TEST_DATABASE_IS_EMBEDDED = "DATABASE_OWNER_URL" not in os.environ
_suffix = "_".join(Path(os.environ["TEST_VAR_DIR"]).name.split("-")[2:]).lower()
_database = portal_settings.DATABASES["owner"] | {"ENGINE": "tests.database"}
DATABASES = {
    "default": _database | {"TEST": {"NAME": f"test_cited_{_suffix}"}},
    "owner": _database | {"TEST": {"MIRROR": "default"}},
}
TEST_DATABASE_URL = DATABASE_OWNER_URL.replace("/cited", f"/test_cited_{_suffix}", 1)
