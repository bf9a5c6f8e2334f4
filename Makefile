# One command per intent; `make` alone lists them. Needs git, make, and uv or any Python from 3.9 on, nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

DEV := .venvs/dev/bin/python
CANDLECAST := .venvs/dev/bin/candlecast
# Started by make, a run ends when make does, also after a kill of make. `exec` leaves no shell between the two.
RUN := exec $(CANDLECAST) local

# make demo CANDLES=path[,path] USERS=n CANDLE_COUNT=n
DEMO_OPTIONS := $(if $(CANDLES),--candles '$(CANDLES)') $(if $(USERS),--users '$(USERS)') $(if $(CANDLE_COUNT),--candle-count '$(CANDLE_COUNT)')

.PHONY: help env check test prove demo chaos up sim bench docs clients build deploy release sbom audit lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## Make the environments in .venvs (instant when nothing has changed)
	@sh infra/local/bootstrap.sh

check: ## Format, lint, types, import arrows, words, fast tests (under a minute)
	@sh infra/local/bootstrap.sh dev
	@$(DEV) -m infra.local.checks check

test: env ## check, lint of the templates, slow tests, and the end-to-end tests on the embedded cloud (at most 20 minutes)
	@sh infra/local/bootstrap.sh checkov release telemetry openapi
	@$(DEV) -m infra.local.checks test

prove: env ## The long proofs, before an issue is closed: all crash points, 1,000 seeds, all mutations, rehearsals
	@$(DEV) -m infra.local.checks prove

demo: env ## Replay recorded candles through the real stack (CANDLES=path[,path] USERS=n CANDLE_COUNT=n)
	@$(RUN) demo --end-with $$PPID $(DEMO_OPTIONS)

chaos: env ## The demo under kill -9 of every function's processes (USERS=n CANDLE_COUNT=n KILLS=n SEED=k)
	@$(RUN) chaos --end-with $$PPID $(DEMO_OPTIONS) $(if $(KILLS),--kills '$(KILLS)') $(if $(SEED),--seed '$(SEED)')

up: env ## Start the embedded cloud, deploy, and stay: schedules fire, the API answers (FRESH=1 forgets the last run)
	@$(RUN) up --end-with $$PPID $(if $(FRESH),--fresh) $(DEMO_OPTIONS)

sim: ## Simulate crashes, lost answers, repeats and reordering from many seeds (SEEDS=n FIRST_SEED=k, no cloud)
	@sh infra/local/bootstrap.sh dev
	@$(DEV) -m verification.simulation --seeds $(or $(SEEDS),200) --first-seed $(or $(FIRST_SEED),0)

bench: env ## Benchmarks as ratios: cold starts, one order, fan-out, strategies (CANDLES=path; DRIFT=n firings alone)
	@sh infra/local/bootstrap.sh bench
	@$(DEV) -m benchmarks $(if $(CANDLES),--candles '$(CANDLES)') $(if $(DRIFT),--drift '$(DRIFT)')

docs: ## The documents as a site, links and anchors checked: build/docs/site
	@sh infra/local/bootstrap.sh docs
	@.venvs/docs/bin/python -m infra.site

clients: ## Python and TypeScript clients of the API, generated from its description: build/clients
	@sh infra/local/bootstrap.sh dev openapi
	@$(DEV) -m clients

build: env ## sam build (skipped when nothing has changed); ARCHITECTURE=arm64 for Graviton
	@$(CANDLECAST) build $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

# For the template's default, not for this machine: layers of an ARM laptop do not run in an x86_64 function.
deploy: env ## Guided deployment to an AWS account, compares `live` with `$LATEST`, protects prod, places one paper order (STACK=name)
	@$(DEV) -m infra.require_credentials
	@$(DEV) -m infra.require_table $(if $(STACK),--stack '$(STACK)')
	@$(DEV) -m infra.check_concurrency $(if $(STACK),--stack '$(STACK)')
	@$(CANDLECAST) build --architecture $(or $(ARCHITECTURE),x86_64)
	@.venvs/sam/bin/sam deploy --guided --template-file build/sam/template.yaml --config-file $(CURDIR)/samconfig.toml $(if $(STACK),--stack-name '$(STACK)')
	@$(DEV) -m infra.compare_versions $(if $(STACK),--stack '$(STACK)')
	@$(DEV) -m infra.protect_stack $(if $(STACK),--stack '$(STACK)')
	@options=$$($(DEV) -m infra.stack_options $(if $(STACK),--stack '$(STACK)')) && eval "$(CANDLECAST) synthetic $$options"

# make release ENVIRONMENT=dev|prod STACK=name CHECKOUT=path PARAMETERS="Name=value Name=value"
SECTION := --config-env $(or $(ENVIRONMENT),dev) $(if $(CHECKOUT),--config-file '$(CHECKOUT)/samconfig.toml')
RELEASE := $(SECTION) $(if $(STACK),--stack '$(STACK)') $(if $(CHECKOUT),--template '$(CHECKOUT)/build/sam/template.yaml')
RELEASE += $(foreach pair,$(PARAMETERS),--parameter '$(pair)')

release: env ## Plan, your yes, execution behind a pause of entries, trial (ENVIRONMENT=prod STACK=name CHECKOUT=path of a built release)
	@$(DEV) -m infra.require_credentials
	@$(DEV) -m infra.check_concurrency $(SECTION) $(if $(STACK),--stack '$(STACK)')
	@$(if $(CHECKOUT),true,$(CANDLECAST) build --architecture $(or $(ARCHITECTURE),x86_64))
	@$(DEV) -m infra.release plan $(RELEASE)
	@printf 'Execute this change set? [y/N] ' && read -r answer && [ "$$answer" = y ] || { echo 'not executed: nothing has changed' >&2; exit 1; }
	@$(DEV) -m infra.release apply $(RELEASE)

sbom: ## Bill of materials of each built layer: build/sbom (CHECKOUT=path of a built checkout)
	@sh infra/local/bootstrap.sh release
	@.venvs/release/bin/python -m infra.release.bill $(CHECKOUT)

audit: ## Known vulnerabilities of the locked packages; says so if the database is not reachable (CHECKOUT=path)
	@sh infra/local/bootstrap.sh dev release
	@$(DEV) -m infra.release.audit $(CHECKOUT)

lock: ## Resolve every dependency again and write the lock files
	@sh infra/local/bootstrap.sh dev openapi
	@$(DEV) -m infra.local.locks

clean: ## Remove everything that was made, the environments too
	rm -rf build .aws-sam .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
