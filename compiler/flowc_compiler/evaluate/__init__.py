"""What is known of a file's values when it is compiled: an abstract interpreter that executes nothing of the user's."""
