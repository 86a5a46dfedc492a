"""The handshake is Noise KK as published, and refuses everybody else."""

from __future__ import annotations

import pytest
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt, crypto_scalarmult_base

from gateway.errors import RemoteWireError
from gateway.wire.noise import NoiseKK

# Noise_KK_25519_ChaChaPoly_SHA256 of the public test vectors of "cacophony" (public domain).
PROLOGUE = "4a6f686e2047616c74"
INITIATOR = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"
INITIATOR_EPHEMERAL = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"
RESPONDER = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"
RESPONDER_EPHEMERAL = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"
FIRST = (
    "4c756477696720766f6e204d69736573",
    "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
    "0177015efc1fe7a37c629af7120a96274e6ab7afcc9261901d0e09ae32a5bb96",
)
SECOND = (
    "4d757272617920526f746862617264",
    "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
    "b274d3429adc47ca093ba63ef90f8da89fda108db471dccfa4894aa7b00003",
)
THIRD = ("462e20412e20486179656b", "966b05bc69ec01b8454d3160a214e6f24a3d884eb31ec2408af63f")


def pair(*, prologue: str = PROLOGUE, initiator: str = INITIATOR) -> tuple[NoiseKK, NoiseKK]:
    statics = bytes.fromhex(INITIATOR), bytes.fromhex(RESPONDER)
    publics = [crypto_scalarmult_base(key) for key in statics]
    a = NoiseKK(
        initiator=True,
        prologue=bytes.fromhex(prologue),
        static=bytes.fromhex(initiator),
        remote=publics[1],
        ephemeral=bytes.fromhex(INITIATOR_EPHEMERAL),
    )
    b = NoiseKK(
        initiator=False,
        prologue=bytes.fromhex(PROLOGUE),
        static=statics[1],
        remote=publics[0],
        ephemeral=bytes.fromhex(RESPONDER_EPHEMERAL),
    )
    return a, b


def test_it_gives_the_published_test_vectors() -> None:
    a, b = pair()

    first = a.write_first(bytes.fromhex(FIRST[0]))
    read_first = b.read_first(first)
    second = b.write_second(bytes.fromhex(SECOND[0]))
    read_second = a.read_second(second)

    assert (first.hex(), read_first.hex()) == (FIRST[1], FIRST[0])
    assert (second.hex(), read_second.hex()) == (SECOND[1], SECOND[0])
    assert a.split() == b.split()
    third = crypto_aead_chacha20poly1305_ietf_encrypt(bytes.fromhex(THIRD[0]), b"", bytes(12), a.split()[0])
    assert third.hex() == THIRD[1]


@pytest.mark.parametrize("change", [{"prologue": "00"}, {"initiator": RESPONDER_EPHEMERAL}], ids=["prologue", "key"])
def test_another_prologue_or_key_is_refused_at_the_first_message(change: dict[str, str]) -> None:
    a, b = pair(**change)

    with pytest.raises(RemoteWireError, match="expected keys"):
        b.read_first(a.write_first(b""))


def test_a_changed_answer_is_refused() -> None:
    a, b = pair()
    b.read_first(a.write_first(b""))
    answer = bytearray(b.write_second(b"payload"))
    answer[-1] ^= 1

    with pytest.raises(RemoteWireError, match="expected keys"):
        a.read_second(bytes(answer))


def test_a_public_key_of_small_order_is_refused() -> None:
    _, b = pair()

    with pytest.raises(RemoteWireError, match="invalid public key"):
        b.read_first(bytes(32) + bytes(16))
