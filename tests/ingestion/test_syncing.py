"""Syncs as jobs of the ledger: what is taken in, what is left, what a kill leaves behind."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ingestion import ledger, pipeline, sources, tasks
from ingestion.documents import add_document, delete_document, keep_content
from ingestion.models import IngestionJob, Source, SyncRun
from portal.accounts.models import Membership, User
from retrieval.generations import ensure_first_generation
from retrieval.models import Collection, Document, DocumentVersion
from retrieval.search import search
from tests import factories
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.servers import Page, Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def plans(alice: User) -> Collection:
    ensure_first_generation()
    return factories.collection("Plans", owner=factories.team("Blue", managers=[alice]))


@pytest.fixture
def shared(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "shared"
    (folder / "travel").mkdir(parents=True)
    (folder / "food").mkdir()
    (folder / "travel" / "rules.txt").write_text("Second class is booked for short journeys by train.")
    (folder / "food" / "rules.txt").write_text("The canteen opens at noon and serves soup.")
    settings.SOURCE_FOLDERS = [folder]
    settings.SOURCE_PRIVATE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    return folder


@pytest.fixture
def source(alice: User, plans: Collection, shared: Path) -> Source:
    return sources.add_source(
        user=alice, collection=plans, kind="folder", name="Share", configuration={"path": str(shared)}
    )


def sync(source: Source) -> SyncRun:
    """Run the sync that waits, or one more, and return its run."""
    if not source.jobs.filter(state__in=ledger.OPEN).exists():
        ledger.open_sync(source=source)
    work_until(lambda: not source.jobs.filter(state__in=ledger.OPEN).exists())
    return source.runs.latest("started_at")


def work_until(is_done: Any) -> None:
    for _ in range(40):
        if is_done():
            return
        IngestionJob.objects.filter(state="queued").update(due_at=timezone.now())
        assert pipeline.work_on_next()
    pytest.fail("it does not end")


def index_all() -> None:
    work_until(lambda: not IngestionJob.objects.filter(state__in=ledger.OPEN).exists())


def counts(run: SyncRun) -> dict[str, int]:
    run.refresh_from_db()
    names = ("new", "changed", "unchanged", "removed", "left_out", "failed")
    return {name: getattr(run, name) for name in names if getattr(run, name)}


def names(collection: Collection) -> set[str]:
    live = Document.objects.filter(collection=collection, deleted_at__isnull=True)
    return set(live.values_list("name", flat=True))


def test_files_of_one_name_in_two_folders_become_two_documents(alice: User, source: Source) -> None:
    run = sync(source)
    assert (run.state, counts(run)) == ("done", {"new": 2})
    index_all()
    assert names(source.collection) == {"travel - rules.txt", "food - rules.txt"}
    assert search(user=alice, query="When does the canteen open?").hits[0].title


def test_unchanged_items_cost_nothing(source: Source, shared: Path) -> None:
    sync(source)
    index_all()
    jobs = IngestionJob.objects.filter(version__isnull=False).count()
    run = sync(source)
    assert (run.state, counts(run)) == ("done", {"unchanged": 2})
    assert IngestionJob.objects.filter(version__isnull=False).count() == jobs


def test_a_touched_file_with_the_same_bytes_makes_no_version(source: Source, shared: Path) -> None:
    sync(source)
    (shared / "food" / "rules.txt").touch()
    assert counts(sync(source)) == {"unchanged": 2}
    assert DocumentVersion.objects.count() == 2


def test_changes_and_removals_reach_the_index(alice: User, source: Source, shared: Path) -> None:
    sync(source)
    index_all()
    (shared / "food" / "rules.txt").write_text("The canteen opens at one and serves curry.")
    (shared / "travel" / "rules.txt").unlink()
    assert counts(sync(source)) == {"changed": 1, "removed": 1}
    assert [hit.document_id for hit in search(user=alice, query="second class train").hits] == [
        Document.objects.get(name="food - rules.txt").pk
    ], "gone at once, before anything else was read"
    index_all()
    assert "curry" in search(user=alice, query="What does the canteen serve?").hits[0].text
    assert counts(sync(source)) == {"unchanged": 1}


def test_a_failing_item_stops_nothing_and_says_why(source: Source, shared: Path, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 1
    (shared / "empty.txt").write_text("")
    (shared / "large.txt").write_bytes(b"x" * (2 << 20))
    (shared / "tool.exe").write_bytes(b"MZ")
    (shared / "program").write_bytes(b"MZ\x90\x00" + bytes(100))
    run = sync(source)
    assert run.state == "partly"
    assert counts(run) == {"new": 2, "left_out": 1, "failed": 3}
    told = {item.path: item.message for item in sources.troubled_items(source)}
    assert "is empty" in told["empty.txt"]
    assert "2 MB" in told["large.txt"]
    assert told["program"]
    (shared / "empty.txt").write_text("Not empty any more.")
    assert counts(sync(source)) == {"new": 1, "unchanged": 2, "left_out": 1, "failed": 2}


def test_an_upload_of_the_same_name_is_not_touched(alice: User, source: Source, shared: Path) -> None:
    mine = add_document(
        user=alice,
        collection=source.collection,
        name="food - rules.txt",
        content=(shared / "travel" / "rules.txt").open("rb"),
    ).document
    sync(source)
    assert mine.versions.count() == 1
    assert names(source.collection) == {"food - rules.txt", "food - rules (2).txt", "travel - rules.txt"}
    (shared / "food" / "rules.txt").unlink()
    sync(source)
    assert names(source.collection) == {"food - rules.txt", "travel - rules.txt"}


def test_what_somebody_deletes_here_stays_out(alice: User, source: Source, shared: Path) -> None:
    sync(source)
    delete_document(user=alice, document=Document.objects.get(name="food - rules.txt"))
    assert counts(sync(source)) == {"unchanged": 1, "left_out": 1}
    (shared / "food" / "rules.txt").write_text("Changed, and still not wanted here.")
    assert counts(sync(source)) == {"unchanged": 1, "left_out": 1}
    assert names(source.collection) == {"travel - rules.txt"}
    Document.objects.filter(name="food - rules.txt").update(deleted_at=None)
    assert counts(sync(source)) == {"unchanged": 1, "changed": 1}


def test_a_source_that_is_away_removes_nothing(source: Source, shared: Path) -> None:
    sync(source)
    shared.rename(shared.with_name("away"))
    run = sync(source)
    assert (run.state, counts(run)) == ("failed", {})
    assert "cannot be opened" in run.message
    job = source.jobs.latest("created_at")
    assert (job.state, job.attempts) == ("quarantined", 3)
    assert len(names(source.collection)) == 2
    shared.with_name("away").rename(shared)
    assert counts(sync(source)) == {"unchanged": 2}


def test_who_lost_the_role_adds_and_deletes_nothing(alice: User, source: Source, shared: Path) -> None:
    sync(source)
    (shared / "news.txt").write_text("News.")
    (shared / "food" / "rules.txt").unlink()
    Membership.objects.filter(user=alice).delete()
    run = sync(source)
    assert run.state == "failed"
    assert "may not change this collection" in run.message
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "open account" in sync(source).message
    assert names(source.collection) == {"food - rules.txt", "travel - rules.txt"}


def test_two_syncs_of_one_source_never_overlap(alice: User, source: Source) -> None:
    first = source.jobs.get()
    assert sources.sync_now(user=alice, source=source) == first
    sources.open_due_syncs()
    assert source.jobs.count() == 1


def test_syncs_leave_room_for_uploads(alice: User, source: Source, plans: Collection, shared: Path) -> None:
    other = sources.add_source(
        user=alice, collection=plans, kind="folder", name="Other", configuration={"path": str(shared)}
    )
    first = ledger.claim_next()
    assert first is not None
    assert ledger.claim_next() is None, "one sync at a time where a worker does two jobs"
    upload = add_document(
        user=alice, collection=plans, name="a.txt", content=(shared / "food" / "rules.txt").open("rb")
    )
    second = ledger.claim_next()
    assert second is not None
    assert upload.job is not None
    assert second.job_id == str(upload.job.pk)
    ledger.put_back(first, wait=timezone.timedelta())  # type: ignore[attr-defined]
    assert other.jobs.get().state == "queued"


def test_a_sync_that_lost_its_claim_writes_nothing_more(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a stopped worker wakes up late: another one has the job by then."""
    keep = keep_content

    def slow(**more: Any) -> Any:
        IngestionJob.objects.filter(source=source).update(fence=99)
        return keep(**more)

    monkeypatch.setattr("ingestion.syncing.keep_content", slow)
    assert pipeline.work_on_next()
    assert Document.objects.count() == 0
    assert source.items.count() == 0


def test_cancelling_ends_the_run_and_keeps_what_came(alice: User, source: Source, monkeypatch: Any) -> None:
    keep = keep_content

    def cancel_at_the_second(**more: Any) -> Any:
        if Document.objects.exists():
            sources.cancel_sync(user=alice, source=source)
        return keep(**more)

    monkeypatch.setattr("ingestion.syncing.keep_content", cancel_at_the_second)
    assert pipeline.work_on_next()
    assert source.runs.get().state == "cancelled"
    assert Document.objects.count() == 1
    monkeypatch.undo()
    assert counts(sync(source)) == {"new": 1, "unchanged": 1}


def test_a_run_that_was_cut_off_goes_on_and_counts_once(source: Source, monkeypatch: Any) -> None:
    keep, calls = keep_content, []

    def die_at_the_second(**more: Any) -> Any:
        calls.append(more["name"])
        if len(calls) == 2:
            raise SystemExit
        return keep(**more)

    monkeypatch.setattr("ingestion.syncing.keep_content", die_at_the_second)
    with pytest.raises(SystemExit):
        pipeline.work_on_next()
    monkeypatch.undo()
    IngestionJob.objects.filter(source=source).update(lease_expires_at=timezone.now())
    run = sync(source)
    assert (run.state, counts(run)) == ("done", {"new": 2})
    assert source.runs.count() == 1
    assert Document.objects.count() == 2


def test_due_sources_are_queued(source: Source) -> None:
    sync(source)
    source.refresh_from_db()
    assert source.next_run_at is not None
    assert sources.open_due_syncs() == 0
    Source.objects.update(next_run_at=timezone.now())
    assert sources.open_due_syncs() == 1
    assert source.jobs.filter(state="queued").count() == 1
    assert sources.open_due_syncs() == 0


def test_a_paused_source_is_not_due(alice: User, source: Source) -> None:
    sync(source)
    sources.pause_source(user=alice, source=source, is_enabled=False)
    Source.objects.update(next_run_at=timezone.now())
    assert sources.open_due_syncs() == 0
    sources.pause_source(user=alice, source=source, is_enabled=True)
    source.refresh_from_db()
    assert source.next_run_at is not None


def test_deleting_a_source_keeps_or_deletes_its_documents(
    alice: User, source: Source, plans: Collection, shared: Path
) -> None:
    sync(source)
    sources.delete_source(user=alice, source=source, with_documents=False)
    assert len(names(plans)) == 2
    again = sources.add_source(
        user=alice, collection=plans, kind="folder", name="Share", configuration={"path": str(shared)}
    )
    sync(again)
    assert len(names(plans)) == 4
    sources.delete_source(user=alice, source=again, with_documents=True)
    assert names(plans) == {"travel - rules.txt", "food - rules.txt"}
    assert not Source.objects.exists()


@pytest.fixture
def site(shared: Path) -> Iterator[Site]:
    with servers.site() as running:
        running.page("/", "Welcome to the handbook of the company.", "/leave", "/locked")
        running.page("/leave", "Leave is thirty days a year.")
        running.pages["/locked"] = Page(status=403)
        yield running


def test_a_website(alice: User, plans: Collection, site: Site) -> None:
    source = sources.add_source(
        user=alice, collection=plans, kind="website", name="Site", configuration={"url": site.url}
    )
    run = sync(source)
    assert (run.state, counts(run)) == ("partly", {"new": 2, "failed": 1})
    assert "403" in sources.troubled_items(source).get().message
    index_all()
    assert "thirty days" in search(user=alice, query="How long is leave?").hits[0].text
    site.asked.clear()
    assert counts(sync(source)) == {"unchanged": 2, "failed": 1}
    assert site.statuses()["/leave"] == 304
    del site.pages["/leave"]
    assert counts(sync(source)) == {"unchanged": 1, "removed": 1, "failed": 1}


def test_a_repository(alice: User, plans: Collection, shared: Path, tmp_path: Path) -> None:
    with servers.forge(tmp_path) as forge:
        forge.commit(guide__rules_dot_md="# Rules\n\nBe kind.", tool_dot_xyz="x", empty_dot_md="")
        source = sources.add_source(
            user=alice, collection=plans, kind="git", name="Repo", configuration={"url": forge.url}
        )
        assert counts(sync(source)) == {"new": 1, "left_out": 1, "failed": 1}
        assert counts(sync(source)) == {"unchanged": 1, "left_out": 1, "failed": 1}
        forge.commit(guide__rules_dot_md="# Rules\n\nBe very kind.", tool_dot_xyz=None)
        assert counts(sync(source)) == {"changed": 1, "failed": 1}
    assert names(plans) == {"guide - rules.md"}


@pytest.mark.slow
def test_a_bucket(alice: User, plans: Collection, shared: Path) -> None:
    import boto3

    with servers.s3_server() as address:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "shh"}
        bucket = boto3.resource("s3", endpoint_url=address, region_name="us-east-1", **keys).Bucket("plans")
        bucket.create()
        bucket.put_object(Key="a/rules.txt", Body=b"Be kind.")
        bucket.put_object(Key="b/rules.txt", Body=b"Be brief.")
        source = sources.add_source(
            user=alice,
            collection=plans,
            kind="s3",
            name="Bucket",
            configuration={"bucket": "plans", "endpoint": address, "access_key": "AKID"},
            secret="shh",
        )
        assert counts(sync(source)) == {"new": 2}
        bucket.Object("a/rules.txt").delete()
        assert counts(sync(source)) == {"unchanged": 1, "removed": 1}
    assert names(plans) == {"b - rules.txt"}


def test_a_mailbox(alice: User, plans: Collection, shared: Path) -> None:
    import imaplib

    with servers.mail_server() as server:
        box = imaplib.IMAP4("127.0.0.1", server.port)
        box.login(server.user, server.password)
        box.append("INBOX", "", "", b"Subject: Soup\r\n\r\nThe canteen serves soup on Mondays.\r\n")
        source = sources.add_source(
            user=alice,
            collection=plans,
            kind="imap",
            name="Mail",
            configuration={
                "host": "127.0.0.1", "port": str(server.port), "security": "none", "username": server.user
            },
            secret=server.password,
        )  # fmt: skip
        assert counts(sync(source)) == {"new": 1}
        index_all()
        assert "soup" in search(user=alice, query="When is there soup?").hits[0].text
        assert counts(sync(source)) == {"unchanged": 1}
        box.logout()


def test_the_clock_knows_of_sources(source: Source, settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["sweep"]
    assert entry["schedule"] <= 60
    Source.objects.update(next_run_at=timezone.now())
    source.jobs.all().delete()
    assert entry["task"] == tasks.sweep.name
    tasks.sweep()
    assert source.jobs.filter(state="queued").count() == 1
