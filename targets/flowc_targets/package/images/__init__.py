"""Images for the packages that steps need: what they are built from, and which step runs in which."""
