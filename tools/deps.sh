#!/bin/sh
# deps.sh [--list] build|test... - installs the distribution's packages for that, where missing
#
# Only Debian 12 is known well enough to install something there; elsewhere it names the packages.
set -eu

build="build-essential meson ninja-build pkg-config python3 busybox-static nftables iproute2
	libjansson-dev libsqlite3-dev libssl-dev libmnl-dev libseccomp-dev libcap-dev zlib1g-dev
	libzstd-dev libisal-dev libarchive-dev libhttp-parser-dev"
test="mmdebstrap ca-certificates procps xz-utils bzip2 zstd e2fsprogs"

list=
if [ "${1:-}" = --list ]; then
	list=yes
	shift
fi
wanted=
for group; do
	case $group in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	esac
done
wanted=$(echo $wanted)
if [ -n "$list" ]; then
	echo "$wanted"
	exit 0
fi

. /etc/os-release
missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
	echo "This is ${PRETTY_NAME:-another system}, not Debian 12. Install what these are called here" >&2
	echo "and run the command again:$missing" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "These packages are missing:$missing" >&2
	exit 1
fi
echo "Installing:$missing"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
