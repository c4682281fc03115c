"""What the tasks of a pod group print. Their runner keeps it, in place of a process for each task, see `log_keeper`."""

from __future__ import annotations

import os
import time

from flowc.shim.kept_output import STORE_SECONDS, KeptOutput
from flowc.shim.log_keeper import new_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Thread
    from typing import Callable, Dict, List

    from flowc.shim.group_records import Attempt
    from flowc.store.run_layout import RunLayout


class GroupOutput:
    """The output of the tasks that run, and of those whose output is still being stored."""

    def __init__(self, layout: RunLayout, wake: Callable[[], object]) -> None:
        """`wake` is called by threads, to have `write_due` called."""
        self._layout = layout
        self._wake = wake
        self._outputs: Dict[Attempt, KeptOutput] = {}
        self._by_descriptor: Dict[int, KeptOutput] = {}
        self._threads: List[Thread] = []

    @property
    def descriptors(self) -> List[int]:
        """What is to be read from."""
        return list(self._by_descriptor)

    @property
    def timeout(self) -> float:
        """Seconds until something has to be written."""
        return min((output.timeout for output in self._outputs.values()), default=float("inf"))

    def begin(self, attempt: Attempt) -> List[int]:
        """The descriptors for the stdout and stderr of an attempt, which the caller closes."""
        (stdout, out), (stderr, err) = new_pipe(), new_pipe()
        folder = self._layout.folder(*attempt.key, attempt.number)
        output = KeptOutput(stdout, stderr, folder, lambda: self._layout.store, self._wake)
        self._outputs[attempt] = output
        self._by_descriptor.update({stdout: output, stderr: output})
        return [out, err]

    def pump(self, descriptor: int) -> None:
        """Take what is there to be read."""
        if not self._by_descriptor[descriptor].pump(descriptor):
            del self._by_descriptor[descriptor]

    def write_due(self) -> None:
        """Write what it is time for."""
        for output in self._outputs.values():
            output.write_if_due()

    def hurry(self) -> None:
        """Write all of it soon."""
        for output in self._outputs.values():
            output.hurry()

    def end(self, attempt: Attempt) -> None:
        """Store the rest of the output of an attempt that has ended: a server may take its time for that."""
        output = self._outputs.pop(attempt, None)
        if output is None:
            return
        output.drain()
        for descriptor in output.streams:
            self._by_descriptor.pop(descriptor, None)
            os.close(descriptor)
        if not self._layout.store.remote:
            output.finish()
        elif output.log.is_changed or output.writing or output.problem is not None:
            from threading import Thread

            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(Thread(target=output.finish, daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        """Wait until all is stored, within reason."""
        limit = time.monotonic() + 2 * STORE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))
