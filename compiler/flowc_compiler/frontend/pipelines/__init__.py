"""The front end of function pipelines: `@pipeline` functions that call `@step` functions, ZenML's shape."""
