"""The driver: a file in, a verified flow or diagnostics out."""

from flowc_compiler.driver.compile import Compilation, compile_file

__all__ = ["Compilation", "compile_file"]
