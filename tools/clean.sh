#!/bin/sh
# clean.sh - `make clean`: removes the build folders; what an engine stores is elsewhere and stays
set -eu

. "$(dirname "$0")/lib.sh"
rm -rf build build-dev 2>/dev/null || {
	echo "Some files in build/ belong to root: sudo make clean" >&2
	exit 1
}
