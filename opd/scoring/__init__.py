"""What student and teacher think of sampled tokens, and checks that these scores are right."""
