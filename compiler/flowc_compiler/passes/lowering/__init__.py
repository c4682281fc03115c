"""Lowering: the evaluated body of a pipeline to the steps and scopes that a class flow of the same shape has."""

from flowc_compiler.passes.lowering.lower import lower_pipeline

__all__ = ["lower_pipeline"]
