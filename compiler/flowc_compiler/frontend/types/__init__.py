"""Types as annotations of a file say them, and what is accepted as what: for class flows and pipelines alike."""
