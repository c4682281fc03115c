"""What every target stands on: the interface, its options, the registry, the run plan and the code package."""
