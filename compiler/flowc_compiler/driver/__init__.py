"""The driver: a file in, a verified flow or diagnostics out; and values for the flow's parameters."""

from flowc_compiler.driver.compile import Compilation, compile_file
from flowc_compiler.driver.parameters import bind_parameters, split_assignments, split_options

__all__ = ["Compilation", "bind_parameters", "compile_file", "split_assignments", "split_options"]
