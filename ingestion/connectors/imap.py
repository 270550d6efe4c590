"""A mailbox over IMAP. Nothing is marked as read; a message never changes, it only comes and goes."""

import imaplib
import io
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import IO, Any

from ingestion.connectors.http import tls_context
from ingestion.connectors.network import BlockedAddressError, Network, UnknownHostError
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

_SECONDS = 60.0
_AT_ONCE = 500
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{1,40})"')
_MOST_OVERHEAD = 1 << 20


class _Bounded(imaplib.IMAP4):
    """imaplib, connected to a checked address, that never reads more than a message may have."""

    def __init__(self, host: str, port: int, *, network: Network, most: int) -> None:
        self._network = network
        self._most = most + _MOST_OVERHEAD
        super().__init__(host, port, timeout=_SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._network.connect(self.host, self.port, timeout=timeout or _SECONDS)

    def read(self, size: int) -> bytes:
        if size > self._most:  # a literal announces its size; imaplib would believe any
            raise self.abort(f"the server sends {size} bytes at once")
        return super().read(size)


class _BoundedTLS(_Bounded):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = super()._create_socket(timeout)
        return tls_context().wrap_socket(plain, server_hostname=self.host)


class Mailbox:
    """Names messages by the mailbox's UIDVALIDITY and their UID, as RFC 9051 2.3.1.1 lets one."""

    def __init__(self, configuration: Configuration, secret: str, limits: Limits) -> None:
        self._limits = limits
        self._host = configuration["host"]
        self._imap = _connect(configuration, limits)
        with self._told("signing in"):
            self._imap.login(configuration["username"], secret)
        self._mailbox = configuration.get("mailbox") or "INBOX"

    def close(self) -> None:
        try:
            self._imap.logout()
        except (OSError, imaplib.IMAP4.error):
            self._imap.shutdown()

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        del cursor
        with self._told("opening the mailbox"):
            count = self._select()
            validity = (self._imap.response("UIDVALIDITY")[1] or [b""])[0]
        prefix = f"{(validity or b'0').decode('ascii', 'replace')}."
        last = min(count, self._limits.max_items)
        for first in range(1, last + 1, _AT_ONCE):
            yield from self._batch(first, min(first + _AT_ONCE - 1, last), prefix, known)
        if count > last:
            yield Finished(complete=False, notice=too_many(self._limits))
        else:
            yield Finished()

    def _select(self) -> int:
        quoted = '"{}"'.format(self._mailbox.replace("\\", "\\\\").replace('"', '\\"'))
        state, data = self._imap.select(quoted, readonly=True)
        if state != "OK":
            raise SourceError(
                f"There is no mailbox “{self._mailbox}” on {self._host}. Check its name.", permanent=True
            )
        return int(data[0] or 0)

    def _batch(self, first: int, last: int, prefix: str, known: Mapping[str, Known]) -> Iterator[Event]:
        """Yield what a range of messages holds: headers are asked for new ones alone."""
        with self._told("listing messages"):
            uids = [uid for uid, flags in self._flags(first, last) if rb"\Deleted" not in flags]
            new = [uid for uid in uids if prefix + uid not in known]
            heads = dict(self._heads(new)) if new else {}
        for uid in uids:
            key = prefix + uid
            if key in known:
                yield Found(key, "", known[key].fingerprint)
            elif uid in heads:
                yield self._event(key, uid, *heads[uid])

    def _flags(self, first: int, last: int) -> Iterator[tuple[str, bytes]]:
        _, data = self._imap.fetch(f"{first}:{last}", "(UID FLAGS)")
        for line in data:
            if isinstance(line, bytes) and (uid := _UID.search(line)):
                yield uid[1].decode(), line

    def _heads(self, uids: list[str]) -> Iterator[tuple[str, tuple[int, str, str]]]:
        wanted = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        _, data = self._imap.uid("FETCH", ",".join(uids), wanted)
        for told, head in _literals(data):
            if (uid := _UID.search(told)) and (size := _SIZE.search(told)):
                yield uid[1].decode(), (int(size[1]), _day(told), _subject(head))

    def _event(self, key: str, uid: str, size: int, day: str, subject: str) -> Event:
        path = f"{day} {subject} ({uid}).eml".strip()
        if message := too_large(size, self._limits):
            return Problem(key, path, message)
        return Found(key, path, "whole", size=size)

    @contextmanager
    def fetch(self, found: Found) -> Iterator[IO[bytes]]:
        uid = found.key.rpartition(".")[2]
        with self._told("reading a message"):
            _, data = self._imap.uid("FETCH", uid, "(BODY.PEEK[])")
        bodies = [body for _, body in _literals(data)]
        if not bodies:
            raise ItemError("The message is gone from the mailbox.")
        yield io.BytesIO(bodies[0])

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Say in a plain sentence what went wrong; what the server said may hold anything, so it is cut."""
        try:
            yield
        except imaplib.IMAP4.abort as error:
            raise SourceError(f"{self._host} broke off while {doing}. This is tried again.") from error
        except imaplib.IMAP4.error as error:
            said = " ".join(str(error).split())[:200]
            hint = "Check user name and password. " if doing == "signing in" else ""
            raise SourceError(
                f"{self._host} refused {doing}. {hint}It says: {said}", permanent=doing == "signing in"
            ) from error
        except OSError as error:
            raise SourceError(f"{self._host} does not answer ({error}). This is tried again.") from error


def _literals(data: Any) -> Iterator[tuple[bytes, bytes]]:  # noqa: ANN401 - imaplib mixes bytes and pairs
    for part in data:
        if isinstance(part, tuple):
            yield part[0], part[1]


def _day(told: bytes) -> str:
    found = _DATE.search(told)
    try:
        moment = datetime.strptime((found[1] if found else b"").decode().strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return ""
    return moment.date().isoformat()


def _subject(head: bytes) -> str:
    raw = str(BytesHeaderParser().parsebytes(head).get("Subject", ""))
    try:
        shown = str(make_header(decode_header(raw)))
    except (ValueError, LookupError):  # a charset that nobody knows
        shown = raw
    cleaned = " ".join(shown.replace("/", " ").replace("\\", " ").split())
    return cleaned[:100] or "Without a subject"


def _connect(configuration: Configuration, limits: Limits) -> imaplib.IMAP4:
    host, port = configuration["host"], int(configuration.get("port") or 993)
    security = configuration.get("security") or "tls"
    kind = _BoundedTLS if security == "tls" else _Bounded
    try:
        imap = kind(host, port, network=limits.network, most=limits.max_item_bytes)
        if security == "starttls":
            imap.starttls(tls_context())
    except (BlockedAddressError, UnknownHostError) as error:
        raise SourceError(str(error), permanent=isinstance(error, BlockedAddressError)) from error
    except ssl.SSLError as error:
        raise SourceError(f"The connection to {host} could not be secured ({error.reason}).") from error
    except (OSError, imaplib.IMAP4.error) as error:
        raise SourceError(f"{host}, port {port}, does not answer as a mail server ({error}).") from error
    return imap


@dataclass(frozen=True, slots=True)
class MailboxKind:
    name: str = "imap"
    label: str = "Mailbox (IMAP)"
    about: str = "Messages of one mailbox, each a document, with what is attached. Nothing is marked as read."
    secret_label: str = "Password"  # noqa: S105 - a label
    fields: tuple[Field, ...] = (
        Field("host", "Server", "For example imap.example.com.", required=True, is_target=True),
        Field("port", "Port", shape="number", default="993", is_target=True),
        Field(
            "security",
            "Connection",
            shape="choice",
            default="tls",
            choices=(
                ("tls", "TLS"),
                ("starttls", "STARTTLS"),
                ("none", "Not encrypted (only within a network that you trust)"),
            ),
            is_target=True,
        ),
        Field("username", "User name", required=True),
        Field("mailbox", "Mailbox", "The name of the folder on the server.", default="INBOX"),
    )

    def check(self, configuration: Configuration, limits: Limits) -> None:
        del limits
        if not (configuration.get("port") or "993").isdigit():
            raise SourceError("The port must be a number.", permanent=True)
        texts = (configuration.get(name, "") for name in ("host", "username", "mailbox"))
        if any(not text.isprintable() for text in texts):
            raise SourceError("Server, user name and mailbox must be plain text.", permanent=True)

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Mailbox:
        self.check(configuration, limits)
        return Mailbox(configuration, secret, limits)


KIND = MailboxKind()
