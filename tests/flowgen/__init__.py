"""Random flows, as source text: `blocks` says what they are made of, `plain` and `rich` write them down."""
