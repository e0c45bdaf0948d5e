"""What a step says of itself: its metrics and how they are computed. Each changes no weight."""
