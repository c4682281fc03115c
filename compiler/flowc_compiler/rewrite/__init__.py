"""Edits of the user's files that keep comments and layout: `flowc check --fix` and `flowc migrate`.

libcst is imported here only, by the functions that edit: reading needs no more than `ast`.
"""

from flowc_compiler.rewrite.files import Edit, RewriteError, diff, is_stream, write_all, write_texts

__all__ = ["Edit", "RewriteError", "diff", "is_stream", "write_all", "write_texts"]
