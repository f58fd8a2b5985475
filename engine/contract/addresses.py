"""Which network addresses outgoing calls may reach: the public internet, and what the operator allows by name.

Without this a workflow could read the machine's own services, its neighbours, or a cloud's metadata address
(server-side request forgery, OWASP SSRF). The check is made on the address that is connected to, not on the name, so a
name that resolves elsewhere between check and use changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_IPV4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, deprecated, still routed by some systems


@dataclass(frozen=True)
class AddressPolicy:
    """`networks` and `hosts` may be reached although they are private."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allowed: Iterable[str]) -> AddressPolicy:
        """From the setting's entries: addresses and networks (`10.1.0.0/16`), or host names."""
        networks, hosts = [], set()
        for entry in filter(None, (entry.strip().lower() for entry in allowed)):
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                hosts.add(entry.rstrip("."))
        return cls(tuple(networks), frozenset(hosts))

    def allows(self, host: str, address: Address, port: int = 0) -> bool:
        """Whether a connection to `address`, found under the name `host`, may be opened."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        inner = embedded(address)
        return any(
            candidate.version == network.version and candidate in network
            for candidate in (address, *inner)
            for network in self.networks
        ) or all(_public(candidate) for candidate in (inner if _is_carrier(address) else (address, *inner)))


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses to which an IPv6 address is carried by one of the transition mechanisms."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        found.append(IPv4Address(address.packed[-4:]))
    return [inner for inner in found if inner is not None]


def _is_carrier(address: Address) -> bool:
    """Whether the address is nothing but an IPv4 address in IPv6 clothes, so that the IPv4 address alone decides."""
    return isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64)


def _public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
