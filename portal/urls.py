"""Pages at the root, the REST API under /api/v1, and one page for each error."""

from django.urls import URLPattern, URLResolver, include, path

from portal.api.urls import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.web.urls")),
    path("api/v1/", api.urls),
]
handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.forbidden"
handler404 = "portal.errors.not_found"
handler500 = "portal.errors.server_error"
