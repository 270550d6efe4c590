"""Evaluations that were run, on their pages: the list, one run, two side by side; for admins alone."""

import pytest

from portal.accounts.models import User
from portal.evaluation.models import EvaluationRun
from tests import factories
from tests.web.browser import Reader, text

pytestmark = pytest.mark.django_db
ADDRESS = "/manage/evaluations"


@pytest.fixture
def admin() -> User:
    return factories.user("admin@example.com", is_admin=True)


def test_an_admin_looks_at_runs_and_compares_two(admin: User) -> None:
    reader = Reader(admin)
    assert "No evaluation was run yet" in text(reader.get(ADDRESS))
    before = factories.evaluation_run(worth=(1.0, 0.5, 0.2), settings={"BM25_B": 0.75})
    after = factories.evaluation_run(worth=(0.4, 0.9, 0.2), settings={"BM25_B": 0.3})
    page = text(reader.get(ADDRESS))
    assert "0.567" in page
    assert page.index(str(after)) < page.index(str(before))
    page = text(reader.get(f"{ADDRESS}/{before.pk}"))
    assert page.index("Question 3?") < page.index("Question 2?") < page.index("Question 1?")
    page = text(reader.get(f"{ADDRESS}/compare", {"before": before.pk, "after": after.pk}))
    assert "1 question better, 1 worse, 1 the same" in page
    assert page.index("Question 1?") < page.index("Question 2?") < page.index("Question 3?")
    assert "worse, -0.600" in page
    assert '<th scope="row">BM25_B</th><td>0.75</td><td>0.3</td>' in page


def test_a_comparison_without_two_runs_of_one_set_is_explained(admin: User) -> None:
    reader = Reader(admin)
    assert "Choose two runs" in text(reader.get(f"{ADDRESS}/compare", {"before": "x"}), 400)
    run, empty = factories.evaluation_run(), factories.evaluation_run(worth=())
    chosen = {"before": run.pk, "after": empty.pk}
    assert "no question in common" in text(reader.get(f"{ADDRESS}/compare", chosen), 400)
    assert reader.get(f"{ADDRESS}/compare", {"before": run.pk, "after": 999_999}).status_code == 404


def test_an_admin_deletes_a_run(admin: User) -> None:
    run, reader = factories.evaluation_run(), Reader(admin)
    assert "Delete the run" in text(reader.get(f"{ADDRESS}/{run.pk}/delete"))
    assert "was deleted" in text(reader.post(f"{ADDRESS}/{run.pk}/delete", follow=True))
    assert not EvaluationRun.objects.exists()


def test_the_rest_sees_no_run_and_no_way_to_one() -> None:
    cast, run = factories.cast(), factories.evaluation_run("Quarterly")
    reader, missing = Reader(cast.alice), text(Reader(cast.alice).get("/nowhere"), 404)
    assert ADDRESS not in text(reader.get("/manage/ingestion"))
    for path in ("", f"/{run.pk}", f"/compare?before={run.pk}&after={run.pk}", f"/{run.pk}/delete"):
        response = reader.get(ADDRESS + path)
        assert response.status_code == 404
        assert "Quarterly" not in response.content.decode()
        assert len(text(response, 404)) == len(missing)
    assert reader.post(f"{ADDRESS}/{run.pk}/delete").status_code == 404
    assert EvaluationRun.objects.filter(pk=run.pk).exists()
