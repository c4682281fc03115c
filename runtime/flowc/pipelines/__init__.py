"""Function pipelines: what their files import, and how a task of one is run. Nothing is imported here."""
