"""Running a manifest on this machine as Argo would: `flowc simulate`."""

from flowc_targets.simulate.node_report import Progress, as_json, counts, tree
from flowc_targets.simulate.problems import ManifestError
from flowc_targets.simulate.simulation import Simulated, SimulateOptions, prepared, simulate

__all__ = [
    "ManifestError",
    "Progress",
    "SimulateOptions",
    "Simulated",
    "as_json",
    "counts",
    "prepared",
    "simulate",
    "tree",
]
