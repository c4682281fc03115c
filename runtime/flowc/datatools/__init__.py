"""`metaflow.S3` and the configuration that goes with it. Imported when a flow uses them, and not before."""
