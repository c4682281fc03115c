"""Types of a pipeline: annotations are read from the files, and every argument of a call is checked against them."""
