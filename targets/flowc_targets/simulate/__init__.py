"""Running a manifest on this machine as Argo would: `flowc simulate`."""

from flowc_targets.simulate.node_report import JsonProgress, Progress, as_json, counts, tree
from flowc_targets.simulate.problems import ManifestError
from flowc_targets.simulate.simulation import SimulateOptions, SimulationResult, prepare_manifest, simulate

__all__ = [
    "JsonProgress",
    "ManifestError",
    "Progress",
    "SimulateOptions",
    "SimulationResult",
    "as_json",
    "counts",
    "prepare_manifest",
    "simulate",
    "tree",
]
