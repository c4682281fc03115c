"""Class flows: `class F(FlowSpec)` with `@step` methods, and their graph."""
