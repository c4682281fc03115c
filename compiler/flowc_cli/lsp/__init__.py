"""`flowc lsp`: a language server that reads flows as `flowc check` does, from the texts that an editor holds."""
