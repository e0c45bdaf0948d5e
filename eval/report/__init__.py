"""What readers see of a study: its table, curves and sweeps, in one style. Nothing here loads torch."""
