"""What every part of the evaluation stands on: its state, its limits, values and names."""
