"""A run as a page: what its store has of it, as data; and HTML that draws that data without a network."""
