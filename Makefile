# What a developer or a newcomer types. `make help` lists it.
SHELL := /bin/bash
PY := .venv/bin/python
STAMP := .venv/.medley-setup
# The first Python 3.11 or 3.12 that really runs (a version manager's shim may not).
FIND_PYTHON := for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done

.PHONY: help setup audit demo chaos simulate soak pictures page-pictures docs samples demo-models test-fast test test-cluster test-hard test-corpus test-hostile test-ends test-platform test-verify check fix bench bench-again bench-driver bench-growth bench-ingest bench-load bench-long bench-overhead bench-overlap bench-plan bench-pools bench-report bench-returns bench-serve bench-setup bench-skew bench-start bench-tables bench-upload bench-where bench-work lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(STAMP) ## build .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "medley needs Python 3.11 or 3.12 on the PATH" >&2; exit 1; fi; \
	test -x $(PY) || $$python -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' requirements.lock)"
	@VIRTUAL_ENV=$$PWD/.venv .venv/bin/uv pip install --quiet --compile-bytecode -r requirements.lock
	@VIRTUAL_ENV=$$PWD/.venv .venv/bin/uv pip install --quiet --no-deps --editable .
	@$(PY) -m compileall -q actors flows medley tasks  # else each process compiles all that it imports, where PYTHONDONTWRITEBYTECODE is set
	@touch $(STAMP)

demo: setup ## make the sample video searchable, and search it
	@bash samples/demo.sh

pictures: setup ## docs/pipelines/*.svg anew from the code
	@$(PY) -m medley pipelines show video --format svg > docs/pipelines/video.svg
	@$(PY) -m medley pipelines show pdf --captions.model any --format svg > docs/pipelines/pdf.svg
	@$(PY) -m medley pipelines show image --captions.model any --pictures.ocr true --format svg > docs/pipelines/image.svg
	@$(PY) -m medley pipelines show document --format svg > docs/pipelines/document.svg

page-pictures: setup ## docs/images/page-*.png anew, in Chromium
	@$(PY) -m tests.serve.pictures

docs: setup ## the documentation site, into site/; warnings are errors
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

samples: setup ## make samples/sample.mp4 anew and the five minutes of samples/long.mp4 (needs espeak-ng and flite)
	@$(PY) -m tests.world samples

demo-models: setup ## train the demo models anew (needs espeak-ng and flite; two to three hours on two cores)
	@$(PY) -m tests.demo_models

test-fast: setup ## what needs no server, no model and no decoder: seconds
	@$(PY) -m pytest tests/unit

test: setup ## all tests, two at a time (one by one: .venv/bin/python -m pytest)
	@$(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test-hard: setup ## every hard media file in one call, 5,000 pages, a Milvus server, the demo models
	@$(PY) -m pytest --whole -m "whole or table" --ignore tests/media/test_hostile.py tests/commands tests/media tests/store

chaos: setup ## ROUNDS of kills, pauses and full disks by SEED over forty files; afterwards all is as if nothing had happened
	@ROUNDS=$${ROUNDS:-20} SEED=$${SEED:-1} $(PY) -m pytest --whole -s tests/chaos/test_chaos.py

soak: bench-setup ## MINUTES of a standing installation at the machine's limit: what grows? docs/images/soak.svg
	@$(PY) -m bench.soak --minutes $${MINUTES:-30}

simulate: setup ## SEEDS stories from SEED on: engine, claims, catalog and artifacts under a seeded scheduler that kills
	@$(PY) -m tests.chaos.simulate --seeds $${SEEDS:-10000} --seed $${SEED:-1}

test-verify: setup ## N corruptions by SEED of a mixed index: medley verify finds and mends all of them
	@N=$${N:-200} SEED=$${SEED:-19} $(PY) -m pytest --whole tests/chaos/test_corruptions.py

test-hostile: setup ## N hostile files by SEED through a whole ingest (make test takes 60 through the decoders)
	@N=$${N:-2000} SEED=$${SEED:-13} $(PY) -m pytest --whole tests/media/test_hostile.py

test-corpus: setup ## any folder of real files through the decoders: CORPUS=DIR (pdftotext, if there, counts words)
	@$(PY) -m tests.corpus "$(CORPUS)"

test-cluster: setup ## three Ray nodes in network namespaces, with all services: records, placement, loss and restart of each (root)
	@$(PY) -m pytest tests/cluster

test-ends: setup ## every way a run can end
	@$(PY) -m pytest --whole tests/processes/test_ends.py tests/processes/test_ray.py

test-platform: setup ## the standing installation under load and under fire (make test takes the short form)
	@$(PY) -m pytest --whole tests/platform/test_platform.py tests/platform/test_deployment.py tests/processes/test_examples.py tests/processes/test_task_runner.py tests/processes/test_nodes.py tests/processes/test_pools.py tests/processes/test_cluster.py tests/processes/test_services.py tests/processes/test_public_pools.py tests/processes/test_index.py tests/processes/test_prefect_schema.py tests/serve

audit: setup ## licences and weights (docs/licences.md), known vulnerabilities, bill of materials; needs an index of packages
	@$(PY) -m tests.supply_chain

check: setup ## ruff, mypy, import-linter, sizes of files and functions, docstrings
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports
	@$(PY) tests/sizes.py
	@$(PY) tests/docstrings.py

BENCHES := work overhead overlap skew again growth start pools

bench: $(addprefix bench-,$(BENCHES)) bench-report ## all that docs/benchmarks.md holds, three turns each, and that page: two hours

bench-setup: setup .bench/.setup ## what the peers of benchmarks need, and what draws

.bench/.setup: bench/requirements.txt
	@VIRTUAL_ENV=$$PWD/.venv .venv/bin/uv pip install --quiet --no-deps --compile-bytecode --target .bench -r bench/requirements.txt
	@touch $@

bench-work: bench-setup ## clips, pictures and PDFs beside seven peers
	@$(PY) bench/work.py

bench-overhead: bench-setup ## what a task costs, beside stock prefect-ray, Prefect's threads and plain Ray
	@$(PY) bench/overhead.py

bench-overlap: bench-setup ## how well CPUs, models and branches are kept busy at once, beside six peers
	@$(PY) bench/overlap.py

bench-skew: bench-setup ## one long video among forty short clips
	@$(PY) bench/skew.py

bench-again: bench-setup ## nothing changed, one file changed, killed half way: what is done again
	@$(PY) bench/again.py

bench-driver: setup ## memory of the command itself, 1,000 to 20,000 pictures
	@$(PY) bench/driver.py

bench-serve: bench-setup ## searches at a steady rate over 100,000 records, Milvus Lite and a Milvus server
	@$(PY) bench/serve.py

bench-growth: bench-setup ## 10 to 1,000 pictures: time and memory of each
	@$(PY) bench/growth.py

bench-start: bench-setup ## until the first records, until the first stage, beside stock Prefect on Ray
	@$(PY) bench/start.py

bench-report: bench-setup ## docs/benchmarks.md and its drawings, from what the last runs have kept
	@$(PY) bench/report.py

bench-ingest: setup ## 10,000 pictures, 300 PDFs and 20 videos in one folder: first, again, three changed; memory
	@$(PY) bench/ingest.py

bench-pools: setup ## what a call of a model costs beyond the model, and whether pools keep models busy
	@$(PY) -m bench.pools

bench-plan: setup ## what medley plan foresees for a second corpus of each kind, and what that takes
	@$(PY) -m bench.prices

bench-load: setup ## how long loading each demo model takes
	@$(PY) bench/load.py

bench-long: setup ## memory and time of an hour of 1080p against a quarter of an hour
	@$(PY) bench/long.py

bench-upload: setup ## from the last byte of an upload to a complete outcome: pictures, PDFs, videos
	@$(PY) bench/upload.py

bench-returns: setup ## which files a run enters, and how often it comes back to one
	@$(PY) bench/returns.py

bench-where: setup ## where the seconds and bytes of a cold and a warm run go
	@$(PY) bench/where.py

bench-tables: setup ## cells of tables against DATA, a folder of the form of the ICDAR 2013 competition's
	@$(PY) -m bench.tables $${DATA:?a folder of PDFs with their -str.xml}

fix: setup ## format, and mend what ruff can mend
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lock: setup ## requirements.lock anew from pyproject.toml
	@.venv/bin/uv pip compile --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header \
		--quiet pyproject.toml -o requirements.lock

clean: ## remove .venv and caches
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
