"""What a config needs before it runs: memory, disk, tokens, operations, hours, and what is missing.

`workflows.plan` says which jobs there are; this package says what they need. `memory` and `work` compute it
from the numbers of `shape` and `devices`, `jobs` for a whole config; `lacks` says what is missing, `requests`
what to ask a cluster for. `measure` and `profile` try steps, by `trial`, and load torch; nothing else does.
"""
