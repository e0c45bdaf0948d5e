"""What a config needs before it runs: memory, disk, tokens, operations, hours, and what is missing.

`workflows.plan` says which jobs there are; this package says what they need. Nothing here loads torch.

shape     a model as the numbers that decide its memory and operations
devices   what a GPU has to offer
memory    bytes by component in each phase of a job
work      tokens, operations and seconds of each phase
jobs      the jobs of a config with all of that
lacks     what is missing, and the command that mends it
"""
