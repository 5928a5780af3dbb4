#!/bin/sh
# test.sh [OPTION...] - `make test`: builds all there is to test, and tests it
#
# Options go to tests/run. The last line is the count.
set -eu

. "$(dirname "$0")/lib.sh"
need_root test

tools/deps.sh build test
echo "# building with and without sanitizers"
as_owner make --no-print-directory dev build NINJAFLAGS=--quiet
as_owner tools/peers.sh || echo "# no peers to compare with"
exec tests/run --units build-dev --units build --build build-dev --build build "$@"
