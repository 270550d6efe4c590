from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ingestion.connectors import s3
from ingestion.connectors.network import Network
from ingestion.connectors.protocol import SourceError
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.reading import Reading, limits, read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with servers.s3_server() as running:
        yield running


@pytest.fixture
def bucket(address: str) -> Iterator[Any]:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "shh"}
    store = boto3.resource("s3", endpoint_url=address, region_name="us-east-1", **keys)
    made = store.Bucket("handbook")
    made.create()
    made.put_object(Key="docs/rules.txt", Body=b"Be kind.")
    made.put_object(Key="docs/travel/rules.txt", Body=b"Go by train.")
    made.put_object(Key="docs/empty/", Body=b"")
    made.put_object(Key="other/notes.txt", Body=b"Not asked for.")
    yield made
    made.objects.all().delete()
    made.delete()


def look(address: str, folder: Path, before: Reading | None = None, **more: str) -> Reading:
    configuration = {"bucket": "handbook", "prefix": "docs/", "endpoint": address, "access_key": "AKID"}
    return read("s3", configuration | more, limits(folder), secret="shh", before=before)


def test_objects_below_a_prefix(bucket: Any, address: str, tmp_path: Path) -> None:
    told = look(address, tmp_path)
    assert told.by_path == {"rules.txt": b"Be kind.", "travel/rules.txt": b"Go by train."}


def test_only_what_changed_is_fetched(bucket: Any, address: str, tmp_path: Path) -> None:
    first = look(address, tmp_path)
    assert look(address, tmp_path, first).fetched == {}
    bucket.put_object(Key="docs/rules.txt", Body=b"Be very kind.")
    bucket.Object("docs/travel/rules.txt").delete()
    second = look(address, tmp_path, first)
    assert second.by_path == {"rules.txt": b"Be very kind."}
    assert set(first.known) - set(second.known) == {"docs/travel/rules.txt"}


def test_more_objects_than_one_listing_holds(
    bucket: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE", 2)
    for number in range(5):
        bucket.put_object(Key=f"docs/many/{number}.txt", Body=b"x")
    assert len(look(address, tmp_path).known) == 7


def test_a_bucket_that_is_not_there(bucket: Any, address: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="NoSuchBucket") as caught:
        look(address, tmp_path, bucket="nothing")
    assert caught.value.permanent
    assert "shh" not in str(caught.value)


def test_a_server_that_is_away_may_come_back(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be listed") as caught:
        look(f"http://127.0.0.1:{servers.free_port()}", tmp_path)
    assert not caught.value.permanent


def test_an_endpoint_leads_only_where_sources_may_go(bucket: Any, address: str, tmp_path: Path) -> None:
    configuration = {"bucket": "handbook", "endpoint": address, "access_key": "AKID"}
    with pytest.raises(SourceError, match="SOURCE_PRIVATE_NETWORKS"):
        read("s3", configuration, limits(tmp_path, network=Network()), secret="shh")


def test_the_keys_of_the_server_itself_are_never_used(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SERVER-KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "server secret")
    with servers.site() as recorder:
        listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        recorder.answer_all = servers.Page(listing)
        read("s3", {"bucket": "handbook", "endpoint": recorder.url}, limits(tmp_path))
        assert recorder.sent
        assert "SERVER-KEY" not in str(recorder.sent)
        assert not any("Authorization" in headers for headers in recorder.sent)
