"""On-policy distillation: models, rollouts, teacher scores, objectives and the training loops."""
