"""Remove what is left of a fleet, kind after kind; try everything, then say what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from skytf.clouds.tags import Tagged
from skytf.errors import SkytfError

_AT_ONCE = 8
# What is gone is still named by what it needed for a while: 1 s, 2 s, 4 s … about a minute.
_TRIES = 7
_FIRST_PAUSE_S = 1.0

One = TypeVar("One", bound=Tagged)


def in_order(
    resources: Sequence[One], removals: Mapping[str, Callable[[One], bool]], *, held: Sequence[str] = ()
) -> tuple[str, ...]:
    """
    Remove *resources*, those of one kind side by side; return those that were there, in words, in the order of removal.

    Args:
        resources: What is removed; of a kind that *removals* lacks none.
        removals: Kind → what removes one, and returns whether it was there; in the order of removal.
        held: Words by which the cloud says that something still holds a thing: it is then tried again for a minute.

    Raises:
        SkytfError: Something could not be removed (of the first one's type, `NotSignedIn` and so on); everything else
            was tried.
    """
    removed: list[str] = []
    problems: list[SkytfError] = []

    def attempt(one: One) -> None:
        try:
            if _until_free(lambda: removals[one.kind](one), held):
                removed.append(str(one))
        except SkytfError as error:
            problems.append(error)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="remove") as pool:
        for kind in removals:
            # The next kind begins when all of this one are gone.
            list(pool.map(attempt, sorted((one for one in resources if one.kind == kind), key=str)))
    if problems:
        raise summary(problems)
    return tuple(removed)


def remove_fleet(
    title: str,
    find: Callable[[], Sequence[One]],
    remove: Callable[[Sequence[One]], tuple[str, ...]],
    *,
    transfer_id: str,
    owner: str | None,
) -> tuple[str, ...]:
    """
    Remove what *find* knows of a transfer, then look again whether anything is still there.

    Args:
        title: The cloud's name for people.
        find: Returns everything of skytf's that stands in the account.
        remove: Removes it and returns what was there, in words.
        transfer_id: The transfer.
        owner: Whose; anybody's if None.

    Raises:
        SkytfError: Something is still there; the message names it.
    """

    def standing() -> list[One]:
        return [one for one in find() if one.belongs_to(transfer_id, owner)]

    ours = standing()
    if not ours:
        return ()
    removed = remove(ours)
    if left := standing():
        hint = f"remove it in the console of {title}, or run skytf reap again in some minutes"
        raise SkytfError(f"{title} still has of transfer {transfer_id}: {', '.join(map(str, left))}", hint=hint)
    return removed


def _until_free(removal: Callable[[], bool], held: Sequence[str]) -> bool:
    pause = Event()  # never set: waiting on it can be bounded
    for attempt in range(1, _TRIES):
        try:
            return removal()
        except SkytfError as error:
            if not any(word in str(error) for word in held):
                raise
            pause.wait(_FIRST_PAUSE_S * 2 ** (attempt - 1))
    return removal()


def summary(problems: Sequence[SkytfError]) -> SkytfError:
    """Return the first of *problems*, at least one, which says how many more there are."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return type(first)(f"{first}{more}", hint=first.hint)
