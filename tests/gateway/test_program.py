"""What a program says is checked before anything of it runs."""

from __future__ import annotations

import pytest

from gateway.errors import BadProgram
from gateway.program import CIPHERS, COMPRESSIONS, Group, Program, Settings, Step, decode, encode
from gateway.wire.ciphers import chosen
from gateway.wire.compression import compressor

GENERATE = Group(("job",), Step("gen_data", children=(Step("discard"),)))


@pytest.mark.parametrize("settings", [Settings(compression="rar"), Settings(cipher="rot13")], ids=["codec", "cipher"])
def test_a_codec_that_is_unknown_is_named(settings: Settings) -> None:
    text = encode(Program("gw-a", (GENERATE,), settings=settings))

    with pytest.raises(BadProgram, match=r"the program of gw-a has (compression 'rar'|cipher 'rot13')") as refused:
        decode(text)

    assert refused.value.hint.startswith("known are ")


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_codec_that_may_be_named_is_there(compression: str, cipher: str) -> None:
    program = Program("gw-a", (GENERATE,), settings=Settings(compression=compression, cipher=cipher))

    assert decode(encode(program)) == program
    assert chosen(cipher) in {0, 1}
    assert (compressor(compression) is None) is (compression == "none")
