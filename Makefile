# Plain `make` lists the targets. PRESET is one of dev, release, asan, tsan, cuda.
.DEFAULT_GOAL := help
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD := build/$(PRESET)

.PHONY: help setup build test check sanitize parity fuzz demo clean

help:      ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:     ## install the Debian packages that are missing (needs root only then)
	@tools/setup.sh

build: setup   ## configure and compile into build/PRESET (default: release)
	@cmake --preset $(PRESET) >build-$(PRESET).log 2>&1 || { cat build-$(PRESET).log; rm -f build-$(PRESET).log; exit 1; }
	@rm -f build-$(PRESET).log
	@cmake --build $(BUILD) -j $(JOBS)

test: build    ## build and run all tests
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure --no-tests=error

check: setup   ## format, layers, sizes, words, documents
	@tools/check_all.sh

sanitize:  ## the test suite under address+undefined and thread sanitizers
	@$(MAKE) --no-print-directory test PRESET=asan
	@$(MAKE) --no-print-directory test PRESET=tsan

parity: build  ## data, pictures, tokens and models against the programs they come from, which it installs (7 GB)
	@tools/parity.sh

fuzz: setup    ## feed changed inputs to every reader for SECONDS_EACH (default: 60) seconds
	@tools/fuzz.sh $(SECONDS_EACH)

demo: build    ## real videos -> demo/: tracks, marks, traces, samples and a page to look at
	@tools/demo.sh

clean:     ## remove build/ and demo/
	@rm -rf build demo
