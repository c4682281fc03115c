"""Arguments of `@step`, `@pipeline`, `with_options` and `configure`, and ZenML's settings, to specs."""
