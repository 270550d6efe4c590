"""Requests over HTTP that go only where sources may: no redirects, no proxies, no cookies, all bounded."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import certifi
import httpcore

from ingestion.connectors.network import Network, UnknownHostError

USER_AGENT = "CitedConnector/1.0"
_SECONDS = 20.0
_SECONDS_IN_ALL = 600.0
_PIECE = 1 << 16


class RequestError(Exception):
    """No answer came, or not all of it; the message says why."""


class TooLargeError(Exception):
    """The body is longer than was asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose body is still to be read. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]

    def read(self, limit: int) -> bytes:
        """Return the body. Raises TooLargeError above `limit` bytes."""
        body = bytearray()
        for piece in self.pieces:
            body += piece
            if len(body) > limit:
                raise TooLargeError
        return bytes(body)

    def copy_to(self, file: IO[bytes], limit: int) -> None:
        """Write the body into a file. Raises TooLargeError above `limit` bytes."""
        size = 0
        for piece in self.pieces:
            size += len(piece)
            if size > limit:
                raise TooLargeError
            file.write(piece)


class _Backend(httpcore.NetworkBackend):
    """Connects to the address that was checked; TLS still checks the certificate against the name."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,  # noqa: ANN401 - as httpcore has it
    ) -> httpcore.NetworkStream:
        address = self._network.address_of(host, port)
        return self._plain.connect_tcp(address, port, timeout, local_address, socket_options)


def tls_context() -> ssl.SSLContext:
    """Trust what the machine trusts (SSL_CERT_FILE adds a company's own authority), and the public ones."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class WebClient:
    """Sends requests one after the other over kept connections."""

    def __init__(self, network: Network) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(),
            network_backend=_Backend(network),
            max_connections=4,
            keepalive_expiry=30,
        )

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[Response]:
        """Send one request. A redirect is an answer like any other.

        Raises RequestError, or BlockedAddressError where the address may not be reached.
        """
        sent: dict[str | bytes, str | bytes] = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        sent.update(headers or {})
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), _SECONDS)
        with (
            _told(url),
            self._pool.stream(
                method, url, headers=sent, content=body, extensions={"timeout": timeout}
            ) as answer,
        ):
            named = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers
            }
            yield Response(answer.status, named, _pieces(answer))


def _pieces(answer: httpcore.Response) -> Iterator[bytes]:
    end = time.monotonic() + _SECONDS_IN_ALL
    for piece in answer.iter_stream():
        if time.monotonic() > end:
            raise RequestError(f"The answer was not complete after {_SECONDS_IN_ALL:.0f} seconds.")
        yield piece


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what the library raises into one error with a plain message."""
    try:
        yield
    except UnknownHostError as error:
        raise RequestError(str(error)) from error
    except httpcore.TimeoutException as error:
        raise RequestError(f"It did not answer within {_SECONDS:.0f} seconds.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        raise RequestError(f"The connection failed: {_short(error)}") from error
    except (httpcore.UnsupportedProtocol, ValueError) as error:
        raise RequestError(f"“{url[:200]}” is not an address that can be asked.") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
