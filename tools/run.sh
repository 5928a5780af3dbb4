#!/bin/sh
# run.sh - `make run`: from a fresh clone to a running container
set -eu

. "$(dirname "$0")/lib.sh"
need_root run
log=/var/log/coved.log

tools/deps.sh build
echo "Building ..."
as_owner make --no-print-directory build NINJAFLAGS=--quiet

answers()
{
	build/cove version >/dev/null 2>&1
}

if answers; then
	echo "An engine is running already."
else
	echo "Starting the engine (its log: $log) ..."
	mkdir -p /run/cove
	setsid build/coved --pidfile /run/cove/coved.pid >>"$log" 2>&1 </dev/null &
	tries=0
	until answers; do
		tries=$((tries + 1))
		if [ $tries -gt 100 ]; then
			echo "The engine does not answer. The end of $log:" >&2
			tail -n 5 "$log" >&2
			exit 1
		fi
		sleep 0.1
	done
fi

if ! build/cove image inspect busybox >/dev/null 2>&1; then
	echo "Making the image busybox from $(command -v busybox) ..."
	tools/base-image.sh | build/cove import -c 'CMD ["sh"]' - busybox:latest >/dev/null
fi

echo "Running a container: cove run --rm --hostname hello --memory 64m busybox sh -c ..."
echo
build/cove run --rm --hostname hello --memory 64m --cpus 0.5 --pids-limit 100 busybox sh -c '
	echo "Hello from a container."
	echo "  PID 1:     $(cut -c1-20 /proc/1/cmdline | head -n 1 | tr "\0" " ") ..."
	echo "  hostname:  $(hostname)"
	echo "  kernel:    $(uname -r), the same as outside"
	echo "  processes: $(ls /proc | grep -c "^[0-9]") in here"
	echo "  root:      $(mount | grep " / " | cut -d" " -f5), $(mount | wc -l) mounts in all"
	echo "  address:   $(ip -o -4 addr show scope global | tr -s " " | cut -d" " -f4)"
	cd /sys/fs/cgroup
	memory=$(cat memory.max memory/memory.limit_in_bytes 2>/dev/null)
	echo "  memory:    at most $((memory / 1048576)) MiB"
	echo "  processor: $(cat cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us |
		tr "\n" " ")(microseconds of each period)"'
cat <<'END'

It works. Try next, as root:
  build/cove run -it --rm busybox            a shell in a container
  build/cove run -d --name clock busybox sh -c 'while date; do sleep 1; done'
  build/cove logs -f clock                   and: cove ps, cove exec -it clock sh, cove rm -f clock
To stop the containers and the engine: sudo make stop
END
