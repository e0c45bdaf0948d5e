"""One file per scale, and their schema."""
