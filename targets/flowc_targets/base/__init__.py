"""What every target builds on: the interface, options, the registry, checks, and the pool of task processes."""
