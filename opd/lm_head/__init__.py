"""The language-model head, evaluated only where it is needed.

With renormalisation the full-vocabulary normaliser cancels: log_softmax over V followed by
renormalising on S equals a softmax over the K logits of S. So local support matching needs K of the V
rows of the head, V/K-fold less arithmetic, and the gradient on all other rows is exactly zero.
`support_logits` computes those K logits, with exact gradients to the hidden states and the weight.

What needs the normaliser (un-normalised objectives, entropy, the search for the top K) is evaluated in
tiles: `statistics` without gradient, `recomputed` with it. Nothing here holds a (N, V) tensor.
"""

from opd.lm_head.head import Head, check_head, head_of
from opd.lm_head.support_logits import support_logits
from opd.lm_head.tiles import Statistics, recomputed, statistics

__all__ = ["Head", "Statistics", "check_head", "head_of", "recomputed", "statistics", "support_logits"]
