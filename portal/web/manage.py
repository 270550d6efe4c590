"""What a manager looks after, on one page: documents that need a hand, and those still in work."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ingestion.models import IngestionJob
from ingestion.states import describe_state, documents_with_state
from portal.web.requests import SignedInRequest, signed_in
from retrieval import access
from retrieval.models import Role

_SHOWN = 50
_State = IngestionJob.State
_BROKEN = {"job_state__in": [_State.FAILED, _State.QUARANTINED, _State.NO_TEXT]}
_WORKING = {"job_state__in": [_State.QUEUED, _State.WORKING]}


@require_safe
@signed_in
def overview(request: SignedInRequest) -> HttpResponse:
    managed = access.visible_collections(user=request.user, role=Role.MANAGER)
    documents = documents_with_state(user=request.user).filter(collection__in=managed)
    broken = documents.filter(**_BROKEN)
    working = documents.filter(**_WORKING)
    context = {
        "collections": managed.order_by("title", "pk"),
        "broken": [(one, describe_state(one)) for one in broken.order_by("-updated_at", "pk")[:_SHOWN]],
        "broken_count": broken.count(),
        "working": [(one, describe_state(one)) for one in working.order_by("updated_at", "pk")[:_SHOWN]],
        "working_count": working.count(),
        "section": "manage",
    }
    return render(request, "manage.html", context)
