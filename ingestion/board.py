"""The board of ingestion: what a person looks after, by state, with counts that add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, IntegerField, Min, Q, QuerySet, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.functions import Now

from ingestion.forecast import Outlook, forecast
from ingestion.jobs import jobs_looked_after, newest_jobs
from ingestion.ledger import OPEN, State, lease
from ingestion.models import IngestionJob
from ingestion.states import STALLED, DocumentState, describe_job
from ingestion.workers import Worker, alive_workers
from retrieval import access
from retrieval.errors import NotAllowedError
from retrieval.models import Collection, Document, Role
from retrieval.people import Member

# In the order in which the board shows them: first what goes on, then what needs a hand.
STATES = (
    STALLED,
    State.WORKING,
    State.QUEUED,
    State.FAILED,
    State.QUARANTINED,
    State.NO_TEXT,
    State.CANCELLED,
    State.INDEXED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A document on the board."""

    document: Document
    state: DocumentState


@dataclass(frozen=True, slots=True)
class Counts:
    """Documents by state, in the order of STATES; they add up to `total`."""

    by_state: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def in_progress(self) -> int:
        return sum(self.by_state[state] for state in (STALLED, *OPEN))

    @property
    def failed(self) -> int:
        return sum(self.by_state[state] for state in (State.FAILED, State.QUARANTINED, State.NO_TEXT))


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the work goes on: of the whole portal, without names."""

    workers: list[Worker]
    counts: Counts
    oldest_waiting: datetime | None
    oldest_heartbeat: datetime | None


def board_jobs(
    *, user: Member, state: str = "", collection: Collection | None = None
) -> QuerySet[IngestionJob]:
    """Return the jobs that a person looks after, in the order of the board."""
    jobs = jobs_looked_after(user=user)
    if collection is not None:
        jobs = jobs.filter(version__document__collection=collection)
    if state:
        jobs = jobs.filter(_in_state(state))
    return jobs.order_by(_rank(), _ended_last(), "due_at", "pk")


def _in_state(state: str) -> Q:
    overdue = Q(lease_expires_at__lt=Now() - lease() / 2)
    if state == STALLED:
        return Q(state=State.WORKING) & overdue
    return Q(state=State.WORKING) & ~overdue if state == State.WORKING else Q(state=state)


def _rank() -> Case:
    whens = [When(_in_state(state), then=Value(number)) for number, state in enumerate(STATES)]
    return Case(*whens, default=Value(len(STATES)), output_field=IntegerField())


def _ended_last() -> OrderBy:
    return F("finished_at").desc(nulls_first=True)


def count_states(jobs: QuerySet[IngestionJob]) -> Counts:
    """Return how many of some jobs are in each state."""
    counted = jobs.order_by().aggregate(**{state: Count("pk", filter=_in_state(state)) for state in STATES})
    return Counts({state: counted[state] for state in STATES})


def board_rows(jobs: Iterable[IngestionJob], outlook: Outlook | None = None) -> list[Row]:
    """Return jobs as rows of the board, with their places in the queue and estimates."""
    listed = list(jobs)
    open_ones = [job.pk for job in listed if job.state in OPEN]
    known = forecast(IngestionJob.objects.filter(pk__in=open_ones), outlook) if open_ones else {}
    return [Row(job.document_version.document, describe_job(job, known.get(job.pk))) for job in listed]


def whole_portal(*, user: Member) -> Health:
    """Return how the work goes over the whole portal, without a name of anything. For admins."""
    if not user.is_admin:
        raise NotAllowedError("Only admins see how the whole portal does. Ask one of them.")
    jobs = newest_jobs()
    ages = IngestionJob.objects.filter(state__in=OPEN, generation__isnull=True).aggregate(
        waiting=Min("due_at", filter=Q(state=State.QUEUED, due_at__lte=Now())),
        heartbeat=Min("heartbeat_at", filter=Q(state=State.WORKING)),
    )
    return Health(alive_workers(), count_states(jobs), ages["waiting"], ages["heartbeat"])


def looks_after_something(*, user: Member) -> bool:
    """Return whether there is a collection in which the person has at least the contributor role."""
    return access.visible_collections(user=user, role=Role.CONTRIBUTOR).exists()
