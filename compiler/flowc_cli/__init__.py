"""The `flowc` command: it imports everything, and nothing imports it."""
