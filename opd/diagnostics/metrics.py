"""Every number that a run logs per step, with its meaning. The only place where they are described."""

METRICS = {
    "loss": "Mean of the objective over the step's minibatches, in nats.",
    "gradient_norm": "L2 norm of the gradient before clipping, mean over the step's minibatches.",
    "clip_fraction": "Share of sampled tokens whose probability moved by more than 20 % since sampling, "
    "the range where PPO clips; null where the loss never computes the normaliser.",
    "masked_share": "Share of generated tokens that the loss leaves out: those that a mask leaves out, and "
    "those of groups without signal if the method leaves such groups out.",
    "response_length": "Mean tokens per response, the end token included.",
    "cap_share": "Share of responses that reached the token cap (ResponseClipRatio in arXiv 2603.25562).",
    "episode_success": "Share of the step's episodes that succeed: a response that ends by itself with the "
    "right answer, or a game won. Trained on only where an objective asks for outcomes.",
    "groups_without_signal": "Share of the step's groups (samples of one prompt or game) whose episodes all "
    "have the same return, of which a group baseline leaves penalties of invalid responses alone; 1 where "
    "each prompt is answered once.",
    "turns": "Games: mean responses per episode.",
    "invalid_format": "Games: share of responses that are no command in the protocol's form.",
    "inadmissible": "Games: share of commands that the engine did not offer. A response of invalid format "
    "is a command, too, and counts in both if what is read from it was not offered.",
    "episode_errors": "Games: share of the step's episodes that the engine could not finish; not trained on.",
    "gap": "Mean of log q(y) - log p(y) over sampled tokens y (teacher q, student p), in nats.",
    "gap_by_position": "The gap in eight equal ranges of the token cap, first tokens first; null where no "
    "response is that long.",
    "positive_reward_share": "Share of sampled tokens that the teacher finds more probable than the student.",
    "student_mass": "Student probability on the teacher's top-K tokens, mean over positions.",
    "teacher_mass": "Teacher probability on its own top-K tokens, mean over positions.",
    "overlap": "Size of the intersection of both top-K sets divided by K, mean over positions.",
    "entropy": "Entropy of the student's next-token distribution, mean over positions, in nats.",
    "repeated_trigrams": "Share of tokens that complete a 3-gram already seen in the same response.",
}
"""Reproducible metrics: with the torch engine the same spec and seed give the same bytes on a machine."""

CHECK_METRICS = {
    "mismatch_mean": "Mean absolute difference of log p(y) between rollout engine and trainer over sampled "
    "tokens y, both at temperature 1 over the whole vocabulary, in nats.",
    "mismatch_max": "The largest of these differences, in nats.",
    "mismatch_ratio": "Mean of p(y) under the trainer divided by p(y) under the rollout engine.",
}
"""Metrics that check the run itself. No figure shows them."""

UNITS = {
    "loss": "nats",
    "gradient_norm": "L2 norm",
    "response_length": "tokens",
    "turns": "responses",
    "gap": "nats",
    "gap_by_position": "nats",
    "entropy": "nats",
}
"""Units of the metrics that are no shares."""

MACHINE_METRICS = {
    "rollout_tokens_per_s": "Generated tokens per second of sampling.",
    "scoring_tokens_per_s": "Generated tokens per second of teacher and student scoring.",
    "training_tokens_per_s": "Generated tokens per second of forward, backward and update.",
    "peak_memory_mib": "Peak memory of the step on the accelerator; on a CPU, of the process so far.",
    "processes": "Processes that shared the step.",
    "device": "Name of the first process's accelerator; cpu without one.",
    "device_gib": "Its memory, in GiB.",
}
"""Metrics of the machine, logged apart under `machine`, and which: `opd.plan` takes rates of its like."""
