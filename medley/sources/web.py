"""HTTP for fsspec: a redirect leads to no address within private networks, unless the user gave such a host."""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

_PREFIX_OF_V4 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


class LeadsAway(OSError):
    """The server sends us to an address that only this machine, or its network, reaches."""


def http_options(url: str) -> dict[str, Any]:
    """Builds the options of `fsspec.filesystem` for a client of `url`. Passwords are taken from ~/.netrc."""
    hosts = (urlsplit(url).hostname or "", *(urlsplit(proxy).hostname or "" for proxy in getproxies().values()))
    return {"get_client": functools.partial(_client, hosts), "client_kwargs": {"trust_env": True}}


async def _client(hosts: tuple[str, ...], **how: Any) -> Any:
    import aiohttp

    connector = aiohttp.TCPConnector(socket_factory=functools.partial(_socket, hosts))
    return aiohttp.ClientSession(connector=connector, **how)


def _socket(hosts: tuple[str, ...], found: tuple[Any, ...]) -> socket.socket:
    """A socket for one address that a name stands for, as aiohttp asks for it after its own lookup."""
    family, kind, protocol, _, address = found
    if not is_public(address[0]) and address[0] not in _addresses_of(hosts):
        raise LeadsAway(f"leads to {address[0]}, which is no public address")
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Tells whether any machine in the internet reaches an IP address.

    Where an address of version 6 stands for one of version 4, the address of version 4 is looked at.
    """
    known = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(known, ipaddress.IPv6Address):
        inner = known.ipv4_mapped or known.sixtofour
        if known in _PREFIX_OF_V4:
            inner = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
    return known.is_global and not known.is_multicast


@functools.lru_cache(maxsize=256)
def _addresses_of(hosts: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for host in filter(None, hosts):
        try:
            found |= {str(known[4][0]) for known in socket.getaddrinfo(host, None)}
        except OSError:  # then nobody can be sent there
            continue
    return frozenset(found)
