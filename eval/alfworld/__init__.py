"""ALFWorld evaluated: the records of episodes and their scores. `python -m eval.alfworld --help`"""
