# The front door. meson does the work; see README.md for what the commands are for.
#
#   make              release build in build/
#   sudo make run     what it needs, a build, the engine, a first container
#   sudo make stop    stops the containers and the engine that `make run` started
#   sudo make test    builds, and all tests
#   make install      into DESTDIR, PREFIX
#   make dev          build with AddressSanitizer and UBSan in build-dev/
#   make soak         the tests with large numbers
#   make bench        side by side with other engines
#   make clean        removes what was built; engine data stays

PREFIX ?= /usr/local
DESTDIR ?=

RELEASE = --buildtype=release -Db_ndebug=false -Db_sanitize=none --prefix=$(PREFIX)
DEV = --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false

all: build

build:
	@tools/configure.sh build $(RELEASE)
	@ninja -C build $(NINJAFLAGS)

dev:
	@tools/configure.sh build-dev $(DEV)
	@ninja -C build-dev $(NINJAFLAGS)

run:
	@tools/run.sh

stop:
	@tools/stop.sh

test:
	@tools/test.sh

soak:
	@tools/test.sh --soak

bench:
	@tools/bench.sh

install: build
	@DESTDIR=$(DESTDIR) meson install -C build --no-rebuild

clean:
	@tools/clean.sh

.PHONY: all build dev run stop test soak bench install clean
