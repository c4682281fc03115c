"""What every engine runs: the run plan, the code package, and the images that steps run in."""
