"""What a client does with the directory of a transfer, whatever the transfer is."""

from __future__ import annotations

import shutil
import signal
import threading
from pathlib import Path

from skytf import bundle as bundles
from skytf.assembly import Setting
from skytf.bundle import Bundle
from skytf.client.looking import Looking, owner
from skytf.deploy.cancel import Cancel
from skytf.errors import Interrupted
from skytf.home import TransferDir, new_transfer_id
from skytf.hooks import Hooks, Serialised
from skytf.model import codec
from skytf.model.copy import ApplyOptions
from skytf.runner.engine import Engine
from skytf.runner.engine import resolve as resolve_engine
from skytf.tally import Inquiries
from skytf.transfer import BUNDLE_DIR
from skytf.transfers import Asked


class Working(Looking):
    """Begins, keeps and discards directories, and can be stopped; *home*, *engine* and *hooks* as for `Client`."""

    def __init__(self, *, home: Path | None = None, engine: str | None = None, hooks: Hooks | None = None) -> None:
        super().__init__(home=home, engine=engine)
        self._hooks = Serialised(hooks or Hooks())
        self._cancel = Cancel()
        self._signal = int(signal.SIGINT)
        self._inquiries = Inquiries()

    def interrupt(self, signal_number: int) -> None:
        """
        Stop what runs, in order; may be called by a signal handler.

        The running call raises Interrupted once the fleet is gone.
        """
        self._signal = signal_number
        # A handler may have interrupted the very thread that holds the lock of Cancel.
        threading.Thread(target=self._cancel.set, name="interrupt").start()

    def _engine(self) -> Engine:
        return resolve_engine(self._engine_setting, self._env)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Interrupted("stopped before anything was created", signal_number=self._signal)

    def _begin(self, asked: Asked) -> TransferDir:
        """Write down what is asked before anything is looked at, so that a client that is killed can be followed up."""
        self._inquiries = Inquiries()
        directory = self._home.create(new_transfer_id())
        directory.write("request.json", codec.encode(asked))
        directory.enter("surveying", owner=owner())
        return directory

    def _keep(self, directory: TransferDir, bundle: Bundle) -> None:
        """Write the bundle whole or not at all, also if we are killed."""
        beside = directory.root / f"{BUNDLE_DIR}.new"
        shutil.rmtree(beside, ignore_errors=True)
        bundles.write(beside, bundle.files)
        beside.rename(directory.root / BUNDLE_DIR)

    def _discard(self, directory: TransferDir) -> None:
        """Nothing was created: a transfer that never began is not worth remembering."""
        shutil.rmtree(directory.root, ignore_errors=True)

    def _setting(self, directory: TransferDir, applying: ApplyOptions) -> Setting:
        return Setting(
            directory=directory,
            home=self._home.root,
            engine=self._engine(),
            env=self._env,
            owner=owner(),
            hooks=self._hooks,
            cancel=self._cancel,
            stop_signal=lambda: self._signal,
            applying=applying,
            inquiries=self._inquiries,
        )
