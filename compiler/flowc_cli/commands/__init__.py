"""The declarations of the commands: their names, arguments, options and help. Bodies import what they need."""
