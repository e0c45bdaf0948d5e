"""How a rank ends. What ranks tell each other is tested with what they share: `test_training` and others."""

import subprocess
import sys

from programs.provenance import ROOT

# Gloo's thread still holds the tensor when the program ends, and Python lets it have the GIL no more.
LAST_WORD = """
import sys
import torch
from opd.parallel import ranks

ranks.join(alone=True)
sys.setswitchinterval(1000)
torch.distributed.all_reduce(torch.ones(1000), async_op=True)
ranks.leave()
"""


def test_a_group_that_is_still_at_work_does_not_end_the_program_badly():
    ended = subprocess.run([sys.executable, "-c", LAST_WORD], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
