"""The door to what people look after."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from portal.web.requests import SignedInRequest, signed_in


@require_safe
@signed_in
def overview(request: SignedInRequest) -> HttpResponse:
    return redirect("manage_ingestion")
