"""Who may have sources, and that their secrets stay secret."""

import logging
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipeline, sources
from ingestion.models import IngestionJob, Source
from retrieval import secrets
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from retrieval.models import Role
from tests import factories
from tests.factories import Cast

# The heartbeat has a connection of its own, so what a sync works on must be committed.
pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "swordfish-7"
MAIL = {"host": "mail.example.com", "username": "team"}


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


def add(cast: Cast, **more: Any) -> Source:
    given: dict[str, Any] = {"user": cast.alice, "collection": cast.papers, "kind": "imap", "name": "Mail"}
    return sources.add_source(**given | {"configuration": MAIL, "secret": SECRET} | more)


def change(cast: Cast, source: Source, **more: Any) -> Source:
    given: dict[str, Any] = {"user": cast.alice, "source": source, "name": "Mail", "every_minutes": 60}
    return sources.change_source(**given | {"configuration": MAIL} | more)


def test_adding_queues_the_first_sync(cast: Cast) -> None:
    source = add(cast)
    assert source.configuration == MAIL | {"port": "993", "security": "tls", "mailbox": "INBOX"}
    assert source.jobs.get().state == "queued"
    assert source.next_run_at is not None


def test_sources_are_for_managers(cast: Cast) -> None:
    source = add(cast)
    factories.grant(cast.papers, team=cast.red, role=Role.CONTRIBUTOR)
    with pytest.raises(NotVisibleError):
        sources.get_source(user=cast.charlie, source_id=source.pk)
    assert sources.managed_sources(user=cast.bob).get() == source
    for act in (
        lambda: add(cast, user=cast.charlie, name="Mine"),
        lambda: change(cast, source, user=cast.charlie),
        lambda: sources.sync_now(user=cast.charlie, source=source),
        lambda: sources.cancel_sync(user=cast.charlie, source=source),
        lambda: sources.pause_source(user=cast.charlie, source=source, is_enabled=False),
        lambda: sources.delete_source(user=cast.charlie, source=source, with_documents=True),
    ):
        with pytest.raises(NotAllowedError):
            act()
    assert not sources.managed_sources(user=factories.user(is_admin=True)).exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"kind": "ftp"}, "no kind of source"),
        ({"name": " "}, "needs a name"),
        ({"configuration": {"host": "x"}}, "User name"),
        ({"configuration": MAIL | {"color": "red"}}, "no setting"),
        ({"configuration": MAIL | {"security": "magic"}}, "must be one of"),
        ({"configuration": MAIL | {"host": "a\nb"}}, "Server"),
        ({"configuration": MAIL | {"port": "x"}}, "port must be a number"),
        ({"every_minutes": -1}, "minutes"),
        ({"kind": "folder", "configuration": {"path": "/etc"}}, "SOURCE_FOLDERS"),
        ({"kind": "website", "configuration": {"url": "file:///etc/passwd"}}, "https://"),
        ({"kind": "git", "configuration": {"url": "https://me:pw@example.com/x"}}, "into their fields"),
    ],
)
def test_what_cannot_be_meant_is_explained(cast: Cast, more: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        add(cast, **more)
    assert not Source.objects.exists()


def test_a_name_stands_once_in_a_collection(cast: Cast) -> None:
    add(cast)
    with pytest.raises(InvalidInputError, match="already"):
        add(cast)


def test_secrets_are_encrypted_at_rest(cast: Cast) -> None:
    source = add(cast)
    row = Source.objects.values().get(pk=source.pk)
    assert SECRET not in str(row)
    assert secrets.decrypt(row["secret"]) == SECRET
    assert secrets.encrypt(SECRET) != secrets.encrypt(SECRET)
    assert secrets.encrypt("") == secrets.decrypt("") == ""


def test_a_changed_key_opens_by_its_fallback_and_closes_anew(cast: Cast, settings: Any) -> None:
    source = add(cast)
    earlier = settings.SECRET_KEY
    settings.SECRET_KEY = "another key " * 5
    with pytest.raises(secrets.LostSecretError):
        secrets.decrypt(source.secret)
    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert secrets.decrypt(source.secret) == SECRET
    fresh = secrets.renewed(source.secret)
    settings.SECRET_KEY_FALLBACKS = []
    assert secrets.decrypt(fresh) == SECRET


def test_a_lost_key_is_explained(cast: Cast, settings: Any) -> None:
    source = add(cast)
    settings.SECRET_KEY = "another key " * 5
    assert pipeline.work_on_next()
    run = source.runs.get()
    assert run.state == "failed"
    assert "Type it again" in run.message


def test_a_kept_secret_is_not_sent_elsewhere(cast: Cast) -> None:
    source = add(cast)
    assert secrets.decrypt(change(cast, source, name="Post").secret) == SECRET
    with pytest.raises(InvalidInputError, match="Type its password again"):
        change(cast, source, configuration=MAIL | {"host": "evil.example.com"})
    moved = change(cast, source, configuration=MAIL | {"host": "new.example.com"}, secret="other")
    assert secrets.decrypt(moved.secret) == "other"
    assert secrets.decrypt(change(cast, moved, configuration=moved.configuration, secret="").secret) == ""


def test_who_saves_it_stands_behind_it(cast: Cast) -> None:
    source = add(cast)
    assert source.acts_for == cast.alice
    assert change(cast, source, user=cast.bob).acts_for_id == cast.bob.pk


def test_a_failing_source_tells_no_secret(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    git = {"url": "https://git.invalid/handbook.git", "username": "me"}
    for kind, configuration in (
        ("imap", MAIL | {"host": "mail.invalid"}),
        ("git", git),
        ("website", {"url": "https://site.invalid/"}),
        ("s3", {"bucket": "b", "endpoint": "https://s3.invalid", "access_key": "AKID"}),
    ):
        source = add(cast, kind=kind, name=kind, configuration=configuration)
        assert pipeline.work_on_next()
        job = source.jobs.get()
        assert job.message, "it failed"
        IngestionJob.objects.filter(pk=job.pk).delete()
        assert SECRET not in job.message + repr(source) + str(source)
    assert SECRET not in caplog.text


def test_nothing_of_a_run_stays_on_disk(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.CACHE_DIR = tmp_path
    source = add(cast, configuration=MAIL | {"host": "mail.invalid"})
    assert pipeline.work_on_next()
    assert source.runs.get()
    assert list((tmp_path / "syncs").iterdir()) == []
