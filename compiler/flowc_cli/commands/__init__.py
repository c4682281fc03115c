"""The commands of `flowc`, one module each: `app` has the options, and the action is beside it."""
