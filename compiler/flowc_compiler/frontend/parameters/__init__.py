"""`Parameter`, `IncludeFile` and `Config` in a class body."""
