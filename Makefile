# One word for each thing there is to do. `make demo` and `make test` need nothing but Python 3.11.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export OMP_NUM_THREADS := 1

.PHONY: demo test lab build check lint bench field-guide site pictures setup clean

demo: setup            ## grade the sample class and say where its report lies
	$(BIN)/autograder grade examples/class -o out/demo --cell-seconds 10

test: setup            ## every test of the project
	$(BIN)/python -m pytest -n 2

lab: setup             ## open the notebooks in JupyterLab
	cd notebooks && ../$(BIN)/jupyter lab

build: setup           ## make every generated file from the masters
	$(BIN)/autograder build

check: setup lint      ## what a commit must pass: style, types, nothing stale
	$(BIN)/autograder build --check

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup           ## how fast the grader is, against otter run and a bare process, up to a class of 5,000: some twelve minutes
	$(BIN)/pip install --quiet --constraint pins.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks --full --page docs/benchmarks.md

field-guide:           ## what attention does in other libraries: run them in an environment of their own, some minutes
	$(PYTHON) -m fieldguide.make

setup: $(VENV)/.ready

# torch comes first and alone: its own pin decides which build is taken.
$(VENV)/.ready: pyproject.toml pins.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "This project needs Python 3.11: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$$(grep '^torch==' pins.txt)"
	$(BIN)/pip install --quiet --constraint pins.txt --editable '.[dev]'
	@sh autograder/grading/run/sandbox/get_bubblewrap.sh
	@touch $@

clean:
	rm -rf $(VENV) out build *.egg-info

site: setup            ## the course as a static site in out/site: solved notebooks, guides, proof
	$(BIN)/python -m website out/site

pictures: setup        ## the pictures of the README, from a real notebook and a real report (needs chromium)
	$(BIN)/python -m website.pictures docs/pictures
