"""The driver: a file in, a verified flow or diagnostics out; and values for the flow's parameters."""

from flowc_compiler.driver.compile import Compilation, CompilationError, compile_file, flow_names, names_of_called_flows
from flowc_compiler.driver.parameter_inputs import NO_INPUTS, ParameterInputs, with_defaults
from flowc_compiler.driver.parameters import (
    bind_parameters,
    check_environment,
    default_file,
    environment_values,
    find_parameter,
    is_unicode,
    split_assignments,
    split_options,
)
from flowc_compiler.frontend import NO_CONFIGS, GivenConfigs

__all__ = [
    "NO_CONFIGS", "NO_INPUTS", "Compilation", "CompilationError", "GivenConfigs", "ParameterInputs",
    "bind_parameters", "check_environment", "compile_file", "default_file", "environment_values", "find_parameter",
    "flow_names", "is_unicode", "names_of_called_flows", "split_assignments", "split_options", "with_defaults",
]  # fmt: skip
