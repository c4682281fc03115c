"""What decorators of gangs prepare for the code of a member that has met the others: PyTorch, torchrun, Ray."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from flowc.shim.gang import Gang


def with_framework(gang: Gang, name: str, options: Dict[str, Any], code: Callable[[], None]) -> Callable[[], None]:
    """The step's code in its framework. Its variables and its part of `current` are there at once."""
    from flowc.current import add_facts

    if name == "pytorch":  # the backend is Metaflow's choice for PyTorch Lightning
        os.environ.update({"NUM_NODES": str(gang.count), "PL_TORCH_DISTRIBUTED_BACKEND": "gloo"})
        return code
    if name == "torchrun":
        from flowc.shim.torchrun import TorchrunExecutor

        add_facts({"torch": TorchrunExecutor(options)})
        return code
    from flowc.shim.ray_cluster import run_on_ray

    task = gang.task
    place = "/".join((task.root.rstrip("/"), "mf.ray_decorator", gang.layout.flow, task.run, task.step))
    add_facts({"ray_storage_path": f"{place.removeprefix('file://')}/{task.attempt}"})
    return lambda: run_on_ray(gang, options, code)
