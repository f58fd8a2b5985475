"""Which addresses outgoing calls may reach."""

from ipaddress import ip_address

import pytest

from engine.contract.addresses import AddressPolicy

CLOSED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.2.1", "192.168.1.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "ff02::1", "2001:0:7f00:1::",
]  # fmt: skip
OPEN = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", CLOSED)
def test_closed(address: str) -> None:
    assert not AddressPolicy().allows("example.com", ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_open(address: str) -> None:
    assert AddressPolicy().allows("example.com", ip_address(address))


def test_what_the_operator_allows() -> None:
    policy = AddressPolicy.of(["10.1.0.0/16", " Intranet.Example. ", "", "::1"])
    assert policy.allows("x", ip_address("10.1.2.3"))
    assert policy.allows("x", ip_address("::ffff:10.1.2.3"))
    assert not policy.allows("x", ip_address("10.2.2.3"))
    assert policy.allows("intranet.example", ip_address("192.168.1.1"))
    assert policy.allows("INTRANET.example.", ip_address("192.168.1.1"))
    assert not policy.allows("not-intranet.example", ip_address("192.168.1.1"))
    assert policy.allows("x", ip_address("::1"))
