"""The ASGI entry point: `uvicorn portal.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
_django = get_asgi_application()

from portal.body_limit import with_body_limit  # noqa: E402 - Django has to be set up first
from portal.lifespan import with_lifespan  # noqa: E402 - as above

application = with_lifespan(with_body_limit(_django))
