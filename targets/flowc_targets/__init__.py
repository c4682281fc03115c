"""Targets: each folder lowers the IR to one engine; `base` holds what they share."""
