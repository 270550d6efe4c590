"""A website, by its sitemap and its links, within the hosts that were named and what robots.txt allows.

Each address is asked whether it has changed (ETag, Last-Modified) before its body is sent again. Redirects
are followed by hand, so that each of their steps has to pass the same checks as a link.
"""

import base64
import gzip
import hashlib
import json
import tempfile
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from ingestion.connectors._links import (
    forbids_follow,
    forbids_index,
    is_index,
    links_of_page,
    links_of_sitemap,
    normal,
    readable_path,
)
from ingestion.connectors._robots import Robots, read_robots
from ingestion.connectors.http import RequestError, Response, TooLargeError, WebClient
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
    Removed,
    SourceError,
)

_SEARCHED_BYTES = 2 << 20
_SITEMAP_BYTES = 20 << 20
_MOST_SITEMAPS = 50
_MOST_LINKS = 1500
_MOST_FAILURES_IN_A_ROW = 5
_GONE = {404, 410}
_REDIRECTS = {301, 302, 303, 307, 308}
_OK, _NOT_MODIFIED = 200, 304
_LEFT_OUT = ("image/", "video/", "audio/", "font/", "text/css", "text/javascript", "application/javascript")
_HTML = {"text/html", "application/xhtml+xml"}


@dataclass(slots=True)
class _Crawl:
    """What is still to be asked, and what was heard."""

    queue: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    asked: int = 0
    failures: int = 0
    complete: bool = True

    def add(self, url: str) -> None:
        if url not in self.seen:
            self.seen.add(url)
            self.queue.append(url)


class Website:
    """Tells pages apart by the hash of their bytes; what servers say of changes only saves the download."""

    def __init__(self, configuration: Configuration, secret: str, limits: Limits) -> None:
        self._start = _address(configuration)
        self._below = configuration.get("below", "").strip() or "/"
        self._hosts = _hosts(configuration)
        self._most = int(configuration.get("most") or 1000)
        self._limits = limits
        self._web = WebClient(limits.network)
        self._robots: dict[str, Robots] = {}
        self._last_request = 0.0
        self._body: IO[bytes] | None = None
        self._signs_in = _basic(configuration, secret)

    def close(self) -> None:
        self._drop_body()
        self._web.close()

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        del cursor
        crawl = _Crawl()
        crawl.add(self._start)
        for url in self._listed_in_sitemaps():
            crawl.add(url)
        while crawl.queue:
            if crawl.asked >= min(self._most, self._limits.max_items):
                notice = f"Only the first {crawl.asked:,} pages were read; nothing was removed."
                yield Finished(complete=False, notice=notice)
                return
            url = crawl.queue.popleft()
            if event := self._visit(url, known.get(url), crawl):
                yield event
            self._drop_body()
        notice = "" if crawl.complete else "Some pages did not answer, so nothing was taken as vanished."
        yield Finished(complete=crawl.complete, notice=notice)

    @contextmanager
    def fetch(self, found: Found) -> Iterator[IO[bytes]]:
        """Hand out the body that came with the last event."""
        if self._body is None:
            raise ItemError(f"{found.key} was not kept. Sync again.")
        self._body.seek(0)
        yield self._body

    def _drop_body(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def _visit(self, url: str, known: Known | None, crawl: _Crawl) -> Event | None:
        try:
            is_allowed = self._rules(url).allows(url)
        except SourceError as error:
            if urlsplit(url)[:2] == urlsplit(self._start)[:2]:
                raise
            return self._failed(url, str(error), crawl)  # another host is away: this one goes on
        if not is_allowed:
            self._require_allowed_start(url)
            return None
        crawl.asked += 1
        try:
            with self._web.request("GET", url, headers=self._headers(url, known)) as answer:
                event = self._hear(url, answer, known, crawl)
        except TooLargeError:
            event = Problem(
                url, url, f"It is larger than the {self._limits.max_item_bytes >> 20} MB that are taken."
            )
        except BlockedAddressError as error:
            event = self._failed(url, str(error), crawl)
        except RequestError as error:
            crawl.failures += 1
            return self._failed(url, str(error), crawl)
        crawl.failures = 0
        return event

    def _require_allowed_start(self, url: str) -> None:
        if url == self._start:
            raise SourceError(f"The site's robots.txt forbids to read {url}.", permanent=True)

    def _failed(self, url: str, message: str, crawl: _Crawl) -> Problem:
        """Note that this page's links were not seen. Raises SourceError where the site itself is away."""
        if url == self._start:
            raise SourceError(f"{url} cannot be read. {message}")
        if crawl.failures >= _MOST_FAILURES_IN_A_ROW:
            raise SourceError(f"{urlsplit(url).netloc} stopped answering. {message} Nothing was removed.")
        crawl.complete = False
        return Problem(url, url, message)

    def _hear(self, url: str, answer: Response, known: Known | None, crawl: _Crawl) -> Event | None:
        if answer.status == _NOT_MODIFIED and known is not None:
            for link in json.loads(known.memo).get("links", []):
                self._follow(link, crawl)
            return Found(url, url, known.fingerprint, known.memo)
        if answer.status in _REDIRECTS:
            return self._redirected(url, answer, crawl)
        if answer.status in _GONE:
            if url == self._start:
                raise SourceError(f"{url} is not there ({answer.status}). Check the address.")
            return Removed(url)
        if answer.status != _OK:
            return self._failed(url, f"The server answers with {answer.status}.", crawl)
        return self._keep(url, answer, crawl)

    def _redirected(self, url: str, answer: Response, crawl: _Crawl) -> Problem | None:
        target = normal(urljoin(url, answer.headers.get("location", "")))
        if target and self._is_inside(target):
            crawl.add(target)
            return None
        outside = f"It leads on to {target or 'no address'}, which is outside of what may be read."
        if url == self._start:
            raise SourceError(f"{url} cannot be read. {outside}", permanent=True)
        return Problem(url, url, outside)

    def _keep(self, url: str, answer: Response, crawl: _Crawl) -> Found | None:
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type.startswith(_LEFT_OUT):
            return None
        self._body = tempfile.TemporaryFile(dir=self._limits.work_dir)  # noqa: SIM115 - closed by _drop_body
        answer.copy_to(self._body, self._limits.max_item_bytes)
        links, is_kept = self._read_links(url, media_type, crawl), True
        if media_type in _HTML:
            self._body.seek(0)
            is_kept = not forbids_index(self._body.read(64 << 10))
        if not is_kept or "noindex" in answer.headers.get("x-robots-tag", "").lower():
            return None
        self._body.seek(0)
        digest = hashlib.file_digest(self._body, "sha256").hexdigest()
        memo = _memo(answer, links)
        return Found(url, readable_path(url, media_type), digest, memo, size=self._body.tell())

    def _read_links(self, url: str, media_type: str, crawl: _Crawl) -> list[str]:
        if media_type not in _HTML or self._body is None:
            return []
        self._body.seek(0)
        html = self._body.read(_SEARCHED_BYTES)
        if forbids_follow(html):
            return []
        links = [link for link in dict.fromkeys(links_of_page(html, url)) if self._is_inside(link)]
        for link in links:
            self._follow(link, crawl)
        return links

    def _follow(self, link: str, crawl: _Crawl) -> None:
        if self._is_inside(link):
            crawl.add(link)

    def _is_inside(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self._hosts and (parts.path.startswith(self._below) or url == self._start)

    def _rules(self, url: str) -> Robots:
        """Return the rules for an address, and wait as long as they ask for."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._robots:
            try:
                self._robots[origin] = read_robots(self._web, origin)
            except BlockedAddressError as error:
                raise SourceError(str(error), permanent=True) from error
        rules = self._robots[origin]
        time.sleep(max(0.0, self._last_request + rules.pause - time.monotonic()))
        self._last_request = time.monotonic()
        return rules

    def _headers(self, url: str, known: Known | None) -> dict[str, str]:
        headers = {"Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.8"}
        if self._signs_in and urlsplit(url)[:2] == urlsplit(self._start)[:2]:
            headers["Authorization"] = self._signs_in
        memo: dict[str, Any] = json.loads(known.memo) if known and known.memo else {}
        if etag := memo.get("etag"):
            headers["If-None-Match"] = etag
        if modified := memo.get("modified"):
            headers["If-Modified-Since"] = modified
        return headers

    def _listed_in_sitemaps(self) -> Iterator[str]:
        parts = urlsplit(self._start)
        origin = f"{parts.scheme}://{parts.netloc}"
        asked = deque(self._rules(self._start).sitemaps or (f"{origin}/sitemap.xml",))
        done: set[str] = set()
        while asked and len(done) < _MOST_SITEMAPS:
            url = normal(asked.popleft())
            if url is None or url in done or urlsplit(url).netloc not in self._hosts:
                continue
            done.add(url)
            xml = self._sitemap(url)
            found = list(links_of_sitemap(xml, url))
            if is_index(xml):
                asked.extend(found)
            else:
                yield from (link for link in found if self._is_inside(link))

    def _sitemap(self, url: str) -> bytes:
        """Return a sitemap, or nothing where there is none: links are followed all the same."""
        try:
            with self._web.request("GET", url, headers=self._headers(url, None)) as answer:
                if answer.status != _OK:
                    return b""
                raw = answer.read(_SITEMAP_BYTES)
            return _unpacked(raw)
        except (RequestError, TooLargeError, BlockedAddressError):
            return b""


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return zlib.decompressobj(wbits=31).decompress(raw, _SITEMAP_BYTES)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _memo(answer: Response, links: list[str]) -> str:
    """Return what to ask with next time; too many links to keep means to read the page again."""
    if len(links) > _MOST_LINKS:
        return ""
    kept = {
        "etag": answer.headers.get("etag", "")[:300],
        "modified": answer.headers.get("last-modified", "")[:60],
    }
    return json.dumps({name: value for name, value in kept.items() if value} | {"links": links})


def _address(configuration: Configuration) -> str:
    found = normal(configuration["url"])
    if found is None:
        raise SourceError(
            "The address must begin with https:// or http://, without a user name in it.", permanent=True
        )
    return found


def _hosts(configuration: Configuration) -> frozenset[str]:
    named = configuration.get("hosts", "").lower().replace(",", " ").split()
    return frozenset({urlsplit(_address(configuration)).netloc, *named})


def _basic(configuration: Configuration, secret: str) -> str:
    if not secret:
        return ""
    pair = f"{configuration.get('username', '')}:{secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class WebsiteKind:
    name: str = "website"
    label: str = "Website"
    about: str = "Pages and files of a website or an intranet, found by its sitemap and its links."
    secret_label: str = "Password"  # noqa: S105 - a label
    fields: tuple[Field, ...] = (
        Field(
            "url",
            "First page",
            "For example https://intranet.example.com/handbook/.",
            required=True,
            is_target=True,
        ),
        Field("below", "Only paths that begin with", "For example /handbook/. Empty means the whole site."),
        Field(
            "hosts",
            "Further hosts",
            "Links and redirects to any other host are not followed. One per line.",
            shape="lines",
        ),
        Field("most", "Pages at most", shape="number", default="1000"),
        Field("username", "User name", "Where the site asks for one (HTTP Basic)."),
    )

    def check(self, configuration: Configuration, limits: Limits) -> None:
        del limits
        _address(configuration)
        if not (configuration.get("most") or "1000").isdigit():
            raise SourceError("“Pages at most” must be a number.", permanent=True)
        if configuration.get("below") and not configuration["below"].startswith("/"):
            raise SourceError("“Only paths that begin with” must begin with a slash.", permanent=True)

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Website:
        self.check(configuration, limits)
        return Website(configuration, secret, limits)


KIND = WebsiteKind()
