"""`flowc check` of many files: finding them, processes, the cache, and watching them."""
