"""Evaluations that were run: the list, one with its questions, and two side by side. For admins."""

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.evaluation import runs as services
from portal.evaluation.comparing import QuestionChange, compare_runs
from portal.evaluation.judging import HYBRID, LEADING
from portal.evaluation.models import EvaluatedQuestion, EvaluationRun
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError

PAGE = 50
_SHOWN = (LEADING, "recall@10")


@require_safe
@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the runs; two of them can be chosen for a comparison."""
    access.require_admin(user=request.user)
    return _list(request)


def _list(request: SignedInRequest, *, error: str = "") -> HttpResponse:
    page: Page[EvaluationRun] = Paginator(services.kept_runs(), PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": page,
        "runs": [(run, *map(run.search.get(HYBRID, {}).get, _SHOWN)) for run in page.object_list],
        "chosen": [request.GET.get("before", ""), request.GET.get("after", "")],
        "error": error,
        "section": "manage",
    }
    return render(request, "evaluations/list.html", context, status=400 if error else 200)


@require_safe
@signed_in
def show(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Show the figures of one run, and its questions, the worst first."""
    access.require_admin(user=request.user)
    run = services.get_run(run_id)
    page: Page[EvaluatedQuestion] = Paginator(services.results_of(run), PAGE).get_page(
        request.GET.get("page")
    )
    rankings = list(run.search.items())
    context = {
        "run": run,
        "columns": list(dict.fromkeys(name for _, figures in rankings for name in figures)),
        "rankings": rankings,
        "rows": page,
        "questions": [(row, row.figures.get(HYBRID, {}).get(LEADING)) for row in page.object_list],
        "section": "manage",
    }
    return render(request, "evaluations/show.html", context)


@require_safe
@signed_in
def compare(request: SignedInRequest) -> HttpResponse:
    """Show two runs side by side, the questions that lost first."""
    access.require_admin(user=request.user)
    before, after = (whole_number(request.GET.get(name, "")) for name in ("before", "after"))
    if before is None or after is None:
        return _list(request, error="Choose two runs: one as before, one as after.")
    try:
        compared = compare_runs(before=services.get_run(before), after=services.get_run(after))
    except InvalidInputError as error:
        return _list(request, error=str(error))
    page: Page[QuestionChange] = Paginator(compared.questions, PAGE).get_page(request.GET.get("page"))
    context = {
        "compared": compared,
        "rows": page,
        "kept": f"before={before}&after={after}&",
        "section": "manage",
    }
    return render(request, "evaluations/compare.html", context)


@signed_in
def delete(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Ask whether a run is to go for good; POST deletes it."""
    access.require_admin(user=request.user)
    run = services.get_run(run_id)
    if request.method != "POST":
        return render(request, "evaluations/delete.html", {"run": run, "section": "manage"})
    services.delete_run(run=run)
    messages.success(request, f"{run} was deleted.")
    return redirect("evaluations")
