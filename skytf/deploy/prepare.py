"""From a VM that boots to a session that secrets may travel through."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from skytf.deploy.cancel import Cancel
from skytf.deploy.connect import Host, connect
from skytf.deploy.session import Session
from skytf.deploy.timing import Stopwatch
from skytf.errors import HostError

_ROTATE = "skytf-rotate-host-key"
_ROTATE_TIMEOUT_S = 120.0
_LEAST_BOOT_S = 10.0
# SSH answers before cloud-init has written what we call. What it says of itself is no reason to give up: "error" may be
# about something that the host can do without, and what is missing shows next.
_BOOTED = "! command -v cloud-init >/dev/null || cloud-init status --wait >/dev/null 2>&1 || true"
_BOOT_STATUS = "command -v cloud-init >/dev/null && cloud-init status --long 2>&1 | tail -n 3 | tr '\\n' ' '"


def unheard(_gateway_id: str, _what: str) -> None:
    """Be told and do nothing."""


def prepare_host(
    host: Host,
    key_file: Path,
    host_key_public: str,
    *,
    rotated: bool = False,
    deadline_s: float = 300.0,
    proxy: str = "",
    cancel: Cancel | None = None,
    on_step: Callable[[str, str], None] = unheard,
    on_host_key: Callable[[str, str], None] = unheard,
    watch: Stopwatch | None = None,
) -> tuple[Session, str]:
    """
    Return a session that secrets may travel through, and the host key it rests on.

    The bootstrap host key passed through user data and state, where others may read it. So the first session does one
    thing: once cloud-init is done, it lets the VM make a host key that never leaves it. Everything else uses a second
    session that trusts only that key.

    Raises:
        HostError: See `connect`; or the VM did not become ready, or could not change its key.
        Cancelled: *cancel* was set.
    """
    cancel, watch = cancel or Cancel(), watch or Stopwatch()
    give_up_s = time.monotonic() + deadline_s
    enter = partial(connect, host, key_file, deadline_s=deadline_s, cancel=cancel, proxy=proxy)
    on_step(host.gateway_id, "connecting")
    with watch.step("connecting"):
        first = enter(host_key_public)
    if rotated:
        return first, host_key_public
    try:
        with cancel.closing(first.close):
            on_step(host.gateway_id, "booting")
            with watch.step("booting"):
                _wait_for_boot(host, first, max(_LEAST_BOOT_S, give_up_s - time.monotonic()))
            on_step(host.gateway_id, "rotating")
            with watch.step("rotating"):
                host_key = _rotate(host, first, host_key_public)
    except HostError:
        # a session that we closed ourselves is not the host's failure
        cancel.check(str(host))
        raise
    finally:
        first.close()
    on_host_key(host.gateway_id, host_key)
    with watch.step("rotating"):
        return enter(host_key), host_key


def _wait_for_boot(host: Host, session: Session, timeout_s: float) -> None:
    if session.run(_BOOTED, timeout_s=timeout_s, check=False).exit_status != 0:
        raise HostError(
            f"{host}: cloud-init was not done after {timeout_s:.0f} s",
            hint="see /var/log/cloud-init-output.log there, or the VM's serial console",
        )


def _rotate(host: Host, session: Session, bootstrap_key: str) -> str:
    result = session.run([_ROTATE], timeout_s=_ROTATE_TIMEOUT_S, check=False)
    said = (result.stdout.strip().splitlines() or [""])[-1]
    if result.exit_status != 0 or not said.startswith("ssh-") or said.split()[:2] == bootstrap_key.split()[:2]:
        booted = session.run(_BOOT_STATUS, check=False).stdout.strip()
        raise HostError(
            f"{host} did not make a host key of its own ({_ROTATE}: {result.words()})",
            hint=f"cloud-init there says: {booted}" if booted else "see that its image runs cloud-init",
        )
    return said
