import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.connectors import _links
from ingestion.connectors.network import Network
from ingestion.connectors.protocol import SourceError
from tests.ingestion.connectors import servers
from tests.ingestion.connectors.reading import LOOPBACK, Reading, limits, read
from tests.ingestion.connectors.servers import Page, Site


@pytest.fixture
def site() -> Iterator[Site]:
    with servers.site() as running:
        running.page("/", "Welcome", "/guide/", "/files/plan.pdf")
        running.page("/guide/", "The guide", "travel", "../", "#top", "mailto:x@example.com", "//[bad")
        running.page("/guide/travel", "Go by train")
        running.pages["/files/plan.pdf"] = Page(b"%PDF-1.7 plan", media_type="application/pdf")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def crawl(site: Site, folder: Path, before: Reading | None = None, **more: str) -> Reading:
    return read("website", {"url": f"{site.url}/"} | more, limits(folder), before=before)


def paths(told: Reading, site: Site) -> set[str]:
    return {key.removeprefix(site.url) for key in told.known}


def test_pages_are_found_by_links(site: Site, folder: Path) -> None:
    told = crawl(site, folder)
    assert paths(told, site) == {"/", "/guide/", "/guide/travel", "/files/plan.pdf"}
    assert set(told.by_path) == {"127.0.0.1.html", "guide.html", "guide/travel.html", "files/plan.pdf"}
    assert told.by_path["files/plan.pdf"] == b"%PDF-1.7 plan"
    assert told.finished
    assert told.finished.complete


def test_unchanged_pages_are_not_sent_again(site: Site, folder: Path) -> None:
    first = crawl(site, folder)
    site.asked.clear()
    second = crawl(site, folder, first)
    assert second.fetched == {}
    assert second.known == first.known
    answers = site.statuses()
    assert {answers[path] for path in ("/", "/guide/", "/guide/travel", "/files/plan.pdf")} == {304}


def test_changed_and_vanished_pages(site: Site, folder: Path) -> None:
    first = crawl(site, folder)
    site.page("/guide/", "The new guide", "food")
    site.page("/guide/food", "Eat well")
    second = crawl(site, folder, first)
    assert set(second.by_path) == {"guide.html", "guide/food.html"}
    assert paths(first, site) - paths(second, site) == {"/guide/travel"}


def test_a_page_that_answers_404_is_gone(site: Site, folder: Path) -> None:
    first = crawl(site, folder)
    del site.pages["/guide/travel"]
    assert crawl(site, folder, first).removed == {f"{site.url}/guide/travel"}


def test_without_etags_the_bytes_decide(site: Site, folder: Path) -> None:
    for page in site.pages.values():
        page.has_etag = False
    assert crawl(site, folder, crawl(site, folder)).fetched == {}


def test_sitemaps_name_pages_that_nothing_links_to(site: Site, folder: Path) -> None:
    site.page("/alone", "Nobody links here")
    site.page("/packed", "Nobody links here either")
    index = f"<sitemapindex><sitemap><loc>{site.url}/a.xml</loc></sitemap><loc>{site.url}/b.xml.gz</loc>"
    site.pages["/sitemap.xml"] = Page(index.encode(), media_type="text/xml")
    site.pages["/a.xml"] = Page(f"<urlset><url><loc>{site.url}/alone?a=1&amp;b=2</loc></url>".encode())
    site.pages["/alone?a=1&b=2"] = site.pages["/alone"]
    packed = gzip.compress(f"<urlset><url><loc>{site.url}/packed</loc></url>".encode())
    site.pages["/b.xml.gz"] = Page(packed, media_type="application/gzip")
    assert {"/alone?a=1&b=2", "/packed"} <= paths(crawl(site, folder), site)


def test_robots_are_obeyed(site: Site, folder: Path) -> None:
    rules = f"User-agent: *\nDisallow: /guide/t*l$\nCrawl-delay: 0.1\nSitemap: {site.url}/maps.xml"
    site.pages["/robots.txt"] = Page(rules.encode(), media_type="text/plain")
    site.page("/mapped", "By the named sitemap")
    site.pages["/maps.xml"] = Page(f"<loc>{site.url}/mapped</loc>".encode())
    begun = time.monotonic()
    assert paths(crawl(site, folder), site) == {"/", "/guide/", "/files/plan.pdf", "/mapped"}
    assert time.monotonic() - begun > 0.4
    assert "/guide/travel" not in site.statuses()


def test_a_site_that_forbids_everything_is_left_alone(site: Site, folder: Path) -> None:
    site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /", media_type="text/plain")
    with pytest.raises(SourceError, match="forbids to read"):
        crawl(site, folder)
    assert set(site.statuses()) <= {"/robots.txt", "/sitemap.xml"}


def test_robots_out_of_order_forbid_for_now(site: Site, folder: Path) -> None:
    site.pages["/robots.txt"] = Page(status=503)
    with pytest.raises(SourceError, match="503"):
        crawl(site, folder)


def test_pages_may_ask_not_to_be_kept(site: Site, folder: Path) -> None:
    site.pages["/guide/"].body += b'<meta name="robots" content="noindex">'
    site.pages["/guide/travel"].headers["X-Robots-Tag"] = "noindex"
    assert paths(crawl(site, folder), site) == {"/", "/files/plan.pdf"}


def test_only_below_a_path(site: Site, folder: Path) -> None:
    told = read("website", {"url": f"{site.url}/guide/", "below": "/guide/"}, limits(folder))
    assert paths(told, site) == {"/guide/", "/guide/travel"}


def test_links_to_other_hosts_are_not_followed(site: Site, folder: Path) -> None:
    with servers.site() as other:
        other.page("/", "Elsewhere")
        site.page("/guide/travel", "See", f"{other.url}/")
        crawl(site, folder)
        assert other.asked == []
        told = crawl(site, folder, hosts=f"127.0.0.1:{other.port}")
        assert f"{other.url}/" in told.known


def test_redirects_go_only_where_links_may(site: Site, folder: Path) -> None:
    with servers.site() as other:
        other.page("/", "Elsewhere")
        site.page("/", "Welcome", "/moved", "/away", "/guide/")
        site.pages["/moved"] = Page(status=301, location="/guide/travel")
        site.pages["/away"] = Page(status=302, location=f"{other.url}/")
        told = crawl(site, folder)
        assert other.asked == []
    assert list(told.problems) == [f"{site.url}/away"]
    assert "outside" in told.problems[f"{site.url}/away"]
    assert f"{site.url}/guide/travel" in told.known


def test_a_redirect_to_a_private_address_is_not_followed(site: Site, folder: Path) -> None:
    """The host is allowed by name; what decides is the address that it leads to."""
    site.pages["/guide/travel"] = Page(status=302, location="http://inside.example/keys")
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.7"] if host == "inside.example" else ["127.0.0.1"]

    bounds = limits(folder, network=Network(LOOPBACK.private, resolve=resolve))
    told = read("website", {"url": f"{site.url}/", "hosts": "inside.example"}, bounds)
    assert "leads to 10.0.0.7" in told.problems["http://inside.example/keys"]
    assert {"guide.html", "files/plan.pdf"} <= set(told.by_path), "the rest goes on"
    assert "inside.example" in asked


def test_private_addresses_are_closed_by_default(site: Site, folder: Path) -> None:
    with pytest.raises(SourceError, match="SOURCE_PRIVATE_NETWORKS"):
        read("website", {"url": f"{site.url}/"}, limits(folder, network=Network()))
    assert site.asked == []


def test_a_name_that_is_bound_anew_gains_nothing(site: Site, folder: Path) -> None:
    """The name resolves to an open address first and to a closed one after: each connection is checked."""
    addresses = iter(["127.0.0.1"])

    def resolve(host: str, port: int) -> list[str]:
        return [next(addresses, "10.0.0.7")]

    site.pages["/robots.txt"] = Page(b"", headers={"Connection": "close"})
    bounds = limits(folder, network=Network(LOOPBACK.private, resolve=resolve))
    with pytest.raises(SourceError, match=r"10\.0\.0\.7"):
        read("website", {"url": f"http://rebind.example:{site.port}/"}, bounds)
    assert [path for path, _ in site.asked] == ["/robots.txt"]


def test_the_checked_address_is_the_one_connected_to(site: Site, folder: Path) -> None:
    """Each connection asks for the address once: there is no second look that could answer otherwise."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    bounds = limits(folder, network=Network(LOOPBACK.private, resolve=resolve))
    told = read("website", {"url": f"http://kept.example:{site.port}/"}, bounds)
    assert len(told.known) == 4
    assert len(asked) == site.connections


def test_a_failing_page_stops_nothing_and_removes_nothing(site: Site, folder: Path) -> None:
    first = crawl(site, folder)
    site.pages["/guide/"] = Page(status=500)
    second = crawl(site, folder, first)
    assert paths(second, site) == {"/", "/files/plan.pdf"}
    assert list(second.problems) == [f"{site.url}/guide/"]
    assert second.finished
    assert not second.finished.complete, "what the page links to was not seen"


def test_a_site_that_is_away_removes_nothing(site: Site, folder: Path) -> None:
    with pytest.raises(SourceError, match="connection failed"):
        read("website", {"url": f"http://127.0.0.1:{servers.free_port()}/"}, limits(folder))


def test_a_page_that_is_too_large_is_told(site: Site, folder: Path) -> None:
    site.pages["/files/plan.pdf"] = Page(b"x" * 5000, media_type="application/pdf")
    told = read("website", {"url": f"{site.url}/"}, limits(folder, max_item_bytes=4000))
    assert list(told.problems) == [f"{site.url}/files/plan.pdf"]
    assert len(told.known) == 3


def test_at_most_so_many_pages(site: Site, folder: Path) -> None:
    told = crawl(site, folder, most="2")
    assert len(told.known) == 2
    assert told.finished
    assert not told.finished.complete


def test_a_password_goes_to_the_site_alone(site: Site, folder: Path) -> None:
    with servers.site() as other:
        other.page("/", "Elsewhere")
        site.page("/guide/travel", "See", f"{other.url}/")
        configuration = {"url": f"{site.url}/", "hosts": f"127.0.0.1:{other.port}", "username": "me"}
        read("website", configuration, limits(folder), secret="sesame")
        assert any("Authorization" in headers for headers in site.sent)
        assert other.sent
        assert not any("Authorization" in headers for headers in other.sent)


@pytest.mark.parametrize(
    "hostile",
    [
        b"<a " * 700_000,
        b"<!--" * 500_000,
        b"<a href=" * 250_000,
        b"<meta name=robots " * 100_000,
        b"<loc>" * 400_000,
    ],
)
def test_hostile_pages_cost_no_time(hostile: bytes) -> None:
    begun = time.process_time()
    list(_links.links_of_page(hostile, "http://example.com/"))
    list(_links.links_of_sitemap(hostile, "http://example.com/"))
    _links.forbids_index(hostile)
    assert time.process_time() - begun < 5
