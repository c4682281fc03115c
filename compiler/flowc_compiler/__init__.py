"""The compiler, source to IR. One package a stage, lowest first: source, diagnostics, ir, frontend, passes, driver."""
