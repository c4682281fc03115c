"""flowc: authoring API and runtime shim."""
