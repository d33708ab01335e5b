# Lode: build, try, test, measure. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export GOTOOLCHAIN ?= local
export GOFLAGS ?= -mod=readonly

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Packages whose goroutines meet; they run once more under the race detector.
RACE := ./collection ./index/... ./pipeline/... ./raft ./retrieval ./server ./embed/... ./internal/tokens
# Executions, not seconds: a fuzz run that ends by the clock fails now and then with
# "context deadline exceeded" although nothing was found.
FUZZTIME ?= 3000x

.PHONY: help build demo test test-long test-chaos chaos-report lint race fuzz gcc strace btrfs bench bench-quality bench-rerank bench-chunking bench-answers bench-given bench-adapt bench-drafts bench-ingest bench-spans bench-crash bench-backup bench-flips bench-writes bench-disk bench-start bench-pause bench-segments bench-http bench-filters bench-lexical bench-retrieve bench-logs bench-tables lexical-docs model model-card bench-peers peers ann-sift128 ann-words100 ann-mixture768 ann-yardsticks clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

build: ## the static binary bin/lode
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/lode ./cmd/lode
	@ls -l bin/lode | awk '{printf "bin/lode: %.1f MB\n", $$5/1e6}'

demo: build ## build, start a node, ingest the samples, ask, print cited context
	./samples/demo.sh bin/lode

test: strace ## everything that must hold before a change lands
	go test -timeout 12m ./...
	$(MAKE) --no-print-directory race
	$(MAKE) --no-print-directory fuzz
	$(MAKE) --no-print-directory demo
	@echo "make test: all good"

lint: ## the linters alone
	go test ./internal/lint

race: gcc ## the concurrent packages under the race detector, in short form
	CGO_ENABLED=1 go test -race -short -timeout 10m $(RACE)

fuzz: ## every fuzz target, FUZZTIME executions each
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "fuzz $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg > /tmp/lode-fuzz.$$$$ 2>&1 \
				|| { cat /tmp/lode-fuzz.$$$$; exit 1; }; \
		done; \
	done; rm -f /tmp/lode-fuzz.$$$$

test-long: ## long forms: model tests, kill runs, fuzzing for a minute each
	LODE_LONG=1 go test -timeout 60m ./...
	$(MAKE) --no-print-directory race fuzz FUZZTIME=200000x

CHAOS_LOG ?= $(CURDIR)/.cache/chaos.jsonl
CHAOS_SEED ?= 1

test-chaos: strace btrfs ## 300 kill points, 100 I/O errors, 50 power cuts; goes on where it was stopped
	LODE_CHAOS=long LODE_REQUIRE_CHAOS=1 LODE_CHAOS_SEED=$(CHAOS_SEED) LODE_CHAOS_LOG=$(CHAOS_LOG) \
		go test -timeout 120m -count 1 -v ./bench/chaos
	$(MAKE) --no-print-directory chaos-report

chaos-report: ## write report and table of docs/reliability.md from the log of test-chaos
	LODE_CHAOS_SEED=$(CHAOS_SEED) LODE_CHAOS_LOG=$(CHAOS_LOG) LODE_CHAOS_REPORT=results/one-node.json \
		go test -count 1 -run 'TestReport$$' ./bench/chaos
	go test -count 1 -run 'TestTable$$' ./bench/chaos -update

DATA ?= $(or $(LODE_TESTDATA),../shared/data)
REPORTS := bench/results

bench: bench-quality bench-rerank bench-chunking bench-answers bench-given bench-adapt bench-drafts bench-ingest bench-spans bench-crash bench-backup bench-flips bench-writes bench-disk bench-start bench-pause bench-segments bench-http bench-filters bench-lexical bench-retrieve bench-logs bench-tables ## measure everything and rewrite the tables of docs/benchmarks.md

bench-quality: build ## retrieval quality on SciFact, Cranfield and XQuAD
	bin/lode bench quality $(DATA)/retrieval/scifact --target 0.679 --report $(REPORTS)/quality-scifact.json
	bin/lode bench quality $(DATA)/retrieval/cranfield --target 0.377 --report $(REPORTS)/quality-cranfield.json
	bin/lode bench quality $(DATA)/retrieval/xquad-en --target 0.970 --report $(REPORTS)/quality-xquad-en.json

bench-answers: build ## answers in the context of 1,190 questions, and citations that hold
	bin/lode bench answers $(DATA) --report $(REPORTS)/answers.json

bench-given: build ## vectors of another system through a graph
	bin/lode bench given $(DATA)/vectors/minilm-fiori-docs --report $(REPORTS)/given.json

bench-chunking: build ## chunking strategies: token recall, precision and IoU
	bin/lode bench chunking $(DATA)/chunking --report $(REPORTS)/chunking.json || [ $$? = 3 ]
	bin/lode bench chunking $(DATA)/retrieval/xquad-en --report $(REPORTS)/chunking-xquad-en.json

bench-rerank: build ## what re-ranking changes on SciFact, Cranfield and xquad-en, and what it takes
	bin/lode bench rerank $(DATA)/retrieval --report $(REPORTS)/rerank.json

bench-adapt: build ## the built-in model adapted to the documents of SciFact
	bin/lode bench adapt $(DATA)/retrieval/scifact --report $(REPORTS)/adapt-scifact.json

bench-drafts: build ## questions drafted of SciFact and Cranfield against those of people
	bin/lode bench drafts $(DATA)/retrieval/scifact --report $(REPORTS)/drafts-scifact.json
	bin/lode bench drafts $(DATA)/retrieval/cranfield --report $(REPORTS)/drafts-cranfield.json

bench-ingest: build ## ingest of the Go website
	bin/lode bench ingest $(DATA)/corpora/go-website --report $(REPORTS)/ingest.json

bench-spans: build ## spans, hashes and traces of 10,000 random chunks
	bin/lode bench spans $(DATA)/corpora go-website rust-book --report $(REPORTS)/spans.json

bench-crash: build ## kill -9 at ten random moments of an ingest
	bin/lode bench crash $(DATA)/corpora/go-website --report $(REPORTS)/crash.json

bench-backup: build ## backup and restore, damage refused, searches meanwhile
	bin/lode bench backup $(DATA)/retrieval/scifact --report $(REPORTS)/backup.json

bench-flips: build ## single bits flipped in segments: found, refused, mended
	bin/lode bench flips --report $(REPORTS)/flips.json

bench-writes: build ## acknowledged writes against the bare log store
	bin/lode bench writes --report $(REPORTS)/writes.json

bench-disk: build ## disk space, bytes written, a start with 10,000 collections
	bin/lode bench disk $(DATA)/corpora/go-website --report $(REPORTS)/disk.json

bench-start: build ## time until ready, idle memory, size
	bin/lode bench start --report $(REPORTS)/start.json

# Sets are measured one by one, and none twice at the same commit: a run that was stopped goes
# on where it was. QUICK=1 is a short form that leaves the committed reports alone.
PEERS := .cache/peers/bin
ANN_DONE := .cache/ann/done/$(COMMIT)
ANN_FLAGS := --peers $(PEERS) --cache .cache/ann --data $(DATA)
YARDSTICKS := --engines lode/flat,lode/none,lode/int4,hnswlib,coder-hnsw,chromem-go --rows 20000

bench-peers: ann-sift128 ann-words100 ann-mixture768 ann-yardsticks ## nearest neighbours: Lode beside other engines; QUICK=1 for a trial
	$(if $(QUICK),,$(MAKE) --no-print-directory bench-tables)

peers: ## install and compile the engines that bench-peers measures
	$(MAKE) --no-print-directory -C bench/peers OUT=$(CURDIR)/.cache/peers

ann-yardsticks: ANN_SET := words100 $(YARDSTICKS)
ann-sift128 ann-words100 ann-mixture768: ANN_SET = $(@:ann-%=%) --builds 1,2 $(ANN_PEERS)
# flat is exact and slow: it is measured with the yardsticks
ANN_PEERS := --engines lode/none,lode/int8,lode/int4,lode/bit1,hnswlib,faiss,usearch,zvec
ann-sift128 ann-words100 ann-mixture768 ann-yardsticks: build peers
	@mkdir -p $(ANN_DONE)
	@if [ -n "$(QUICK)" ]; then \
		bin/lode bench ann --dataset $(ANN_SET) $(ANN_FLAGS) --quick --report .cache/ann/quick/$@.json; \
	elif [ -e $(ANN_DONE)/$@ ]; then \
		echo "$@ was measured at this commit; remove $(ANN_DONE)/$@ to repeat it"; \
	else \
		bin/lode bench ann --dataset $(ANN_SET) $(ANN_FLAGS) --report $(REPORTS)/$@.json || [ $$? = 3 ]; \
		mv $(REPORTS)/$@.html .cache/ann/; touch $(ANN_DONE)/$@; \
	fi

bench-pause: build ## garbage collections beside a million vectors
	bin/lode bench pause --report $(REPORTS)/pause.json

bench-segments: build ## sealed segments: searches, a start with a million vectors, inserts, sealing
	bin/lode bench segments --data $(DATA) --report $(REPORTS)/segments.json || [ $$? = 3 ] # missed figures stand in the table

bench-http: build ## searches for vectors over HTTP beside a bare handler and the search in the process
	bin/lode bench http sift128 --data $(DATA) --cache .cache/ann --report $(REPORTS)/http.json || [ $$? = 3 ]

bench-filters: build ## searches under filters: every plan and the planner's choice
	bin/lode bench filters --dataset words100 --data $(DATA) --cache .cache/ann --rounds 9 --report $(REPORTS)/filters.json || [ $$? = 3 ]

# Stages that are done are not repeated, and training goes on from its last checkpoint: remove
# .cache/model to begin anew. The second seed is trained for the report alone.
MODEL_REPORT := $(REPORTS)/model-lode-en-v1.json

model: ## train the built-in model: fetch sources, train, quantize, evaluate, write weights, report and card
	@mkdir -p .cache/model bin
	go build -o bin/lode-train ./cmd/lode-train
	bin/lode-train -threads 2 -other-seed 2 -data $(DATA) -commit $(COMMIT) -weights embed/builtin/lode-en-v1.table -report $(MODEL_REPORT)
	$(MAKE) --no-print-directory model-card

model-card: ## rewrite the generated parts of the model's card from the committed report
	go run ./cmd/lode-train -report $(MODEL_REPORT) -card docs/models/lode-en-v1.md

# Documentation that is part of the documents of bench-lexical; the names are those of Debian 12.
DEBIAN_DOCS ?= python3.11-doc postgresql-doc-15 git-doc linux-doc-6.1

lexical-docs: ## fetch and unpack documentation packages, without installing them
	@if [ ! -e .cache/debian-docs/done ]; then \
		mkdir -p .cache/debian-docs && cd .cache/debian-docs && apt-get -q -o APT::Sandbox::User=root download $(DEBIAN_DOCS) && \
		for package in *.deb; do dpkg-deb -x $$package .; done && rm *.deb && touch done; \
	fi

bench-lexical: build ## words in a sealed segment of a million documents, beside bleve; the first time takes ten minutes
	$(MAKE) --no-print-directory -C bench/peers OUT=$(CURDIR)/.cache/peers bleve
	$(MAKE) --no-print-directory lexical-docs
	bin/lode bench lexical --data $(DATA) --docs .cache/debian-docs --peers $(PEERS) --cache .cache/lexical --report $(REPORTS)/lexical.json || [ $$? = 3 ]

bench-retrieve: build ## questions to 100,000 passages: latency, share of each stage; the first time takes some minutes
	bin/lode bench retrieve --data $(DATA) --cache .cache/retrieve --report $(REPORTS)/retrieve.json || [ $$? = 3 ]

# What tests print of what they measure, below the command that repeats it.
bench-logs: ## figures that tests measure: analysis, why-not, injections, the gate, answers, words at a start
	@mkdir -p $(REPORTS)/logs; \
	log() { name=$$1; shift; { echo "\$$ $$*"; echo "commit $(COMMIT), $$(date -u +%F), $$(nproc) cores of $$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $$(go env GOVERSION)"; \
		env "$$@" 2>&1 | grep -v '^=== ' | sed "s#$(abspath $(DATA))#\$$DATA#g; s#$(realpath $(DATA))#\$$DATA#g"; } > $(REPORTS)/logs/$$name.txt; }; \
	log analysis go test -count 1 -v -run 'TestQuality$$' ./index/bm25/segment; \
	log why-not go test -count 1 -v -run TestWhyNotBringsBack ./server; \
	log injections go test -count 1 -v -run 'Injections|FlagsOf' ./pipeline; \
	log suspect go test -count 1 -v -run Real ./internal/suspect; \
	log gate LODE_LONG=1 go test -count 1 -v -run 'TestGate$$' ./retrieval/evaluation; \
	log answers go test -count 1 -v -run 'TestQuality$$' ./retrieval/support; \
	log words go test -run xxx -bench BenchmarkWords -benchtime 3x ./collection

bench-tables: build ## rewrite the tables of docs/benchmarks.md from the committed reports
	bin/lode bench tables $(REPORTS) --into docs/benchmarks.md

gcc:
	@command -v gcc > /dev/null || { echo "installing gcc for the race detector"; apt-get update -qq && apt-get install -y -qq gcc libc6-dev; }

strace:
	@command -v strace > /dev/null || { echo "installing strace for the fault tests"; apt-get update -qq && apt-get install -y -qq strace; }

btrfs:
	@command -v mkfs.btrfs > /dev/null && command -v mkfs.ext4 > /dev/null \
		|| { echo "installing file systems for the power cuts"; apt-get update -qq && apt-get install -y -qq btrfs-progs e2fsprogs mount; }

clean:
	rm -rf bin
