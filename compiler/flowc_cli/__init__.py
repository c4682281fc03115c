"""The `flowc` command."""
