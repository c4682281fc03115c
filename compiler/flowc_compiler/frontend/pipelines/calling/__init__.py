"""Calls in a pipeline's body: of steps, maps, helpers and other pipelines."""
