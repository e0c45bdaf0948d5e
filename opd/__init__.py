"""On-policy distillation: models, rollouts, teacher scores, objectives and the training loops.

distill, sft, pretrain, traces, fetch    the programs, each a stage of the workflow
tasks, rollout, experience, batch        prompts, the student's responses, and these as tensors
lm_head, scoring                         what student and teacher think of every token
objectives, support, names               what is minimised, and on which tokens
masks, markers, reduction                which positions count, and how much
advantages, credit, loss, training       from scores to a loss, and from a loss to an update
models, learner, lora, optimizer, muon   what is trained, and how it moves
teaching, vocabulary, average, weights   who teaches whom and what, and who takes the student's weights over
diagnostics, run, supervised             what a step says of itself, a run's folder, training on given text
parallel, plan, spec, peers              several devices, what a config needs, recipes as data, TRL beside it
"""

from programs import instructions

instructions.limit()
