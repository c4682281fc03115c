"""Decorators of steps and flows: their arguments, by Metaflow's names, and the specs that they add up to."""
