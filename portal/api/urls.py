"""The REST API, mounted at /api/v1 by `portal/urls.py`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from portal.api import answers, collections, conversations, documents, history, jobs, me, search, sources
from portal.api.problems import Problem, TooLargeError, method_not_allowed, not_found, register

_DESCRIPTION = """
Search, ask, and look after documents, with exactly the rights of the person whose token you send in
`Authorization: Bearer cited_…`. Every error is `application/problem+json` (RFC 9457). What you may not see
and what does not exist give the same answer. The guides are in the collection “Cited handbook”.
"""
View = Callable[..., HttpResponse]


def _finished(view: View) -> View:
    """Wrap a view of ninja's so that its last plain-text errors are problems too, and nothing is cached."""

    @wraps(view)
    def finished(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            documents.check_announced_size(request)
            response = view(request, *args, **kwargs)
        except (Http404, TooLargeError) as error:
            response = api.on_exception(request, error)
        if isinstance(response, HttpResponseNotAllowed):
            response = method_not_allowed(request, response["Allow"])
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return finished


class ProblemAPI(NinjaAPI):
    """NinjaAPI in which every error, on every path under its root, is a problem document."""

    def _get_urls(self) -> list[URLPattern | URLResolver]:
        patterns = super()._get_urls()
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _finished(pattern.callback)
        return [*patterns, re_path(r"^.*$", _finished(not_found), name="not-found")]

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the schema, with the problem that any operation may answer and summaries in words."""
        schema: OpenAPISchema = super().get_openapi_schema(**options)
        schema["components"]["schemas"] |= _problem_schemas()
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"]["default"] = _PROBLEM_RESPONSE
                operation["summary"] = operation["description"].partition(". ")[0].removesuffix(".")
        return schema


_PROBLEM_RESPONSE = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    return definitions | {"Problem": schema}


api = ProblemAPI(
    title="Cited",
    version="1",
    urls_namespace="api",
    description=_DESCRIPTION,
    docs_decorator=csp_update({"img-src": ["data:"]}),  # the arrows in Swagger's style sheet
)
register(api)
for router in (
    me.router,
    search.router,
    answers.router,
    conversations.router,
    collections.router,
    documents.router,
    history.router,
    jobs.router,
    sources.router,
):
    api.add_router("", router)
