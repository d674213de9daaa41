"""Which addresses are private: what an import from the network must not reach unless it was allowed to."""

from __future__ import annotations

import ipaddress
import socket

from narrowcast.connectors.source import data_error


def is_loopback_name(host: str) -> bool:
    """Whether a host name or address is this machine, without asking a name server."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """False for private, loopback, link-local, multicast and reserved addresses, also in disguise."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def checked_addresses(host: str, port: int, where: str, *, allow_private: bool, offline: bool) -> list[str]:
    """The addresses of a host, each of them allowed. A connection must go to one of these, not to the name:
    a second look-up may answer otherwise.

    Raises:
        DataError: if the name is unknown, an address is private, or offline mode forbids it.
    """
    if offline and not is_loopback_name(host):
        raise data_error(
            "offline mode forbids network access",
            where,
            "unset NARROWCAST_OFFLINE to fetch it",
            reason_code="dataset_source_unreachable",
        )
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise data_error(
            f"the host name cannot be resolved: {host}",
            where,
            "check the address and the connection",
            reason_code="dataset_source_unreachable",
        ) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in entries))
    refused = [each for each in addresses if not is_public(each)]
    if refused and not allow_private:
        raise data_error(
            f"{host} is at a private address ({refused[0]})",
            where,
            "if that is meant, set NARROWCAST_ALLOW_PRIVATE_ADDRESSES=1",
            reason_code="dataset_source_unreachable",
        )
    return addresses
