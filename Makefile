# make run    installs what is missing, builds, and runs the quickstart
# make test   the same set-up, then all tests
# make build  leaves build/release/polyclinic
# make bench  measures everything that docs/benchmarks.md has figures of
# make fuzz SECONDS=60   looks for texts that break a reader, so long for each (tests/fuzz/README.md)
# make fresh DEBIAN=12|13   proves the first two on a minimal Debian in a chroot
.DEFAULT_GOAL := build
DEBIAN ?= 12
JOBS ?= $(shell nproc)
SECONDS ?= 60

.PHONY: build run test check bench fuzz fresh setup clean format tidy asan tsan

setup:
	@sh third_party/install.sh

build/release/build.ninja: CMakeLists.txt CMakePresets.json $(wildcard cmake/*.cmake)
	@sh third_party/install.sh
	cmake --preset release

build: setup build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target polyclinic

run: build
	build/release/polyclinic run scenarios/quickstart.lua

test: setup build/release/build.ninja
	cmake --build build/release -j $(JOBS)
	ctest --test-dir build/release --output-on-failure -j $(JOBS)

# programs of tests/bench/, then whole commands against their budgets; MACHINE=name keeps the figures
bench: setup build/release/build.ninja
	@sh third_party/install.sh libbenchmark-dev libsimgrid-dev libopenblas-dev
	cmake --preset bench
	cmake --build build/bench -j $(JOBS) --target benchmarks
	cmake --build build/release -j $(JOBS) --target polyclinic net_tests
	@mkdir -p build/bench/figures
	@for b in build/bench/tests/bench/*_bench; do echo "== $$b"; \
	  $$b --benchmark_out_format=json --benchmark_out=build/bench/figures/$$(basename $$b).json || exit 1; done
	@build/bench/tests/bench/commands build/release/polyclinic . --star build/bench/tests/bench \
	  --build build/release --csv build/bench/figures/commands.csv
	@if [ -n "$(MACHINE)" ]; then mkdir -p tests/bench/$(MACHINE) && cp build/bench/figures/*.json build/bench/figures/*.csv tests/bench/$(MACHINE)/; fi

fuzz:
	@sh third_party/install.sh clang libclang-rt-dev
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	@sh tests/fuzz/run.sh $(SECONDS)

asan tsan: setup
	cmake --workflow --preset $(if $(filter asan,$@),asan-ubsan,tsan)

fresh:
	@sh tests/fresh.sh $(DEBIAN)

format:
	@sh third_party/install.sh clang-format
	git ls-files '*.cpp' '*.hpp' '*.inl' | xargs clang-format -i

tidy: build/release/build.ninja
	@sh third_party/install.sh clang-tidy
	git ls-files 'engine/*.cpp' | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p build/release

clean:
	rm -rf build
