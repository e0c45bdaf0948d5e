"""The support-only head against its alternatives: time, memory and error, side by side in one process.

    python -m opd.lm_head.benchmark                                  the shape of Qwen2.5-0.5B
    python -m opd.lm_head.benchmark --shapes 7B --positions 1024 4096 16384 --support-sizes 1 8 32 128
    python -m opd.lm_head.benchmark --methods naive support --memory 9       some methods, at most 9 GiB

Forward and backward of local support matching, from hidden states and teacher log-probabilities to the
gradients of the states and, unless frozen, of the head's weight; CPU time if OMP_NUM_THREADS is 1.
"bytes" is that time over what the device takes to copy the bytes that a support-only head cannot avoid:
the selected rows forwards and backwards, and the head's gradient. Memory is the peak of live tensors beyond
inputs and gradients. Errors are relative to float64. Prints a Markdown table.
"""

import argparse
import os
import platform
import statistics as averages
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from opd.lm_head import Head, recomputed, support_logits
from opd.objectives import reverse_kl
from opd.run.machine import peak_bytes, seconds
from opd.support import renormalise
from programs.provenance import provenance

_DRAWN_TOGETHER = 64
# Hidden size and vocabulary of the Qwen2.5 models.
SHAPES = {"0.5B": (896, 151_936), "1.5B": (1536, 151_936), "7B": (3584, 152_064)}


@dataclass(frozen=True)
class Case:
    """Inputs of one comparison; `weight` requires a gradient if the head is trained."""

    states: Tensor
    weight: Tensor
    ids: Tensor
    log_q: Tensor

    @property
    def trained(self) -> bool:
        return self.weight.requires_grad

    @cached_property
    def exact_gradient(self) -> Tensor:
        """(N, d) gradient to the states in float64: the same with the head trained and frozen."""
        exact = self.states.detach().double().requires_grad_()
        for start in range(0, len(exact), 64):
            part = slice(start, start + 64)
            rows = self.weight.detach()[self.ids[part]].double()
            logits = torch.einsum("nkd,nd->nk", rows, exact[part])
            loss = reverse_kl(renormalise(logits), self.log_q[part].double()).sum() / len(exact)
            loss.backward()
        assert exact.grad is not None
        return exact.grad


def local_support_matching(logits: Tensor, log_q: Tensor) -> Tensor:
    """Mean over positions of the reverse KL on the support, from K logits each."""
    return reverse_kl(renormalise(logits), log_q).mean()


def full_logits(case: Case) -> Tensor:
    log_p = torch.nn.functional.linear(case.states, case.weight).float().log_softmax(-1)
    return local_support_matching(log_p.gather(-1, case.ids), case.log_q)


def gathered_logits(case: Case) -> Tensor:
    logits = torch.nn.functional.linear(case.states, case.weight)
    return local_support_matching(logits.gather(-1, case.ids).float(), case.log_q)


def recomputed_chunks(case: Case) -> Tensor:
    def loss(log_p: Tensor, ids: Tensor, log_q: Tensor) -> Tensor:
        return reverse_kl(renormalise(log_p.gather(-1, ids)), log_q)

    return recomputed(loss, Head(case.weight), case.states, case.ids, case.log_q).mean()


def naive_rows(case: Case) -> Tensor:
    logits = torch.einsum("nkd,nd->nk", case.weight[case.ids], case.states)
    return local_support_matching(logits.float(), case.log_q)


def liger_jsd(case: Case) -> Tensor:
    """Liger's fused linear JSD with itself as teacher: the whole vocabulary, both heads in the kernel."""
    from liger_kernel.transformers import LigerFusedLinearJSD

    loss = LigerFusedLinearJSD(jsd_beta=1.0)
    return loss(case.states, case.weight, case.states.detach(), case.weight.detach(), None)


def support_only(name: str) -> Callable[[Case], Tensor]:
    def loss(case: Case) -> Tensor:
        logits = support_logits(Head(case.weight), case.states, case.ids, name)
        return local_support_matching(logits, case.log_q)

    return loss


def competitors(device: str) -> dict[str, Callable[[Case], Tensor]]:
    """What is compared on a device; ours comes last."""
    methods = {
        "full logits": full_logits,
        "full logits, K gathered (NeMo-RL #3314)": gathered_logits,
        "recomputed chunks": recomputed_chunks,
        "naive row gather": naive_rows,
    }
    if device == "cuda":
        methods["Liger fused linear JSD (another loss)"] = liger_jsd
    ours = "gather" if device == "cpu" else "fused"
    return methods | {f"support only, {ours}": support_only(ours)}


def draw(n: int, d: int, v: int, k: int, dtype: torch.dtype, device: str, trained: bool) -> Case:
    """Random states and weight; a position's ids are distinct, id v with a frequency of 1 / (v + 1)."""
    generator = torch.Generator(device=device).manual_seed(0)
    states = torch.randn(n, d, generator=generator, device=device).to(dtype).requires_grad_()
    weight = (torch.randn(v, d, generator=generator, device=device) / d**0.5).to(dtype)
    frequencies = 1 / torch.arange(1, v + 1, device=device)
    # A few positions at a time: the device draws for all of them at once, from (positions, V) numbers.
    counts = [min(_DRAWN_TOGETHER, n - first) for first in range(0, n, _DRAWN_TOGETHER)]
    drawn = [frequencies.expand(each, -1).multinomial(k, generator=generator) for each in counts]
    ids = torch.cat(drawn)
    log_q = torch.randn(n, k, generator=generator, device=device).log_softmax(-1)
    return Case(states, weight.requires_grad_(trained), ids, log_q)


def gradients(method: Callable[[Case], Tensor], case: Case) -> tuple[Tensor, ...]:
    """One forward and backward pass."""
    wanted = (case.states, case.weight) if case.trained else (case.states,)
    return torch.autograd.grad(method(case), wanted)


def median_seconds(method: Callable[[Case], Tensor], case: Case, repeats: int) -> float:
    """Of a forward and backward pass; `watched` was the one that is not counted."""
    return averages.median(seconds(lambda: gradients(method, case)) for _ in range(repeats))


def watched(method: Callable[[Case], Tensor], case: Case) -> tuple[int, Tensor]:
    """One pass: its peak memory beyond inputs and gradients, and the gradient of the states."""
    if case.states.is_cuda:
        gradients(method, case)  # compiles kernels, and libraries take their workspaces
    found: list[Tensor] = []
    peak = peak_bytes(lambda: found.extend(gradients(method, case)), case.states.device)
    return peak - sum(gradient.nbytes for gradient in found), found[0]


def error(gradient: Tensor, case: Case) -> float:
    """Largest error of a state gradient against float64, relative to its largest entry.

    Absolute where that is zero, as at K = 1.
    """
    exact = case.exact_gradient
    return float((gradient.double() - exact).abs().max()) / (float(exact.abs().max()) or 1.0)


def unavoidable_bytes(case: Case) -> int:
    """What a support-only head reads and writes at least, if nothing is read from a cache.

    The rows of all supports twice; with a trained head a state per entry of the supports, and its gradient.
    """
    (n, k), (v, d) = case.ids.shape, case.weight.shape
    numbers = 2 * n * k * d + (n * k * d + v * d if case.trained else 0)
    return numbers * case.weight.itemsize


def copied_bytes_per_second(device: str) -> float:
    """Bytes read and written per second of the fastest of ten copies of a block that fills no cache."""
    block = torch.empty(2**30 if device == "cuda" else 2**28, dtype=torch.uint8, device=device)
    target, times = torch.empty_like(block), []
    for _ in range(10):
        started = time.perf_counter()
        target.copy_(block)
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 2 * block.nbytes / min(times)


def needed_bytes(method_name: str, case: Case) -> int:
    """About what a method allocates beside its inputs, the weight's gradient included."""
    (n, k), (v, d) = case.ids.shape, case.weight.shape
    gradient = case.weight.nbytes * case.trained
    # Logits and log-probabilities with their gradients, in float32; rows with theirs; a second gradient.
    temporary = {
        "full logits": 16 * n * v,
        "full logits, K gathered (NeMo-RL #3314)": 16 * n * v,
        "naive row gather": 2 * n * k * d * case.weight.itemsize + gradient,
        "recomputed chunks": gradient,
    }
    return temporary.get(method_name, 0) + gradient


def free_bytes(device: str) -> int:
    """Memory of the device that nobody uses."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def measure(
    case: Case, methods: dict[str, Callable[[Case], Tensor]], repeats: int, memory: int, bandwidth: float
) -> Iterator[dict[str, str]]:
    """A table row per method that needs at most `memory` bytes; ratios are to full logits.

    `bandwidth` is that of a copy, in bytes per second.
    """
    reference, floor = None, unavoidable_bytes(case) / bandwidth
    for name, method in methods.items():
        row = {"head": "trained" if case.trained else "frozen", "method": name}
        row |= dict.fromkeys(("ms", "speed", "bytes", "extra MiB", "error"), "-")
        if (needed := needed_bytes(name, case)) > memory:
            yield row | {"ms": f"not run (needs {needed / 2**30:.1f} GiB)"}
            continue
        try:
            extra, gradient = watched(method, case)
            took = median_seconds(method, case, repeats)
            reference = took if name == "full logits" else reference
            row |= {"ms": f"{1000 * took:.1f}", "extra MiB": f"{extra / 2**20:.0f}"}
            row["speed"] = f"{reference / took:.1f}x" if reference else "-"
            row["bytes"] = f"{took / floor:.1f}x"
            row["error"] = "-" if name.startswith("Liger") else f"{error(gradient, case):.0e}"
        except (torch.OutOfMemoryError, ImportError) as problem:
            row["ms"] = f"not run ({type(problem).__name__})"
        yield row


def main(arguments: argparse.Namespace) -> None:
    """Print the table."""
    dtype = getattr(torch, arguments.dtype)
    device = arguments.device
    methods = {
        name: method
        for name, method in competitors(device).items()
        if name.startswith(tuple(arguments.methods))
    }
    machine = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    bandwidth = copied_bytes_per_second(device)
    print(
        f"{machine}, {torch.get_num_threads()} threads, {arguments.dtype}, "
        f"copies at {bandwidth / 1e9:.0f} GB/s, {provenance()['commit']}\n"
    )
    columns = ("shape", "N", "K", "head", "method", "ms", "speed", "bytes", "extra MiB", "error")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for shape in arguments.shapes:
        for n in arguments.positions:
            for k in arguments.support_sizes:
                case = draw(n, *SHAPES[shape], k, dtype, device, trained=False)
                memory = int(arguments.memory * 2**30) if arguments.memory else free_bytes(device)
                for trained in (False, True):
                    case.weight.requires_grad_(trained)
                    for row in measure(case, methods, arguments.repeats, memory, bandwidth):
                        row |= {"shape": shape, "N": str(n), "K": str(k)}
                        print(f"| {' | '.join(row[column] for column in columns)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="bfloat16" if torch.cuda.is_available() else "float32")
    parser.add_argument("--shapes", nargs="+", default=["0.5B"], choices=SHAPES)
    parser.add_argument("--positions", nargs="+", type=int, default=[1024])
    parser.add_argument("--support-sizes", nargs="+", type=int, default=[32])
    parser.add_argument("--methods", nargs="+", default=[""], help="beginnings of the methods' names")
    parser.add_argument("--memory", type=float, help="GiB that a method may need (default: what is free)")
    parser.add_argument("--repeats", type=int, default=3)
    main(parser.parse_args())
