#!/bin/sh
# bench.sh - `make bench`: builds the release and measures it against other engines
set -eu

. "$(dirname "$0")/lib.sh"
need_root bench
tools/deps.sh build test
as_owner make --no-print-directory build NINJAFLAGS=--quiet
as_owner tools/peers.sh
bench/start "$@"
bench/memory "$@"
