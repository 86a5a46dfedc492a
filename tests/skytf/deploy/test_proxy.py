from __future__ import annotations

import pytest

from skytf.deploy.proxy import check_proxy, proxy_argv
from skytf.errors import InputError


def argv(text: str) -> list[str]:
    return proxy_argv(text, address="10.0.0.7", port=2022, gateway_id="aws-a-1")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("jump.example", ["-W", "[10.0.0.7]:2022", "--", "jump.example"]),
        ("me@jump", ["-W", "[10.0.0.7]:2022", "--", "me@jump"]),
        ("first.last@192.0.2.1:2222", ["-W", "[10.0.0.7]:2022", "-p", "2222", "--", "first.last@192.0.2.1"]),
        ("me@[2001:db8::1]:22", ["-W", "[10.0.0.7]:2022", "-p", "22", "--", "me@2001:db8::1"]),
    ],
)
def test_a_jump_host_is_reached_by_the_systems_ssh(text: str, end: list[str]) -> None:
    command = argv(check_proxy(text))

    assert command[0] == "ssh"
    assert "BatchMode=yes" in command
    assert command[-len(end) :] == end


def test_a_command_gets_what_it_asks_for_as_one_word_each() -> None:
    command = argv("sh -c 'exec tunnel \"$1\" %%' %i --to %h:%p")

    assert command == ["sh", "-c", 'exec tunnel "$1" %', "aws-a-1", "--to", "10.0.0.7:2022"]


def test_a_tunnel_that_asks_for_the_vms_name_gets_it() -> None:
    command = proxy_argv(
        "sh tunnel %n %p", address="10.0.0.7", port=22, gateway_id="gcp-b-0", vm_name="skytf-t-gcp-b-0"
    )

    assert command == ["sh", "tunnel", "skytf-t-gcp-b-0", "22"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("-oProxyCommand=evil", "neither a jump host"),
        ("me@-jump", "neither a jump host"),
        ("jump:0", "neither a jump host"),
        ("jump:65536", "neither a jump host"),
        ("ssh://jump", "neither a jump host"),
        ("   ", "neither a jump host"),
        ("sh -c 'exec", "is no command"),
        ("sh --to %q %h", "means nothing"),
        ("sh --to %h 100%", "means nothing"),
        ("sh --listen %p", "does not say which host"),
        ("no-such-program --to %h", "'no-such-program', which is not here"),
    ],
)
def test_nonsense_is_refused_with_the_forms_there_are(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        check_proxy(text)

    assert caught.value.hint


def test_no_proxy_is_fine() -> None:
    assert not check_proxy("")
