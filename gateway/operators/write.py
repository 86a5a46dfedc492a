"""``write_object_store`` and ``write_local``: write one destination of a partition."""

from __future__ import annotations

from gateway.delivery.exists import Writable
from gateway.delivery.runtime import Runtime
from gateway.errors import BadProgram
from gateway.operators.base import SinkOperator, store_of


class Write(SinkOperator):
    """
    Params: those of a `SinkOperator`, ``store`` (the fields of a `StoreSpec`), and for paths ``shared_disk``.

    A file is written under a hidden name and renamed; where the settings say ``fsync``, it and its name are on the disk
    before it is confirmed.
    ``shared_disk`` says that all sinks of the site see the same files; on other disks the chunks of an object would
    have to go to its owner alone.
    """

    params = SinkOperator.params | {"store", "shared_disk"}

    def open_store(self, runtime: Runtime) -> Writable:
        """
        Return the store that is written.

        Raises:
            BadProgram: It is a disk that the other sinks of the site do not share.
        """
        if self.step.op == "write_local" and not self.step.params.get("shared_disk"):
            raise BadProgram(
                "paths are written only where all sinks of a site share one disk",
                hint="write to paths through the gateways of a local site",
            )
        durable = self.step.op == "write_local" and runtime.settings.fsync
        return store_of(self.step, runtime, self._count, durable=durable)
