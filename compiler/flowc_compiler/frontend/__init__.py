"""Front ends: syntax trees to IR. `classflow` reads Metaflow-shaped classes; nothing of the user's is ever imported."""

from flowc_compiler.frontend.classflow.flow import read_class_flow
from flowc_compiler.frontend.files.parse import parse, read_source
from flowc_compiler.frontend.parameters.configfiles import NO_CONFIGS, GivenConfigs

__all__ = ["NO_CONFIGS", "GivenConfigs", "parse", "read_class_flow", "read_source"]
