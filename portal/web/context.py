"""What the frame of every page needs."""

from django.conf import settings
from django.http import HttpRequest

from ingestion.board import looks_after_something
from portal.accounts.models import User
from portal.answers.watching import now_answered
from portal.errors import REQUEST_ID
from retrieval.collections import may_create_collections


def frame(request: HttpRequest) -> dict[str, object]:
    user = getattr(request, "user", None)
    return {
        "portal_name": settings.PORTAL_NAME,
        "request_id": request.META.get(REQUEST_ID, ""),
        "max_question_chars": settings.MAX_QUESTION_CHARS,
        "may_manage": isinstance(user, User)
        and (may_create_collections(user=user) or looks_after_something(user=user)),
        "now_answered": now_answered(user=user).count() if isinstance(user, User) else 0,
    }
