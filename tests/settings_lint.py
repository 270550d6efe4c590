"""For the migration check alone, which compares models with files and so needs no server."""

from tests.settings import *  # noqa: F403 - the same applications

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
