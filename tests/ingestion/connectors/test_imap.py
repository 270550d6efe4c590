import imaplib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.connectors.network import Network
from ingestion.connectors.protocol import SourceError
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.reading import Reading, limits, read
from tests.ingestion.connectors.servers import MailServer


@pytest.fixture
def server() -> Iterator[MailServer]:
    with servers.mail_server() as running:
        yield running


@pytest.fixture
def box(server: MailServer) -> Iterator[imaplib.IMAP4]:
    client = imaplib.IMAP4("127.0.0.1", server.port)
    client.login(server.user, server.password)
    put(client, "Rules for travel", "Go by train.")
    put(client, "=?utf-8?q?Caf=C3=A9_=2F_tea?=", "Drink tea.")
    yield client
    client.logout()


def put(client: imaplib.IMAP4, subject: str, text: str) -> None:
    message = f"From: a@example.com\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()
    client.append("INBOX", "", '"05-Mar-2026 10:00:00 +0000"', message)


def look(server: MailServer, folder: Path, before: Reading | None = None, **more: str) -> Reading:
    configuration = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "security": "none",
        "username": server.user,
    }
    secret = more.pop("secret", server.password)
    return read("imap", configuration | more, limits(folder), secret=secret, before=before)


def test_messages_become_items(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    told = look(server, tmp_path)
    assert set(told.by_path) == {"2026-03-05 Rules for travel (1).eml", "2026-03-05 Café tea (2).eml"}
    assert b"Go by train." in told.by_path["2026-03-05 Rules for travel (1).eml"]


def test_nothing_is_marked_as_read(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    look(server, tmp_path)
    box.select("INBOX", readonly=True)
    assert box.search(None, "UNSEEN")[1] == [b"1 2"]


def test_new_and_deleted_messages(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    first = look(server, tmp_path)
    assert look(server, tmp_path, first).fetched == {}
    box.select("INBOX")
    box.store("1", "+FLAGS", r"(\Deleted)")
    put(box, "News", "Fresh.")
    second = look(server, tmp_path, first)
    assert set(second.by_path) == {"2026-03-05 News (3).eml"}
    assert len(set(first.known) - set(second.known)) == 1, "what is marked as deleted is gone"
    assert second.finished
    assert second.finished.complete


def test_a_large_message_is_told(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    put(box, "Large", "x" * 5000)
    configuration = {"host": "127.0.0.1", "port": str(server.port), "security": "none", "username": "team"}
    bounds = limits(tmp_path, max_item_bytes=4000)
    told = read("imap", configuration, bounds, secret=server.password)
    assert len(told.known) == 2
    assert len(told.problems) == 1


def test_a_wrong_password(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="user name and password") as caught:
        look(server, tmp_path, secret="wrong-sesame")
    assert caught.value.permanent
    assert "sesame" not in str(caught.value)


def test_a_mailbox_that_is_not_there(server: MailServer, box: imaplib.IMAP4, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no mailbox"):
        look(server, tmp_path, mailbox='No"thing')


def test_servers_are_only_where_sources_may_go(server: MailServer, tmp_path: Path) -> None:
    configuration = {"host": "127.0.0.1", "port": str(server.port), "security": "none", "username": "x"}
    with pytest.raises(SourceError, match="SOURCE_PRIVATE_NETWORKS"):
        read("imap", configuration, limits(tmp_path, network=Network()), secret="x")


def test_a_server_that_announces_gigabytes_is_not_believed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def lie() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"* OK ready {99999999999}\r\n")
                connection.sendall(b"* CAPABILITY {99999999999}\r\n")
                connection.recv(100)

        thread = threading.Thread(target=lie, daemon=True)
        thread.start()
        port = str(listener.getsockname()[1])
        with pytest.raises(SourceError):
            read(
                "imap",
                {"host": "127.0.0.1", "port": port, "security": "none", "username": "x"},
                limits(tmp_path),
                secret="x",
            )
        thread.join(5)
