#!/bin/sh
# stop.sh - `make stop`: stops the containers, then the engine on the default paths
#
# Images, volumes and stopped containers stay where they are, in /var/lib/cove.
set -eu

. "$(dirname "$0")/lib.sh"
need_root stop
pidfile=/run/cove/coved.pid

if [ -x build/cove ] && build/cove version >/dev/null 2>&1; then
	running=$(build/cove ps -q)
	if [ -n "$running" ]; then
		echo "Stopping $(echo "$running" | wc -l) containers ..."
		build/cove stop $running >/dev/null
	fi
fi
pid=$(cat $pidfile 2>/dev/null || true)
if [ -z "$pid" ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != coved ]; then
	echo "No engine is running."
	exit 0
fi
kill "$pid"
tries=0
while [ -d "/proc/$pid" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 150 ]; then
		echo "The engine (process $pid) does not end" >&2
		exit 1
	fi
	sleep 0.1
done
echo "The engine has stopped. Its data is in /var/lib/cove."
