"""What the compiler writes and the shim reads, written once. Standard library only; nothing is imported here."""
