# Two commands do everything on a fresh machine with python3 (>= 3.11) and make:
#   make demo    the main job on simulated traffic and the embedded store
#   make test    everything, real servers included
UV := .uv/bin/uv
export UV_PYTHON_DOWNLOADS := never
# Where it is set (images of containers do), each process of the tests would compile all that it imports
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check agreement bench docs chaos soak mutants servers changelog release clean

setup: .venv/.ready

.venv/.ready: uv.lock pyproject.toml
	test -x $(UV) || (python3 -m venv .uv && .uv/bin/pip install --quiet "uv>=0.9,<1")
	$(UV) sync --frozen --all-extras --quiet
	touch $@

demo: setup
	.venv/bin/lakescope demo $(ARGS)

test: setup servers
	.venv/bin/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

agreement: setup servers
	EVERY_QUESTION=1 .venv/bin/pytest tests/kpis/test_agreement.py tests/dashboards/test_grafana_queries.py $(ARGS)

servers: setup
	.venv/bin/python -m tests.servers.install

check: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m docs.build --check

docs: setup
	.venv/bin/python -m docs.build

bench: setup
	.venv/bin/python -m benchmarks $(ARGS)

chaos: setup servers
	.venv/bin/python -m tests.chaos --seeds $(or $(SEEDS),20) $(ARGS)

soak: setup
	.venv/bin/python -m tests.chaos.soak $(ARGS)

mutants: setup
	rm -rf mutants
	$(UV) run --frozen --group mutants mutmut run --max-children 2 "*$(ARGS)*"
	$(UV) run --frozen --group mutants mutmut results | grep -v "not checked"

changelog: setup
	.venv/bin/towncrier build --yes --version $(VERSION)

release: setup
	rm -rf dist
	$(UV) build --quiet --out-dir dist .
	$(UV) export --frozen --no-dev --all-extras --quiet --format cyclonedx1.5 --output-file dist/sbom.cdx.json
	.venv/bin/python -m docs.release dist

clean:
	rm -rf mutants .venv .uv .servers .mypy_cache .ruff_cache .pytest_cache .hypothesis
