"""Python's own statements and expressions in a pipeline's body."""
