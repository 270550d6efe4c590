"""What the frame of every page needs."""

from django.conf import settings
from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, object]:
    return {"portal_name": settings.PORTAL_NAME}
