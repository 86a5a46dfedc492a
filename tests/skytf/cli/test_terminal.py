"""What a person sees: the program on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PATIENCE_S = 20


class Screen:
    """A process on a pseudo-terminal, and everything it has written there."""

    def __init__(self, arguments: tuple[str, ...], columns: int, env: dict[str, str]) -> None:
        self._own, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.skytf.cli.fake", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={name: value for name, value in os.environ.items() if name != "NO_COLOR"}
            | {"TERM": "xterm-256color", "PYTHONUTF8": "1"}
            | env,
        )
        os.close(theirs)
        self.raw = ""

    def until(self, words: str) -> None:
        """Read until *words* have been written."""
        while words not in self.raw:
            assert self._read(), f"the process ended without saying {words!r}: {self.raw}"

    def answer(self, text: str) -> None:
        """Type *text* and the return key."""
        os.write(self._own, text.encode(errors="surrogateescape") + b"\n")

    def end(self) -> int:
        """Return the exit code, all output read."""
        while self._read():
            pass
        return self.process.wait(timeout=20)

    @property
    def text(self) -> str:
        """Everything written, without colours and cursor movements."""
        return _CONTROL.sub("", self.raw).replace("\r", "")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._own], [], [], _PATIENCE_S)
        assert ready, f"nothing more came: {self.raw}"
        try:
            read = os.read(self._own, 65_536)
        except OSError:  # the last process has closed the terminal
            return False
        self.raw += read.decode(errors="replace")
        return bool(read)


Open = Callable[..., Screen]


@pytest.fixture
def screen() -> Iterator[Open]:
    opened = []

    def begin(*arguments: str, columns: int = 120, **env: str) -> Screen:
        opened.append(Screen(arguments, columns, env))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def test_the_plan_is_shown_before_the_question_and_yes_applies_it(screen: Open) -> None:
    seen = screen("cp", "/data", "s3://b/x")

    seen.until("[y/N]")
    asked = seen.text
    seen.answer("y")

    assert seen.end() == 0
    assert "local:a  2" in asked
    assert "✓ planning" in asked
    assert "✓ transferring" not in asked
    assert "✓ transferring to 1 destination" in seen.text
    assert "✓ Done in 12.3 s" in seen.text
    assert "fleet destroyed, nothing left" in seen.text


@pytest.mark.parametrize("answer", ["", "n", "what?", "\udcff"])
def test_anything_but_yes_creates_nothing(screen: Open, answer: str) -> None:
    seen = screen("cp", "/data", "s3://b/x", PYTHONIOENCODING="utf-8:strict")

    seen.until("[y/N]")
    seen.answer(answer)

    assert seen.end() == 1
    assert "Not applied: nothing was created." in seen.text
    assert "applying" not in seen.text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_signal_at_the_question_is_an_answer(screen: Open, number: int, code: int) -> None:
    seen = screen("cp", "/data", "s3://b/x")

    seen.until("[y/N]")
    seen.process.send_signal(number)

    assert seen.end() == code
    assert "Error: interrupted at the question: nothing was created" in seen.text


def test_the_cursor_comes_back_when_leaving_at_once(screen: Open) -> None:
    seen = screen("cp", "a", "b", "--yes", FAKE_BLOCKS="1", FAKE_DEAF="1")

    seen.until("BLOCKED")
    seen.process.send_signal(signal.SIGINT)
    seen.until("Stopping")
    seen.process.send_signal(signal.SIGINT)

    assert seen.end() == 130
    assert "\x1b[?25l" in seen.raw
    assert seen.raw.rindex("\x1b[?25h") > seen.raw.rindex("\x1b[?25l")


def test_names_cannot_take_over_the_terminal(screen: Open) -> None:
    seen = screen("cp", "a", "b", "--yes", FAKE_INCOMPLETE="1")

    assert seen.end() == 6
    assert "a\\x1b[2Jb" in seen.text
    assert "\x1b[2J" not in seen.raw


def test_no_color_is_honoured(screen: Open) -> None:
    seen = screen("cp", "a", "b", "--yes", NO_COLOR="1")

    assert seen.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen.raw)


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_no_line_is_wider_than_the_terminal(screen: Open, columns: int) -> None:
    seen = screen("cp", "a", "b", "--yes", columns=columns)

    assert seen.end() == 0
    assert max(len(line) for line in seen.text.splitlines()) <= columns


def test_a_dumb_terminal_gets_the_lines_of_a_log(screen: Open) -> None:
    seen = screen("cp", "a", "b", "--yes", TERM="dumb")

    assert seen.end() == 0
    assert "transferring: to 1 destination" in seen.text
    assert "\x1b" not in seen.raw
