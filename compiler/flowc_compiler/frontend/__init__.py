"""Front ends: syntax trees to IR; nothing of the user's is ever imported.

`class_flow` reads Metaflow-shaped classes, `pipelines` ZenML-shaped functions. A compile needs one of them, and imports
that one only.
"""

from flowc_compiler.frontend.parameters.config_sources import NO_CONFIGS, GivenConfigs
from flowc_compiler.syntax.source_reading import parse, read_source

__all__ = ["NO_CONFIGS", "GivenConfigs", "parse", "read_source"]
