"""The operator's machine as a fleet in a cloud sees it: who may reach SSH there."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from skytf.clouds.sheet import sheet
from skytf.deploy.proxy import check_proxy
from skytf.deploy.shipping import TREE_SOURCES
from skytf.errors import InputError
from skytf.model.copy import ApplyOptions
from skytf.model.region import Region

LOOPBACK = "127.0.0.1/32"
_WIDEST_PREFIX = 8
_ECHO_TIMEOUT_S = 5.0
_LONGEST_ANSWER = 64
_GIVE_IT = "say who may reach SSH: --operator-cidr ADDRESS/32"


def check_applying(options: ApplyOptions) -> None:
    """
    Look whether *options* mean anything, before there is a fleet.

    Raises:
        InputError: One of them does not.
    """
    if options.operator_cidr:
        parse_cidr(options.operator_cidr)
    if options.echo_service:
        _parse_service(options.echo_service)
    check_proxy(options.ssh_proxy)
    if options.tree_source not in TREE_SOURCES:
        raise InputError(f"{options.tree_source!r} is no tree source", hint=f"one of {', '.join(TREE_SOURCES)}")


def operator_cidr(options: ApplyOptions, regions: Iterable[Region]) -> str:
    """
    Return the CIDR that may reach SSH of the gateways in *regions*.

    Where all of them are on this machine nobody is asked.

    Raises:
        InputError: It was not given, and cannot be found out.
    """
    if all(sheet(region.cloud).provider is None for region in regions):
        return LOOPBACK
    if options.operator_cidr:
        return parse_cidr(options.operator_cidr)
    if options.ssh_proxy:
        raise InputError(
            "through --ssh-proxy a fleet sees the proxy's address, which nobody here knows",
            hint="give that address as the gateways see it: --operator-cidr ADDRESS/32",
        )
    if not options.echo_service:
        raise InputError("nobody is asked for this machine's address (--echo-service off)", hint=_GIVE_IT)
    return f"{ask_echo(options.echo_service)}/32"


def parse_cidr(text: str) -> str:
    """
    Return the IPv4 network that *text* names, ``a.b.c.d/n``; a single address is a network of one.

    Raises:
        InputError: It is none, or wider than any operator is.
    """
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no IPv4 network: {error}", hint="for example --operator-cidr 203.0.113.7/32"
        ) from error
    if network.prefixlen < _WIDEST_PREFIX:
        raise InputError(
            f"--operator-cidr {text} would open SSH to {network.num_addresses:,} addresses",
            hint=f"name your own address or network, no wider than /{_WIDEST_PREFIX}",
        )
    return str(network)


def ask_echo(service: str) -> ipaddress.IPv4Address:
    """
    Return the address from which this machine reaches *service*, as that says it.

    No proxy of the environment is used: SSH would not use it either.

    Raises:
        InputError: *service* does not answer in time, or not with one public IPv4 address.
    """
    host, port, path = _parse_service(service)
    connection = http.client.HTTPSConnection(host, port, timeout=_ECHO_TIMEOUT_S, context=ssl.create_default_context())
    try:
        connection.request("GET", path, headers={"Accept": "text/plain"})
        with connection.getresponse() as answer:
            text = answer.read1(_LONGEST_ANSWER).decode("ascii", errors="replace").strip()
            status = answer.status
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: a name that no address can have
        raise InputError(
            f"{service} cannot be asked for this machine's address: {error or type(error).__name__}", hint=_GIVE_IT
        ) from error
    finally:
        connection.close()
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        address = None
    if status != http.client.OK or address is None or not address.is_global:
        raise InputError(
            f"{service} did not answer with a public IPv4 address (status {status}: {text[:40]!r})", hint=_GIVE_IT
        )
    return address


def _parse_service(service: str) -> tuple[str, int | None, str]:
    try:
        url = urlsplit(service)
        port = url.port
    except ValueError as error:
        raise InputError(f"--echo-service {service}: {error}", hint="an https address, or off") from error
    if url.scheme != "https" or not url.hostname:
        raise InputError(f"--echo-service {service} is no https address", hint="an https address, or off")
    return url.hostname, port, (url.path or "/") + (f"?{url.query}" if url.query else "")
