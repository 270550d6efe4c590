import ipaddress

import pytest

from ingestion.connectors.network import BlockedAddressError, Network, UnknownHostError, resolve


def at(*addresses: str, private: str = "") -> Network:
    networks = (ipaddress.ip_network(private),) if private else ()
    return Network(networks, resolve=lambda host, port: addresses)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_the_public_internet_is_open(address: str) -> None:
    assert at(address).address_of("example.com", 443) == address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_everything_else_is_closed(address: str) -> None:
    with pytest.raises(BlockedAddressError, match="SOURCE_PRIVATE_NETWORKS"):
        at(address).address_of("example.com", 443)


def test_an_admin_opens_networks() -> None:
    assert at("10.1.2.3", private="10.0.0.0/8").address_of("intranet", 80) == "10.1.2.3"
    assert at("::ffff:10.1.2.3", private="10.0.0.0/8").address_of("intranet", 80) == "::ffff:10.1.2.3"
    with pytest.raises(BlockedAddressError):
        at("192.168.1.1", private="10.0.0.0/8").address_of("intranet", 80)


def test_nothing_opens_what_clouds_tell_about_their_machines() -> None:
    with pytest.raises(BlockedAddressError):
        at("169.254.169.254", private="0.0.0.0/0").address_of("metadata", 80)


def test_of_several_addresses_only_an_open_one_is_taken() -> None:
    assert at("127.0.0.1", "93.184.216.34").address_of("example.com", 80) == "93.184.216.34"


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f.1", "localhost"])
def test_odd_spellings_of_loopback_are_seen_through(name: str) -> None:
    with pytest.raises((BlockedAddressError, UnknownHostError)):
        Network(resolve=resolve).address_of(name, 80)
