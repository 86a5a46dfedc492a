"""
Who may take part in the TLS of one transfer: its authority, and what the certificates it signed must say.

They are made when a plan is applied, on the operator's machine, where the authority's key is forgotten at once.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from gateway.errors import BadProgram, RemoteWireError
from gateway.program import Program
from gateway.units import KIB
from gateway.wire.tls import TlsSocket, names_in

# OpenSSL reads PEM from files only, and we hand it pipes; what fits no pipe would wait for ever.
_MOST_PEM_BYTES = 8 * KIB


@dataclass(frozen=True, slots=True)
class Certificates:
    """What one gateway is given, as PEM: the transfer's authority, its own certificate, and the key of that."""

    authority: str
    certificate: str
    private_key: str = field(repr=False)


def tls_of(program: Program, certificates: Certificates | None, transfer_id: str) -> Tls | None:
    """
    Return what *program* puts around its links, None where it puts nothing.

    Raises:
        BadProgram: It wants TLS and there are no *certificates*, or the other way round; or they are no use.
    """
    if program.settings.link_tls != (certificates is not None):
        has, lacks = ("link_tls", "a certificate") if certificates is None else ("a certificate", "link_tls")
        raise BadProgram(
            f"gateway {program.gateway} was given {has} but not {lacks}",
            hint="a program with link_tls is started with a certificate, and no other is",
        )
    return None if certificates is None else Tls(certificates, transfer_id, program.gateway)


def name_of(transfer_id: str, gateway: str) -> str:
    """Return the URI under which the certificate of *gateway* must name it (as its subject's alternative name)."""
    return f"skytf://{quote(transfer_id, safe='')}/{quote(gateway, safe='')}"


class Tls:
    """
    What one gateway brings to every TLS handshake.

    Raises:
        BadProgram: The certificates are no use: unreadable, expired, of another authority, gateway or key.
    """

    def __init__(self, certificates: Certificates, transfer_id: str, gateway: str) -> None:
        self._transfer_id = transfer_id
        try:
            self._contexts = {server: _context(certificates, server=server) for server in (False, True)}
            self._meet_myself(gateway)
        except (OSError, RemoteWireError, ValueError) as error:
            raise BadProgram(
                f"the TLS certificate of gateway {gateway} is of no use: {_reason(error)}",
                hint="every apply makes new ones; look at this machine's clock if it says that one is not valid",
            ) from error

    def dial(self, sock: socket.socket, peer: str, timeout_s: float) -> TlsSocket:
        """
        Return TLS over the connected *sock*, at whose other end is *peer*.

        Raises:
            RemoteWireError: It is not, or refuses us.
            OSError: The connection broke, or it took longer than *timeout_s*.
        """
        stream = TlsSocket(sock, self._contexts[False], server=False)
        stream.shake_hands(timeout_s)
        expected = name_of(self._transfer_id, peer)
        if stream.names != [expected]:
            raise RemoteWireError(f"the certificate of gateway {peer} names {_list(stream.names)}, not {expected}")
        return stream

    def answer(self, sock: socket.socket, timeout_s: float) -> TlsSocket:
        """
        Return TLS over *sock*, which a certified gateway dialled; who it is, `check` compares.

        Raises:
            RemoteWireError: It has no certificate of this transfer.
            OSError: The connection broke, or it took longer than *timeout_s*.
        """
        stream = TlsSocket(sock, self._contexts[True], server=True)
        stream.shake_hands(timeout_s)
        return stream

    def check(self, stream: TlsSocket, claimed: str) -> None:
        """Raises: RemoteWireError, when who dialled *stream* says it is *claimed* and its certificate names another."""
        if stream.names != [name_of(self._transfer_id, claimed)]:
            raise RemoteWireError(f"the certificate of who says it is {claimed!r} names {_list(stream.names)}")

    def _meet_myself(self, gateway: str) -> None:
        """Shake hands with ourselves: proves authority, dates, purposes, key and name before any peer does."""
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self._contexts[False].wrap_bio(to_client, to_server)
        server = self._contexts[True].wrap_bio(to_server, to_client, server_side=True)
        for end in (client, server, client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
        for end in (client, server):
            if (found := names_in(end)) != [name_of(self._transfer_id, gateway)]:
                raise RemoteWireError(f"it names {_list(found)}")


def _context(certificates: Certificates, *, server: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the name is a gateway's, no host's: `Tls.dial` and `Tls.check` compare it
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if server:
        context.num_tickets = 0  # every connection is verified anew
    context.load_verify_locations(cadata=certificates.authority)
    with _Pipe(certificates.certificate) as certificate, _Pipe(certificates.private_key) as key:
        context.load_cert_chain(certificate, key, password="")  # an encrypted key must not ask a terminal
    return context


class _Pipe:
    """A text as a path that can be read once, so that a key never stands on a disk."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def __enter__(self) -> str:
        if len(self._text) > _MOST_PEM_BYTES:
            raise ValueError(f"a PEM text of {len(self._text)} bytes")
        self._reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(self._text)
        return f"/dev/fd/{self._reader}"

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, OSError):  # so OpenSSL says of a pipe that it has read to its end for nothing
        return "its key is another one's"
    return str(error)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"
