"""The compiler: source to IR, one package a stage, lower stages first: source, diagnostics, ir, frontend, passes, driver."""
