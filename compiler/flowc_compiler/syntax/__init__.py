"""Reading files: parsing, where nodes stand, what imports mean, and which local modules belong to a flow."""
