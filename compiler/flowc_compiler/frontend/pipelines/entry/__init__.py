"""Which pipeline of a file is compiled, and with which values of its parameters."""
