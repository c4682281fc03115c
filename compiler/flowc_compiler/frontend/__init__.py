"""Front ends: syntax trees to IR. `classflow` reads Metaflow-shaped classes; nothing of the user's is ever imported."""

from flowc_compiler.frontend.classflow import read_class_flow
from flowc_compiler.frontend.configfiles import NO_CONFIGS, GivenConfigs
from flowc_compiler.frontend.parse import parse, read_source

__all__ = ["NO_CONFIGS", "GivenConfigs", "parse", "read_class_flow", "read_source"]
