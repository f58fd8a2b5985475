"""Tests reach this machine and nothing else."""

import ipaddress
import socket
import sys

LOCAL_NAMES = frozenset({"", "localhost", "ip6-localhost", socket.gethostname()})


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine."""


def _is_local(host: object) -> bool:
    if host is None or isinstance(host, bytes) or host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host).split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _guard(event: str, args: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and address and not _is_local(address[0]):
            raise NetworkBlocked(f"A test tried to reach {address[0]}: tests talk to this machine only.")
    elif event == "socket.getaddrinfo" and not _is_local(host := args[0]):
        try:
            ipaddress.ip_address(str(host))
        except ValueError:
            if str(host).endswith((".invalid", ".test", ".example")):  # RFC 6761: names that never resolve
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            raise NetworkBlocked(f"A test tried to look up {host}: tests talk to this machine only.") from None


def block() -> None:
    """Block every connection and name look-up to elsewhere, for as long as this process lives."""
    sys.addaudithook(_guard)
