#!/bin/bash
# test-cmd.sh - cove-runtime as runc's users call it: test-cmd.sh PATH-OF-COVE-RUNTIME
set -u
bin=$1
n=0 failed=0
[ "$(id -u)" = 0 ] && [ -x /bin/busybox ] || { echo "1..0 # SKIP needs root and a static /bin/busybox"; exit 0; }
dir=$(mktemp -d /tmp/cove-cmd-XXXXXX)
id=cove-cmd-$$
run() { "$bin" --root "$dir/state" --log "$dir/log" --log-format json "$@" </dev/null; }
trap 'run delete --force $id 2>/dev/null; rm -rf "$dir"' EXIT
check() { # description, command...
	local what=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $what"; else echo "not ok $n - $what"; failed=1; fi
}
status_is() { [ "$(run state $id 2>/dev/null | sed -n 's/.*"status": "\(.*\)".*/\1/p')" = "$1" ]; }
exits() { # status, command...
	local want=$1 got
	shift
	"$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = "$want" ] || { echo "# exit status $got, expected $want: $(cat "$dir/err")"; return 1; }
}

mkdir -p "$dir"/rootfs/{bin,proc,sys,dev,etc,tmp}
cp /bin/busybox "$dir/rootfs/bin/"
for a in sh sleep echo cat true; do ln -s busybox "$dir/rootfs/bin/$a"; done
cd "$dir" || exit 1
check "spec" exits 0 run spec
config() { # the arguments as one shell script
	[ -e base.json ] || cp config.json base.json
	sed -e 's/"terminal": true/"terminal": false/' -e "/\"args\"/,/]/c\\        \"args\": [\"sh\", \"-c\", \"$1\"]," base.json >config.json
}
config 'echo hi; exit 3'
check "run gives the program's status" exits 3 run run $id
check "its output" grep -qx hi "$dir/out"
check "and leaves no state" test ! -e "$dir/state/$id"
config 'sleep 100'
check "create" exits 0 run create --pid-file "$dir/pid" $id
check "created" status_is created
check "the pid file" kill -0 "$(cat "$dir/pid")"
check "no second one of that name" exits 1 run create $id
check "says why" grep -q 'container with given ID already exists' "$dir/err"
check "the log is json" grep -q '"level":"error","msg":".*already exists' "$dir/log"
check "start" exits 0 run start $id
check "running" status_is running
check "no second start" exits 1 run start $id
check "exec" exits 5 run exec $id sh -c 'exit 5'
check "exec of nothing" exits 255 run exec $id nosuch
check "exec says why" grep -q 'exec: "nosuch": executable file not found in $PATH' "$dir/err"
check "exec by another user" exits 0 run exec --user 7:8 --env X=y --cwd /tmp $id sh -c 'test $X = y'
check "list" exits 0 run list -q
check "lists it" grep -qx $id "$dir/out"
check "pause" exits 0 run pause $id
check "paused" status_is paused
check "no exec while paused" exits 1 sh -c "! $bin --root $dir/state exec $id true 2>/dev/null && exit 1"
check "resume" exits 0 run resume $id
check "update" exits 0 run update --pids-limit 30 $id
check "ps" exits 0 run ps --format json $id
check "has its pid" grep -q "$(cat "$dir/pid")" "$dir/out"
check "no delete while it runs" exits 1 run delete $id
check "kill" exits 0 run kill $id KILL
for _ in $(seq 100); do status_is stopped && break; sleep 0.02; done
check "stopped" status_is stopped
check "no kill when stopped" exits 1 run kill $id
check "delete" exits 0 run delete $id
check "gone" exits 1 run state $id
check "a forced delete of nothing" exits 0 run delete --force $id
check "no cgroup is left" test -z "$(find /sys/fs/cgroup -maxdepth 2 -name "$id" 2>/dev/null)"
check "create, then delete --force" exits 0 run create $id
check "which kills it" exits 0 run delete --force $id
check "a bad option" exits 1 run run --nonsense $id
check "checkpoint is refused" exits 1 run checkpoint $id
check "so is the systemd driver" exits 1 "$bin" --systemd-cgroup --root "$dir/state" run $id
check "features" exits 0 run features
check "a terminal needs a socket" sh -c "sed -i 's/\"terminal\": false/\"terminal\": true/' config.json; ! $bin --root $dir/state create $id 2>/dev/null"
check "a missing bundle" exits 1 run run --bundle /nonexistent $id
check "no state is left" test -z "$(ls "$dir/state")"
echo "1..$n"
exit $failed
