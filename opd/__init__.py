"""On-policy distillation: models, rollouts, teacher scores, objectives and the training loops.

distill, sft, pretrain, traces, fetch   the programs, each a stage of the workflow
tasks, rollout, experience, batch       prompts, the student's responses, and these as tensors
lm_head, scoring                        what student and teacher think of every token
objectives, support, names, masks       what is minimised, on which tokens, at which positions
advantages, credit, loss, training      from scores to a loss, and from a loss to an update
models, lora, optimizer, muon           what is trained, and how it moves
diagnostics, run, supervised            what a step says of itself, a run's folder, training on given text
parallel, plan, spec, peers             several devices, what a config needs, recipes as data, TRL beside it
"""

from programs import instructions

instructions.limit()
