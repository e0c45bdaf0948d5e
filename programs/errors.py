"""Errors of whoever started a program, as against errors of the program."""


class UserError(ValueError):
    """A setting, folder or file that does not fit, and what to write instead. Programs end with it alone."""
