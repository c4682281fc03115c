"""Values of expressions, as far as they can be told from the text and nothing of the user's is executed."""
