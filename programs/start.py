"""Start a program as `python -m` does, with a third less time for its imports.

    python -m programs.start opd.distill --spec ... --out ...

At the mini scale jobs are so short that most of their time may be the imports of torch and transformers. Two
things of these are of no use here, and left out until the program begins (`begun`, which
`programs.command_line.launch` calls): collections of garbage, as hardly anything that an import makes is
garbage, and packages that transformers takes along wherever they are installed, for assisted decoding and the
losses of object detection. A program that imports one of them itself cannot be started so.
"""

import gc
import runpy
import sys

_LEFT_OUT = ("sklearn", "scipy")


def start(program: str) -> None:
    """Run a module as the main program, on the arguments of this process that follow its name."""
    sys.argv = [program, *sys.argv[2:]]
    gc.disable()
    for name in _LEFT_OUT:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python is told that there is none
    runpy.run_module(program, run_name="__main__", alter_sys=True)


def begun() -> None:
    """What a program calls when all its imports are made, however it was started."""
    for name in _LEFT_OUT:
        if sys.modules.get(name, sys) is None:
            del sys.modules[name]
    gc.enable()


if __name__ == "__main__":
    start(sys.argv[1])
