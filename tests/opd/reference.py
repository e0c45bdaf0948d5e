"""Every objective once more, in plain numpy and one position at a time, with gradients by differences.

`live` and `old` are the student's logits, equal at the point of interest; a constant in the mathematics
(a stop-gradient, the distribution that sampled) reads `old`, and only `live` is varied.
"""

import numpy as np


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def on_support(p, support, outside):
    """Probabilities on the support's tokens under the treatment of the rest."""
    inside = np.array([p[v] for v in support if v >= 0])
    if outside == "renormalised":
        return inside / inside.sum() if len(inside) else inside
    return np.append(inside, 1 - inside.sum()) if outside == "tail_bucket" else inside


def kl(a, b):
    return float(sum(x * (np.log(x) - np.log(y)) for x, y in zip(a, b, strict=True) if x > 0))


def loss(name, live, old, teacher, support, outside, sampled, options):
    """Value of the objective at one position."""
    p, p_old, q = softmax(live), softmax(old), softmax(teacher)
    ps, ps_old, qs = (on_support(x, support, outside) for x in (p, p_old, q))
    a = np.log(q[sampled] / p_old[sampled])
    match name:
        case "reverse_kl":
            return kl(ps, qs)
        case "stop_gradient_reverse_kl":
            return float(np.sum(ps * np.log(ps_old / qs)))
        case "generalised_kl":
            return kl(ps, qs) - ps.sum() + qs.sum()
        case "forward_kl":
            return kl(qs, ps)
        case "jensen_shannon":
            beta = options["beta"]
            m = beta * ps + (1 - beta) * qs
            return beta * kl(ps, m) + (1 - beta) * kl(qs, m)
        case "skew_reverse_kl":
            return kl(ps, options["skew"] * ps + (1 - options["skew"]) * qs)
        case "skew_forward_kl":
            return kl(qs, options["skew"] * qs + (1 - options["skew"]) * ps)
        case "entropy_switched_kl":
            uncertain = -np.sum(q * np.log(q)) > options["threshold"]
            return kl(ps, qs) + (kl(qs, ps) if uncertain else 0.0)
        case "ema_pg":
            tail = 0.0 if sampled in support else p[sampled] / p_old[sampled] * -a
            return kl(ps, qs) + tail
        case "ema_pg_unbiased":
            tail = 0.0 if sampled in support else p[sampled] / p_old[sampled] * -a
            return float(np.sum(ps * np.log(ps_old / qs))) + tail
        case "policy_gradient":
            return float(-a * p[sampled] / p_old[sampled])  # at ratio 1 nothing is clipped
        case "k2":
            return float(0.5 * np.log(p[sampled] / q[sampled]) ** 2)
        case "k3":
            return float(q[sampled] / p[sampled] - 1 - np.log(q[sampled] / p[sampled]))
    raise AssertionError(f"no reference for {name}")


def gradient(name, logits, *rest):
    """d loss / d live logits at live = old = logits, by central differences."""
    result, step = np.zeros_like(logits), 1e-6
    for v in range(len(logits)):
        shift = np.zeros_like(logits)
        shift[v] = step
        result[v] = (
            loss(name, logits + shift, logits, *rest) - loss(name, logits - shift, logits, *rest)
        ) / (2 * step)
    return result
