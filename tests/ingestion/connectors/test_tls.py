"""The address is pinned, and the certificate is checked against the name all the same."""

import imaplib
import ssl
from pathlib import Path

import pytest

from ingestion.connectors.network import Network
from ingestion.connectors.protocol import SourceError
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.certificates import certificate
from tests.ingestion.connectors.reading import LOOPBACK, limits, read

HOST = "inside.example"
HERE = Network(LOOPBACK.private, resolve=lambda host, port: ["127.0.0.1"])


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path, HOST)


@pytest.fixture
def is_trusted(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))


@pytest.mark.usefixtures("is_trusted")
def test_a_website_of_the_company_s_own_authority(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with servers.site(tls=pair) as site:
        site.page("/", "Welcome")
        told = read("website", {"url": f"https://{HOST}:{site.port}/"}, limits(tmp_path, network=HERE))
        assert len(told.fetched) == 1
        with pytest.raises(SourceError, match="connection failed"):
            read("website", {"url": f"https://other.example:{site.port}/"}, limits(tmp_path, network=HERE))


def test_an_unknown_authority_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with servers.site(tls=pair) as site, pytest.raises(SourceError, match="connection failed"):
        read("website", {"url": f"https://{HOST}:{site.port}/"}, limits(tmp_path, network=HERE))
    assert site.asked == []


def _mail(server: servers.MailServer, host: str, security: str) -> dict[str, str]:
    port = server.tls_port if security == "tls" else server.port
    return {"host": host, "port": str(port), "security": security, "username": server.user}


@pytest.mark.usefixtures("is_trusted")
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mailbox_over_tls(security: str, pair: tuple[Path, Path], tmp_path: Path) -> None:
    with servers.mail_server(tls=pair) as server:
        box = imaplib.IMAP4("127.0.0.1", server.port)
        box.starttls(ssl._create_unverified_context())  # noqa: S323 - only to put a message there
        box.login(server.user, server.password)
        box.append("INBOX", "", "", b"Subject: Soup\r\n\r\nMondays.\r\n")
        box.logout()
        bounds = limits(tmp_path, network=HERE)
        assert read("imap", _mail(server, HOST, security), bounds, secret=server.password).fetched
        with pytest.raises(SourceError, match=r"could not be secured|does not answer"):
            read("imap", _mail(server, "other.example", security), bounds, secret=server.password)


def test_a_mailbox_of_an_unknown_authority_gets_no_password(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with servers.mail_server(tls=pair) as server, pytest.raises(SourceError, match="could not be secured"):
        read("imap", _mail(server, HOST, "tls"), limits(tmp_path, network=HERE), secret=server.password)
