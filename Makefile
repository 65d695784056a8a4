# The ways into this project. Everything that is made lies in build/, what is kept between times in .cache/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PREFIX ?= /usr/local
DESTDIR ?=
export CMAKE_C_COMPILER_LAUNCHER ?= ccache
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: build
build:  ## install what the build needs, build into build/release
	@tools/bootstrap build
	@tools/build release

.PHONY: test
test: build  ## install what the tests need, run every suite; ARGS="-k word" chooses
	@tools/bootstrap test demo examples
	@tests/run $(ARGS)

.PHONY: test-full
test-full: build  ## all of test, and what takes long: sanitizers, the systemd guest, fuzzing
	@tools/bootstrap test demo examples
	@tools/build asan tsan fuzz
	@tests/run --slow $(ARGS)

.PHONY: demo
demo: build  ## run a real analysis on real data under the hood and show its record
	@tools/bootstrap demo
	@examples/demo/run

.PHONY: bench
bench: build  ## measure launches against other sandboxes, and how fast a damaged byte of a runtime is found
	@tools/bootstrap bench
	@build/release/fumehood bench $(ARGS)
	@build/release/steps_bench
	@build/release/runtime_bench
	@build/release/store_bench /tmp 100 1000 10000
	@build/release/queue_bench --runs 2000 --sleepers 300

.PHONY: install
install: build  ## install below PREFIX (default /usr/local)
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

.PHONY: lint
lint:  ## check the folders' layers, the compilers' warnings on clang, the scripts
	@tools/bootstrap build lint
	@tools/lint

.PHONY: format
format:  ## lay out the C++ code by .clang-format
	@tools/bootstrap lint
	@git ls-files -z '*.cc' '*.h' '*.c' | xargs -0 $$(command -v clang-format-14 || echo clang-format) -i

.PHONY: clean
clean:  ## remove build/
	@rm -rf build
