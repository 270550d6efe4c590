import io

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.factories import Cast


@pytest.fixture
def cast(db: None) -> Cast:
    return factories.cast()


def _sources(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sources", *arguments, stdout=out)
    return out.getvalue()


def test_list(cast: Cast) -> None:
    factories.source(cast.papers, name="Share\x1b[31m", secret="gAAAA", configuration={"path": "/srv/x"})
    told = _sources()
    assert "Share" in told
    assert "not synced yet" in told
    assert told.splitlines()[-1] == "1 sources"
    assert not {"gAAAA", "/srv/x", "\x1b"} & set(told.split())
    assert "\x1b" not in told


def test_sync(cast: Cast) -> None:
    one, other = factories.source(cast.papers), factories.source(cast.papers, is_enabled=False)
    _sources("sync", "--all")
    assert one.jobs.filter(state="queued").count() == 1
    assert not other.jobs.exists()
    _sources("sync", str(other.pk), str(one.pk))
    assert one.jobs.count() == other.jobs.count() == 1


def test_sync_needs_to_know_what(cast: Cast) -> None:
    with pytest.raises(CommandError, match="--all"):
        _sources("sync")
    with pytest.raises(CommandError, match="no source"):
        _sources("sync", "00000000-0000-4000-8000-000000000000")
