#!/usr/bin/env bash
# The checks of docs/gpu_checks.md that one GPU without a network can do.
#
#   tests/gpu_checks.sh FOLDER [tests | head | grid | plan | profile | long | smoke | small | memory] ...
#   tests/gpu_checks.sh FOLDER [vllm | vllm_tests | scoring | decoders] ...          with vLLM
#
# Each writes FOLDER/NAME.log, and says on the terminal how it ended. They take about a minute each, but
# `memory` (two of its six runs took three); a check ends after five, or after OPD_GPU_LIMIT_S seconds.
set -u
out=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here" || exit
models=/tmp/opd_gpu_models # random weights with the shapes of Qwen2.5-1.5B and 7B
export OPD_MATH_DATA=$models/data

run_tests() {
  OPD_TEST_GPU=1 python -m pytest -p no:cacheprovider -q tests/opd/lm_head tests/opd/rollout/test_decoder.py \
    tests/opd/rollout/test_torch_engine.py tests/opd/test_cuda.py
}

# Every shape and size is `grid`; the bars are at this one.
run_head() {
  python -m opd.lm_head.benchmark --shapes 7B --positions 16384 --support-sizes 32 --repeats 10
}

run_grid() {
  python -m opd.lm_head.benchmark --shapes 7B 1.5B 0.5B --positions 16384 4096 1024 --support-sizes 1 8 32 128
}

run_plan() {
  python -m opd.plan.measure
}

run_profile() {
  python -m opd.plan.profile --device h200
}

run_long() {
  python -m opd.plan.profile --device h200 --models 7B --rows 32 --cap 1024
}

run_smoke() {
  python -m snakemake --cores 8 table_single_task --directory /tmp/opd_gpu_smoke --configfile workflows/config/smoke.yaml --config gpu=h200
}

make_models() {
  [ -e "$models/overlay.yaml" ] || python -m workflows.rehearsal --scale small --real-shapes --out "$models"
}

# small.yaml as it is, but for the engine, two steps and shorter responses. Without the check before the start,
# which wants the disk of a whole run.
run_small() {
  make_models
  python -m snakemake --no-hooks --cores 8 results/small/runs/single_task/lsm/seed0/run.json --directory "$models" \
    --configfile workflows/config/small.yaml "$models/overlay.yaml" \
    --config gpu=h200 'distill={steps: 2, engine: {name: torch, sleep: false, memory_share: 0.4}, rollout: {max_new_tokens: 256}}'
  tail -n 2 "$models/results/small/runs/single_task/lsm/seed0/metrics.jsonl"
}

# Each switch of `memory` alone.
run_memory() {
  python -m tests.gpu_runs --out "$models/runs" --steps 2 \
    none recompute_layers master_weights offload hold_gradients pack_sequences
}

run_vllm() {
  python -m tests.gpu_runs --out "$models/runs" vllm sleep
}

run_vllm_tests() {
  OPD_TEST_GPU=1 python -m pytest -p no:cacheprovider -v --tb short tests/opd/rollout/test_following_engine.py \
    tests/opd/rollout/test_vllm_engine.py
}

# The bar is five times the rate of `prompt_logprobs`.
run_scoring() {
  python -m tests.gpu_runs --out "$models/runs"
  python -m opd.scoring.benchmark --model "$models/runs/models/teacher" --sequences 16 --tokens 2048 \
    --tokens-per-forward 8192 --rounds 3
}

run_decoders() {
  python -m tests.gpu_runs --out "$models/runs"
  python -m opd.rollout.benchmark --model "$models/runs/models/student" --vllm --responses 64 --cap 256 --rounds 2
}

mkdir -p "$out"
export -f run_tests run_head run_grid run_plan run_profile run_long run_smoke make_models run_small \
  run_memory run_vllm run_vllm_tests run_scoring run_decoders
export models
for check in "$@"; do
  started=$SECONDS
  timeout "${OPD_GPU_LIMIT_S:-300}" bash -c "run_$check" > "$out/$check.log" 2>&1
  echo "$check: exit status $?, $((SECONDS - started)) s"
done
