"""Images for the packages that steps ask for: what to build them from, and which step runs in which."""
