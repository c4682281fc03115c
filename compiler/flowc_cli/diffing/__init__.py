"""`flowc diff`: two versions of a flow, as what is written for an engine, and what changed between them."""
