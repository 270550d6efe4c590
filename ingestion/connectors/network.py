"""Which addresses a source may lead to: a name is resolved once, checked, and that address is connected to.

Whoever may set up a source could otherwise use the portal to look into the network that it stands in. Names
that resolve to something else the second time (DNS rebinding) and redirects gain nothing: every connection
is checked by the address that it goes to.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

# Link-local addresses and what clouds answer questions about their machines at: no setting opens these.
_NEVER = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "0.0.0.0/8")))
# An IPv4 address stands inside of these; it could be a private one.
_CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class BlockedAddressError(Exception):
    """A name leads to an address that sources may not reach; the message says which and what to do."""


class UnknownHostError(Exception):
    """A name has no address."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, each once, in the system's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"There is no address for “{host}”. Check the name.") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Network:
    """`private` are the networks beside the public internet that sources may reach."""

    private: tuple[IPNetwork, ...] = ()
    resolve: Resolve = field(default=resolve)

    def address_of(self, host: str, port: int) -> str:
        """Return the address to connect to. Raises BlockedAddressError, or UnknownHostError."""
        addresses = self.resolve(host, port)
        for address in addresses:
            if self._allows(_plain(address)):
                return address
        raise BlockedAddressError(
            f"“{host}” leads to {', '.join(addresses) or 'no address'}, which is not on the public internet. "
            "Where that is meant, an admin allows its network in SOURCE_PRIVATE_NETWORKS."
        )

    def _allows(self, address: Address) -> bool:
        if any(address in network for network in _NEVER):
            return False
        if any(address in network for network in self.private):
            return True
        return address.is_global and not address.is_multicast and not any(address in one for one in _CARRIERS)

    def connect(self, host: str, port: int, *, timeout: float) -> socket.socket:
        """Return a connection to a checked address. Raises OSError as well."""
        return socket.create_connection((self.address_of(host, port), port), timeout=timeout)


def _plain(address: str) -> Address:
    """Return an address without its zone, and an IPv4 address in IPv6 clothes as what it is."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
