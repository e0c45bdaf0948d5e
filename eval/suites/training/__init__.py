"""The lists of training prompts, one per file. The file's name is the list's name."""
