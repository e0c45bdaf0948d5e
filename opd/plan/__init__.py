"""What a model takes: memory, disk, tokens, operations and hours, by arithmetic on its shape.

`memory` and `work` compute it from the numbers of `shape`, `step` and `devices`; `workflows.needs` asks them
for the jobs of a config, which `python -m opd.plan` prints. `measure` and `profile` try steps, by `trial`,
and load torch; nothing else does.
"""
