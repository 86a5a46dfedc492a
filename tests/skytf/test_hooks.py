from __future__ import annotations

import inspect
from threading import Barrier, Thread

from skytf.hooks import Hooks, Progress, Serialised


def test_every_hook_is_passed_on() -> None:
    heard: list[str] = []

    class Listener(Hooks):
        def __getattribute__(self, name: str):  # type: ignore[no-untyped-def]  # any hook
            return lambda *_: heard.append(name)

    names = [name for name, _ in inspect.getmembers(Hooks, inspect.isfunction) if name.startswith("on_")]
    for name in names:
        hook = getattr(Serialised(Listener()), name)
        hook(*[None] * len(inspect.signature(hook).parameters))

    assert heard == names


def test_calls_from_many_threads_come_one_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []
    together = Barrier(8)

    class Listener(Hooks):
        def on_progress(self, progress: Progress) -> None:
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    hooks = Serialised(Listener())

    def call() -> None:
        together.wait(5)
        for _ in range(500):
            hooks.on_progress(Progress((), 0.0))

    threads = [Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) == 1
    assert len(most) == 4_000
