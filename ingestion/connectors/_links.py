"""Links of pages and sitemaps: hostile text, so it is searched in linear time and never parsed."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

_LINK = re.compile(rb"""<a\s[^<>]{0,1000}?\bhref\s{0,9}=\s{0,9}["']?([^"'\s<>]{1,2000})""", re.IGNORECASE)
_BASE = re.compile(rb"""<base\s[^<>]{0,200}?\bhref\s{0,9}=\s{0,9}["']?([^"'\s<>]{1,2000})""", re.IGNORECASE)
_META = re.compile(rb"""<meta\s[^<>]{0,300}?\bname\s{0,9}=\s{0,9}["']?robots\b[^<>]{0,300}>""", re.IGNORECASE)
_LOC = re.compile(rb"<loc>\s{0,200}([^<\s]{1,2000})\s{0,200}</loc>", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal(url: str) -> str | None:
    """Return one spelling of an address, without fragment; None where it is none that can be asked."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or not url.isprintable() or "@" in parts.netloc:
        return None
    shown = f"[{host}]" if ":" in host else host
    if port and port != _DEFAULT_PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return urlunsplit(SplitResult(parts.scheme, shown, parts.path or "/", parts.query, ""))


def links_of_page(html: bytes, url: str) -> Iterator[str]:
    """Yield the addresses that a page links to, each in its one spelling."""
    html = _without_comments(html)
    base = _BASE.search(html)
    start = _join(url, base[1]) or url if base else url
    for match in _LINK.finditer(html):
        if found := _join(start, match[1]):
            yield found


def links_of_sitemap(xml: bytes, url: str) -> Iterator[str]:
    """Yield what a sitemap, or an index of sitemaps, lists."""
    for match in _LOC.finditer(xml):
        if found := _join(url, match[1]):
            yield found


def is_index(xml: bytes) -> bool:
    return b"<sitemapindex" in xml[:5000]


def forbids_index(html: bytes) -> bool:
    """Return whether a page asks not to be kept."""
    return any(b"noindex" in match[0].lower() for match in _META.finditer(html[: 64 << 10]))


def forbids_follow(html: bytes) -> bool:
    """Return whether a page asks not to follow its links."""
    return any(b"nofollow" in match[0].lower() for match in _META.finditer(html[: 64 << 10]))


def readable_path(url: str, media_type: str) -> str:
    """Return a page's address as folders and a name with an ending that fits its type."""
    parts = urlsplit(url)
    path = unquote(parts.path, errors="replace").strip("/") or (parts.hostname or "page")
    if parts.query:
        stem, dot, ending = path.rpartition(".")
        asked = unquote(parts.query, errors="replace").replace("/", " ")[:80]
        path = f"{stem} ({asked}).{ending}" if dot and "/" not in ending else f"{path} ({asked})"
    is_page = media_type in {"text/html", "application/xhtml+xml"}
    return f"{path}.html" if is_page and not path.lower().endswith((".html", ".htm", ".xhtml")) else path


def _without_comments(html: bytes) -> bytes:
    first, *others = html.split(b"<!--")
    return first + b"".join(other.partition(b"-->")[2] for other in others)


def _join(base: str, raw: bytes) -> str | None:
    try:
        return normal(urljoin(base, unescape(raw.decode("utf-8", "replace")).strip()))
    except ValueError:
        return None
