"""Studies that need no language model: each a program that writes long tables and figures."""
