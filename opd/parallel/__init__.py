"""One run on several devices, and a model that needs more memory than it would get by itself.

`ranks` are the processes of a run: one, or several under torchrun. `share` says which responses of a step
each of them computes. `sharding` spreads a model's weights, gradients and optimiser over them (FSDP2).
Rank 0 is the first: it draws prompts, judges responses, and writes all files.
"""
