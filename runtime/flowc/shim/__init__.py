"""What runs a task of a compiled flow. Standard library only; nothing is imported here."""
