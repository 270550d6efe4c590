"""A bucket of Amazon S3, or of a server that speaks its protocol (MinIO, Ceph, Garage).

botocore signs and understands; every byte goes through our own client, so that an endpoint can lead only
where sources may go. Keys come from the source's configuration alone, never from the server's environment.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingestion.connectors.http import RequestError, TooLargeError, WebClient
from ingestion.connectors.network import BlockedAddressError
from ingestion.connectors.protocol import (
    Configuration,
    Event,
    Field,
    Finished,
    Found,
    ItemError,
    Known,
    Limits,
    Problem,
    SourceError,
    too_large,
    too_many,
)

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_NO_ENTRY = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "403", "404"}
_LISTING_BYTES = 16 << 20
_MINUTES_SIGNED = 15
PAGE = 1000


class Bucket:
    """Tells objects apart by ETag and size, both of which the listing gives."""

    def __init__(self, configuration: Configuration, secret: str, limits: Limits) -> None:
        self._bucket = configuration["bucket"]
        self._prefix = configuration.get("prefix", "")
        self._limits = limits
        self._web = WebClient(limits.network)
        self._client = _client(configuration, secret)
        self._client.meta.events.register("before-send.s3", self._send)

    def close(self) -> None:
        self._client.close()
        self._web.close()

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        del cursor, known
        count = 0
        for entry in self._entries():
            if entry["Key"].endswith("/"):
                continue  # what consoles make for an empty folder
            count += 1
            if count > self._limits.max_items:
                yield Finished(complete=False, notice=too_many(self._limits))
                return
            yield self._event(entry)
        yield Finished()

    def _entries(self) -> Iterator[dict[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError

        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"PageSize": PAGE}
        )
        try:
            for page in pages:
                yield from page.get("Contents", [])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise SourceError(
                f"The bucket “{self._bucket}” cannot be listed ({code}). Nothing was removed. "
                "Check its name, region and keys.",
                permanent=code in _NO_ENTRY,
            ) from error
        except (BotoCoreError, RequestError, TooLargeError, BlockedAddressError) as error:
            raise SourceError(f"The bucket “{self._bucket}” cannot be listed. {_sentence(error)}") from error

    def _event(self, entry: Mapping[str, Any]) -> Event:
        key, size = str(entry["Key"]), int(entry["Size"])
        if message := too_large(size, self._limits):
            return Problem(key, key, message)
        shown = key.removeprefix(self._prefix).strip("/") or key
        return Found(key, shown, f"{entry.get('ETag', '')}:{size}", size=size)

    @contextmanager
    def fetch(self, found: Found) -> Iterator[IO[bytes]]:
        url = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": found.key}, ExpiresIn=60 * _MINUTES_SIGNED
        )
        with tempfile.TemporaryFile(dir=self._limits.work_dir) as file:
            try:
                with self._web.request("GET", url) as answer:
                    if answer.status != 200:  # noqa: PLR2004 - OK
                        raise ItemError(f"The server answered with {answer.status} instead of its content.")
                    answer.copy_to(file, self._limits.max_item_bytes)
            except TooLargeError as error:
                raise ItemError("It is larger than the listing said, and than what is taken.") from error
            except (RequestError, BlockedAddressError) as error:
                raise ItemError(str(error)) from error
            file.seek(0)
            yield file

    def _send(self, request: "AWSPreparedRequest", **_: object) -> "AWSResponse":
        """Send what botocore has signed, in botocore's place."""
        from botocore.awsrequest import AWSResponse

        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else None
        with self._web.request(request.method, request.url, headers=headers, body=body) as answer:
            content = answer.read(_LISTING_BYTES)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Read(content))


class _Read:
    """A body that was read, as botocore wants it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._content


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _sentence(error: Exception) -> str:
    if isinstance(error, RequestError | BlockedAddressError):
        return str(error)
    return f"The server's answer could not be used ({type(error).__name__})."


def _client(configuration: Configuration, secret: str) -> Any:  # noqa: ANN401 - boto3 makes classes at run time
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    key = configuration.get("access_key", "")
    config = Config(
        signature_version="s3v4" if key else UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": "path" if configuration.get("endpoint") else "auto"},
        proxies={},
    )
    # Explicit, though empty, keys: else botocore looks for those of the server itself.
    session = boto3.session.Session(aws_access_key_id=key or "-", aws_secret_access_key=secret or "-")
    try:
        return session.client(
            "s3",
            region_name=configuration.get("region") or "us-east-1",
            endpoint_url=configuration.get("endpoint") or None,
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"The address or region cannot be used: {error}", permanent=True) from error


@dataclass(frozen=True, slots=True)
class BucketKind:
    name: str = "s3"
    label: str = "S3 bucket"
    about: str = "Objects of an S3 bucket, at Amazon or on a server that speaks the same protocol."
    secret_label: str = "Secret access key"  # noqa: S105 - a label
    fields: tuple[Field, ...] = (
        Field("bucket", "Bucket", required=True),
        Field("prefix", "Prefix", "Only objects whose key begins so, for example handbook/."),
        Field(
            "endpoint",
            "Address of the server",
            "For example https://minio.example.com. Empty means Amazon.",
            is_target=True,
        ),
        Field("region", "Region", "For example eu-central-1.", default="us-east-1", is_target=True),
        Field("access_key", "Access key id", "Empty for a public bucket."),
    )

    def check(self, configuration: Configuration, limits: Limits) -> None:
        del limits
        endpoint = urlsplit(configuration.get("endpoint", ""))
        if configuration.get("endpoint") and (
            endpoint.scheme not in {"http", "https"} or not endpoint.netloc
        ):
            raise SourceError(
                "The address of the server must begin with https:// or http://.", permanent=True
            )
        if "@" in endpoint.netloc:
            raise SourceError("Put keys into their fields, not into the address.", permanent=True)

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Bucket:
        self.check(configuration, limits)
        return Bucket(configuration, secret, limits)


KIND = BucketKind()
