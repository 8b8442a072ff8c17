# Every target sets up what it needs. `make demo` and `make test` are all that a newcomer has to know.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_JOBS ?= 2
# The newest release; the module proxy's @latest is an older one.
TOXIPROXY := github.com/Shopify/toxiproxy/v2
TOXIPROXY_VERSION := 2.12.0
# The real servers, in environments of their own: chromadb and chromadb-client are the same package to Python.
REAL := .real
CHROMA := chromadb>=1.5.9,<1.6
CHROMA_CLIENT = $$($(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["real"])')
HARNESS := tests/contract/neo4j_harness

.PHONY: help demo test test-again test-slow test-all test-real check format up down toxiproxy compose-test chaos soak soak-short explore bench clean

help:
	@echo "make demo       the main job, end to end, in about two minutes, ending in a verdict"
	@echo "make test       the tests (under 10 minutes on two cores)"
	@echo "make test-again what failed in the last make test, once more and one at a time"
	@echo "make check      format, lint, types, import contracts: what CI runs besides the tests; make format mends what it can"
	@echo "make up | down  the system in the background (.testbed/), and its end"
	@echo "make toxiproxy  build the real Toxiproxy into .toxiproxy/ (needs Go)"
	@echo "make compose-test  the whole system in containers, for real (needs Docker with Compose v2)"
	@echo "make chaos      every experiment, on a system of its own"
	@echo "make soak       15 minutes of 30 users, faults and kills, then the audit (SOAK_TIME, SOAK_SEED)"
	@echo "make soak-short the same for 90 seconds"
	@echo "make explore    every pair of faults at every call, random ones, and replays over real processes (minutes)"
	@echo "make bench      the measurements (never part of a test)"
	@echo "make test-slow  every experiment, every kill point and the other tests that make test leaves out (about 17 minutes)"
	@echo "make test-all   the tests with the slow ones"
	@echo "make test-real  the contract suites and the main job on a real Chroma and a real Neo4j (the latter needs Maven and Java 17)"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@command -v git >/dev/null || { echo "git is needed: install it first"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "python venv is needed (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/testbed demo

test: $(READY)
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadgroup -m 'not slow'

# What failed in the last `make test`, once more and one at a time: tells a slow machine from a defect.
test-again: $(READY)
	$(BIN)/python -m pytest -m 'not slow' --last-failed --last-failed-no-failures none

# What `make test` leaves out, except what `make explore` and `make test-real` run.
SLOW ?= tests/system tests/integration
test-slow: $(READY)
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadgroup -m slow $(SLOW) \
		--ignore tests/system/test_replay.py --ignore tests/system/test_real_servers.py --ignore tests/integration/test_explorer.py

test-all: $(READY)
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadgroup

# What cannot be installed is said, and the tests that need it skip.
test-real: $(READY)
	@for each in server client neo4j; do \
		$(MAKE) --no-print-directory $(REAL)/$$each/.ready || echo "$(REAL)/$$each could not be set up: its tests will skip"; \
	done
	$(BIN)/python -m pytest -m slow tests/contract tests/system/test_real_servers.py

$(REAL)/server/.ready: Makefile
	$(PYTHON) -m venv $(REAL)/server
	$(REAL)/server/bin/python -m pip install --quiet --disable-pip-version-check '$(CHROMA)'
	@touch $@

$(REAL)/client/.ready: pyproject.toml
	$(PYTHON) -m venv $(REAL)/client
	$(REAL)/client/bin/python -m pip install --quiet --disable-pip-version-check "$(CHROMA_CLIENT)"
	@touch $@

$(REAL)/neo4j/.ready: $(HARNESS)/pom.xml $(HARNESS)/src/main/java/Main.java
	@command -v mvn >/dev/null && command -v java >/dev/null || { echo "Maven and Java 17 are needed for a real Neo4j"; exit 1; }
	rm -rf $(REAL)/neo4j && mkdir -p $(REAL) && cp -r $(HARNESS) $(REAL)/neo4j
	cd $(REAL)/neo4j && mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath.txt
	@touch $@

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy service_kit backend filesystem_server git_server chroma_stub neo4j_stub chaos loadtests testbed
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

up: $(READY)
	$(BIN)/testbed up --detach

down: $(READY)
	$(BIN)/testbed down

toxiproxy: .toxiproxy/toxiproxy-server

.toxiproxy/toxiproxy-server:
	@command -v go >/dev/null || { echo "Go is needed to build Toxiproxy; without it the embedded proxy serves"; exit 1; }
	GOBIN=$(CURDIR)/.toxiproxy/build go install -ldflags "-X $(TOXIPROXY).Version=$(TOXIPROXY_VERSION)" \
		$(TOXIPROXY)/cmd/server@v$(TOXIPROXY_VERSION) $(TOXIPROXY)/cmd/cli@v$(TOXIPROXY_VERSION)
	mv .toxiproxy/build/cli .toxiproxy/toxiproxy-cli
	mv .toxiproxy/build/server .toxiproxy/toxiproxy-server

# With the engine that `docker` finds. What it needs and cannot be pulled is built; nothing of it is left afterwards.
compose-test: $(READY)
	@docker compose version >/dev/null 2>&1 || { echo "docker with Compose v2 is needed"; exit 1; }
	@docker info >/dev/null 2>&1 || { echo "docker finds no engine: $$(docker info 2>&1 | tail -1)"; exit 1; }
	COMPOSE_TEST=1 $(BIN)/python -m pytest -p no:cacheprovider tests/compose

# On a system of its own, which is stopped whatever becomes of the run: the trap lets the shell live through a Ctrl-C.
chaos: $(READY)
	$(BIN)/testbed up --detach --state .testbed/chaos --port-offset 600
	@trap : INT; $(BIN)/testbed chaos run all --state .testbed/chaos; status=$$?; $(BIN)/testbed down --state .testbed/chaos; exit $$status

# Faults on the links, and beside them a kill every few seconds; on a new system each time.
SOAK_TIME ?= 15m
SOAK_SEED ?= 1
SOAK := .testbed/soak
soak: $(READY)
	$(BIN)/testbed down --state $(SOAK)
	rm -rf $(SOAK)
	CALL_TIMEOUT=3 LEASE=2 WORKER_THREADS=12 $(BIN)/testbed up --detach --state $(SOAK) --port-offset 700
	@trap : INT; $(BIN)/testbed load --state $(SOAK) --users 30 --projects 100 --time $(SOAK_TIME) --shape soak \
		--chaos mixed-kills --seed $(SOAK_SEED) \
		--html .testbed/soak-$(SOAK_SEED).html --save .testbed/soak-$(SOAK_SEED).json; \
		status=$$?; $(BIN)/testbed down --state $(SOAK); exit $$status

soak-short:
	$(MAKE) soak SOAK_TIME=90s

# The saga under every pair of faults, three that interleave under random ones, then the slow tests of the explorer:
# a thousand seeds twice, and schedules of every kind in both worlds.
EXPLORE_RANDOM ?= 200
EXPLORE_SEED ?= 1
explore: $(READY)
	$(BIN)/testbed explore --faults 2
	$(BIN)/testbed explore --faults 2 --saga wiki-hasty
	$(BIN)/testbed explore --random $(EXPLORE_RANDOM) --seed $(EXPLORE_SEED)
	$(BIN)/python -m pytest -n $(TEST_JOBS) -m slow tests/integration/test_explorer.py tests/system/test_replay.py

bench: $(READY)
	@mkdir -p .testbed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m testbed.bench.engine --json .testbed/bench-engine.json --plot .testbed/bench-engine.svg
	$(BIN)/python -m testbed.bench.explorer --json .testbed/bench-explorer.json
	$(BIN)/python -m testbed.bench.participants
	$(BIN)/python -m chaos.fault_proxy.bench

clean: down
	rm -rf $(VENV) $(REAL) .testbed build *.egg-info
