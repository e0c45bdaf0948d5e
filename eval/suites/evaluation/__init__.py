"""The evaluation suites, one per file. The file's name is the suite's name."""
