"""Where a model server stands: on the company's own machines or elsewhere.

An address in a private network is the company's own (RFC 1918 and its like), and so is a name without a dot,
which only an inner name server or a container network knows. Any other is elsewhere, unless
LLM_LOCAL_HOSTS names its host.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

_INNER_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def host_of(base_url: str) -> str:
    """Return the host of an address, or an empty one for what is no http address."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else ""


def is_ours_by_name(base_url: str) -> bool:
    """Return whether an address is the company's own as it is written, without asking a name server."""
    host = host_of(base_url)
    if not host:
        return False
    if host in settings.LLM_LOCAL_HOSTS:
        return True
    try:
        return _is_inner(host)
    except ValueError:
        return "." not in host or host.endswith(_INNER_ENDINGS)


def is_ours(base_url: str) -> bool:
    """Return whether an address is the company's own; a name with dots is looked up."""
    if is_ours_by_name(base_url):
        return True
    host = host_of(base_url)
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(_is_inner(address) for address in found)


def _is_inner(address: str) -> bool:
    known = ipaddress.ip_address(address.partition("%")[0])
    return known.is_private and not known.is_multicast
