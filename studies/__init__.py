"""Studies that train no language model: each a program that writes long tables and figures."""

from programs import instructions

instructions.limit()
