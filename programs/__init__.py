"""What the programs of all packages share: command line, specs, errors, progress, records, provenance."""
