"""Names that extensions add to the package `metaflow`, by the distribution that has them.

Metaflow merges what its extensions define into its own module, so that an import does not say whose a name is.
"""

from __future__ import annotations

from typing import NamedTuple


class Extension(NamedTuple):
    """Who adds a name to `metaflow`, and what to do without it."""

    package: str
    """The distribution on PyPI."""
    way_out: str
    """A help line."""


_GANG = "open the gang with `@parallel`, and start the library in the step: `current.parallel` has its members"
_SSH = "its launcher starts the ranks over SSH, and the members of a gang have no SSH servers and keys yet"
_STORE = "store what the step needs later as artifacts: `self.model = ...`"
_ENVIRONMENT = "name the packages with `@pypi` or `@conda`, and build the image with `flowc image`"
_LIBRARY = "remove it, and use the library itself in the step"
_POD = "say what the pod needs with `@kubernetes`"

_PACKAGES = {
    ("metaflow-deepspeed", f"{_SSH}; use `@torchrun`, whose variables DeepSpeed reads"): ("deepspeed",),
    ("metaflow-mpi", f"{_SSH}; use `@parallel`, and connect the members by MASTER_ADDR, RANK and WORLD_SIZE"): ("mpi",),
    ("metaflow-tensorflow", _GANG): ("tensorflow_parallel",),
    ("metaflow-pyspark", _GANG): ("pyspark",),
    ("metaflow-checkpoint", _STORE): (
        "model", "huggingface_hub", "Checkpoint", "load_model", "artifact_store_from",
        "with_artifact_store", "hf_hub", "nebius_checkpoints", "coreweave_checkpoints",
    ),
    ("metaflow-netflixext", _ENVIRONMENT): ("named_env", "named_env_base", "pip", "pip_base", "pipeline_env"),
    ("metaflow-slurm", _POD): ("slurm",),
    ("metaflow-ollama", _LIBRARY): ("ollama",),
    ("metaflow-magicdir", _STORE): ("magicdir",),
    ("metaflow-optuna", _LIBRARY): ("optuna",),
    ("ob-metaflow-extensions", _LIBRARY): (
        "nim", "vllm", "nvidia", "nvct", "snowpark", "snowflake", "s3_proxy", "app_deploy",
        "fast_bakery_base",
    ),
}  # fmt: skip

_EXTENSIONS = {name: Extension(*owner) for owner, names in _PACKAGES.items() for name in names}


def extension_of(name: str) -> Extension | None:
    """The known extension of Metaflow that adds a name; `None` for any other name."""
    return _EXTENSIONS.get(name)
