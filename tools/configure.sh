#!/bin/sh
# configure.sh DIR OPTION... - configures a build folder, again only where the options changed
set -eu

dir=$1
shift
cd "$(dirname "$0")/.."
if ! command -v meson >/dev/null || ! command -v ninja >/dev/null; then
	echo "The build needs these packages: $(tools/deps.sh --list build)" >&2
	exit 1
fi
want="$*"
if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/options" 2>/dev/null)" = "$want" ]; then
	exit 0
fi
if [ -f "$dir/build.ninja" ]; then
	meson configure "$dir" "$@"
else
	mkdir -p "$dir"
	meson setup "$dir" "$@" >"$dir/setup.log" 2>&1 || {
		grep -E 'ERROR|not found' "$dir/setup.log" >&2 || cat "$dir/setup.log" >&2
		exit 1
	}
fi
echo "$want" >"$dir/options"
