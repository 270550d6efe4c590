"""The ASGI entry point: `uvicorn portal.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)

from portal.body_limit import with_body_limit  # noqa: E402 - Django has to be set up first
from portal.lifespan import with_lifespan  # noqa: E402 - as above
from portal.one_thread import OneThreadHandler  # noqa: E402 - as above

application = with_lifespan(with_body_limit(OneThreadHandler()))
