"""What a site's robots.txt allows, by RFC 9309: missing means all, out of order means nothing for now."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.connectors.http import USER_AGENT, RequestError, TooLargeError, WebClient
from ingestion.connectors.protocol import SourceError

if TYPE_CHECKING:
    from protego import Protego

_MOST_BYTES = 512 << 10
_LONGEST_PAUSE = 10.0
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one site. `pause` is how many seconds to leave between two requests."""

    rules: "Protego | None"
    pause: float
    sitemaps: tuple[str, ...]

    def allows(self, url: str) -> bool:
        return self.rules is None or bool(self.rules.can_fetch(url, USER_AGENT))


def read_robots(web: WebClient, origin: str) -> Robots:
    """Return the rules of a site such as `https://example.com`. Raises SourceError where it is down."""
    from protego import Protego

    try:
        with web.request("GET", f"{origin}/robots.txt") as answer:
            if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004 - RFC 9309, 2.3.1.4
                raise SourceError(
                    f"{origin}/robots.txt answers with {answer.status}, so nothing may be read. "
                    "This is tried again."
                )
            if answer.status != 200:  # noqa: PLR2004 - RFC 9309, 2.3.1.3: there are no rules
                return Robots(None, 0, ())
            text = answer.read(_MOST_BYTES).decode("utf-8", "replace")
    except TooLargeError:
        return Robots(None, 0, ())
    except RequestError as error:
        raise SourceError(f"{origin} cannot be read. {error}") from error
    rules = Protego.parse(text)
    pause = min(float(rules.crawl_delay(USER_AGENT) or 0), _LONGEST_PAUSE)
    return Robots(rules, pause, tuple(rules.sitemaps))
