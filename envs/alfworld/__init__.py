"""ALFWorld: household tasks in text, played on the unmodified engine in processes of their own.

`game` says what a game is, `sources` finds games, `panel` fixes which are played, `vector` plays them.
The engine's packages (some under the GPL) are imported only by `worker`, which is a program, not a library.
"""
