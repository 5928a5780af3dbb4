#!/bin/bash
# guest.sh PHASE NUMBER - the checks of tests/vm/run, on the machine that is tested
#
# PHASE is main, reboot (after `main`, on the machine started again) or clean. NUMBER is how many
# checks there were before. The engine's programs and base.tar lie beside this file. Prints TAP lines
# without a plan.
#
# (1) The engine runs on its default paths as a unit with Delegate=yes and KillMode=process.
# (2) Everything made here carries vmtest in its name; `clean` removes it.
set -u

phase=$1 number=$2
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH
unit=vmtest-cove.service
unit_file=/run/systemd/system/$unit
group=/sys/fs/cgroup/cove
peer=vmtest-peer peer_addr=192.0.2.2 near_addr=192.0.2.1
slow=${SLOW:-1}			# time limits are multiplied by this
many=${MANY:-20}
image=vmtest-base
state=/var/tmp/vmtest-state
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# --- helpers ---------------------------------------------------------------------------------

fail() { echo "$*" >&2; return 1; }

same() { [ "$1" = "$2" ] || fail "got '$1', want '$2'"; }

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1 * slow))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { fail "not in time: $*"; return; }
		sleep 0.2
	done
}

# A function named check_WHAT passes if each of its commands does.
check() {
	local start=$SECONDS status line

	number=$((number + 1))
	# not behind || or if: bash would not obey -e then
	(set -eE; trap 'echo "failed: $BASH_COMMAND" >&2' ERR; "check_$1") >"$log" 2>&1 </dev/null 3<&-
	status=$?
	[ $status = 0 ] && echo "ok $number - ${1//_/ } # $((SECONDS - start)) s" && return
	echo "not ok $number - ${1//_/ } # $((SECONDS - start)) s"
	while IFS= read -r line; do echo "#   $line"; done <"$log"
	journalctl -q -u $unit -n 4 -o cat 2>/dev/null | sed 's/^/#   engine: /'
}

engine_answers() { cove version >/dev/null 2>&1; }
engine_pid() { systemctl show -p MainPID --value $unit; }

start_engine() {
	mkdir -p /run/systemd/system
	printf '[Service]\nExecStart=%s/coved\nKillMode=process\nDelegate=yes\nTasksMax=infinity\n' "$here" >$unit_file
	systemctl daemon-reload
	systemctl start $unit
	until_true 30 engine_answers
}

of() { cove inspect --format "$2" "$1"; }
id_of() { of "$1" '{{.Id}}'; }
pid_of() { of "$1" '{{.State.Pid}}'; }
status_is() { same "$(of "$1" '{{.State.Status}}')" "$2"; }
file_of() { cat "$group/$(id_of "$1")/$2"; }
ours() { cove ps -aq --filter name=vmtest; }
running() { cove ps -q --filter name=vmtest-many | wc -l; }
remove() { cove rm -f "$@" >/dev/null; }
sleeper() { local name=$1; shift; cove run -d --name "vmtest-$name" "$@" $image sleep 86400 >/dev/null; }

# --- one container -----------------------------------------------------------------------------

check_machine_has_pure_cgroup_v2_and_systemd() {
	same "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs
	[ -d /run/systemd/system ]
}

check_engine_starts_as_a_unit() {
	! engine_answers || fail "an engine runs here already"
	start_engine
}

check_image_from_a_tar() {
	cove import "$here/base.tar" $image
	cove images -q $image | grep .
}

check_run_prints_and_gives_the_exit_status() {
	local status=0

	same "$(cove run --rm --network none $image echo hello)" hello
	cove run --rm --network none $image sh -c 'exit 7' || status=$?
	same $status 7
}

check_cgroup_namespace_and_files() {
	same "$(cove run --rm --network none $image cat /proc/self/cgroup)" 0::/
	cove run --rm --network none $image sh -c '
		grep -q "^cgroup /sys/fs/cgroup cgroup2 ro" /proc/mounts || exit 1
		cd /sys/fs/cgroup && cat pids.current memory.current cgroup.procs && ! echo 1 2>/dev/null >pids.max'
	cove run --rm --network none --cgroupns host $image cat /proc/self/cgroup | grep '^0::/cove/'
}

check_sandbox_of_the_process() {
	local out

	out=$(cove run --rm --network none $image cat /proc/self/status)
	grep -P '^Seccomp:\t2' <<<"$out"
	grep -P '^CapEff:\t00000000a80425fb' <<<"$out"
	same "$(cove run --rm --network none $image sh -c 'cat /proc/kcore | wc -c')" 0
}

check_memory_limit_kills() {
	local status=0

	cove run --name vmtest-oom --network none --memory 64m $image \
		sh -c 'cat /sys/fs/cgroup/memory.max; x=a; while :; do x=$x$x; done' || status=$?
	same $status 137
	same "$(cove logs vmtest-oom)" 67108864
	same "$(of vmtest-oom '{{.State.OOMKilled}}')" true
	remove vmtest-oom
}

check_oom_of_a_child_spares_the_first_process() {
	same "$(cove run --rm --network none --memory 64m $image \
		sh -c 'sh -c "x=a; while :; do x=\$x\$x; done"; echo after $?')" "after 137"
}

check_cpus_throttle() {
	cove run --rm --network none --cpus 0.5 $image sh -c '
		grep -qx "50000 100000" /sys/fs/cgroup/cpu.max || exit 1
		timeout 2 sh -c "while :; do :; done"
		grep "^nr_throttled [1-9]" /sys/fs/cgroup/cpu.stat'
}

check_cpu_shares_and_cpuset() {
	cove run --rm --network none --cpu-shares 512 --cpuset-cpus 0 $image sh -c '
		[ $(cat /sys/fs/cgroup/cpu.weight) = 20 ] && [ $(cat /sys/fs/cgroup/cpuset.cpus) = 0 ] && [ $(nproc) = 1 ]'
}

check_pids_limit_stops_forks() {
	local out

	out=$(cove run --rm --network none --pids-limit 10 $image \
		sh -c 'cat /sys/fs/cgroup/pids.max; for i in $(seq 30); do sleep 3 & done; wait' 2>&1) || true
	grep -qx 10 <<<"$out"
	grep -i "can't fork" <<<"$out"
}

check_device_rules() {
	local kmsg='mknod /tmp/k c 1 11 && dd if=/tmp/k bs=4096 count=1 of=/dev/null 2>&1'
	local run="cove run --rm --network none --cap-add SYSLOG"

	$run $image sh -c "$kmsg" | grep 'Operation not permitted'
	$run --device-cgroup-rule 'c 1:11 r' $image sh -c "$kmsg"
	$run --device /dev/kmsg:/dev/log0:r $image sh -c '
		dd if=/dev/log0 bs=4096 count=1 of=/dev/null 2>/dev/null && ! echo x 2>/dev/null >/dev/log0'
	$run --privileged $image sh -c "$kmsg"
	cove run --rm --network none $image sh -c 'head -c 1 /dev/urandom >/dev/null && echo x >/dev/null && : </dev/zero'
}

check_pause() {
	sleeper pause --network none
	cove pause vmtest-pause
	status_is vmtest-pause paused
	file_of vmtest-pause cgroup.events | grep 'frozen 1'
	cove unpause vmtest-pause
	status_is vmtest-pause running
	file_of vmtest-pause cgroup.events | grep 'frozen 0'
	cove pause vmtest-pause
	remove vmtest-pause
}

check_stats_top_and_update() {
	local out

	sleeper update --network none --memory 64m --cpus 0.5 --pids-limit 50
	out=$(cove stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' vmtest-update)
	grep -E '^[1-9][0-9.]*[kKM]iB / 64MiB 1$' <<<"$out" || fail "stats: $out"
	cove top vmtest-update | grep 'sleep 86400'
	cove update --memory 96m --memory-swap 128m --cpus 0.25 --pids-limit 60 vmtest-update
	same "$(file_of vmtest-update memory.max)" 100663296
	same "$(file_of vmtest-update memory.swap.max)" 33554432
	same "$(file_of vmtest-update cpu.max)" "25000 100000"
	same "$(file_of vmtest-update pids.max)" 60
	remove vmtest-update
}

check_io_limit() {
	local disk

	disk=$(lsblk -ndo NAME,TYPE | awk '$2 == "disk" { print $1; exit }')
	sleeper io --network none --device-write-bps "/dev/$disk:1mb"
	file_of vmtest-io io.max | grep wbps=1048576
	remove vmtest-io
}

check_detached_logs_exec_stop_rm() {
	local status=0 group_of

	cove run -d --name vmtest-life $image sh -c 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.1; done'
	until_true 10 eval 'cove logs vmtest-life | grep up'
	same "$(cove exec vmtest-life cat /proc/self/cgroup)" 0::/
	cove exec vmtest-life sh -c 'exit 9' || status=$?
	same $status 9
	cove exec -t vmtest-life tty | grep /dev/pts/
	cove stop vmtest-life
	same "$(of vmtest-life '{{.State.ExitCode}}')" 3
	same "$(cove logs vmtest-life | tail -n 1)" bye
	cove start vmtest-life
	status_is vmtest-life running
	group_of=$group/$(id_of vmtest-life)
	[ -d "$group_of" ]
	remove vmtest-life
	[ ! -e "$group_of" ]
}

check_bad_commands() {
	local status=0

	cove run --rm --network none $image /nosuch || status=$?
	same $status 127
	cove run --rm --network none $image /etc/passwd || status=$?
	same $status 126
	! cove run --rm --network none --memory 1m $image true || fail "a limit of 1 MiB was taken"
}

check_init_and_user_and_read_only() {
	same "$(cove run --rm --network none --init $image sh -c 'cat /proc/1/comm')" docker-init
	same "$(cove run --rm --network none --user 33:33 $image id -u)" 33
	cove run --rm --network none --read-only --tmpfs /run $image sh -c '! touch /x 2>/dev/null && touch /run/x'
}

# Linux 6.1 takes one page of overlay options.
check_image_of_100_layers() {
	local dir ids files=layer0.tar i

	dir=$(mktemp -d /var/tmp/vmtest.XXXXXX)
	cd "$dir"
	cp "$here/base.tar" layer0.tar
	for i in $(seq 99); do
		echo "$i" >"f$i"
		tar -cf "layer$i.tar" "f$i"
		files+=" layer$i.tar"
	done
	ids=$(sha256sum $files | sed 's/^\([0-9a-f]*\).*/"sha256:\1"/' | paste -sd,)
	printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$ids" >config.json
	printf '[{"Config":"config.json","RepoTags":["vmtest-deep:latest"],"Layers":["%s"]}]' "${files// /\",\"}" >manifest.json
	tar -cf - manifest.json config.json $files | cove load
	cd /
	rm -rf "$dir"
	same "$(cove run --rm --network none vmtest-deep sh -c 'cat /f1 /f50 /f99 | xargs; touch /new')" "1 50 99"
	cove rmi vmtest-deep
}

check_volume_and_bind() {
	cove run --rm --network none -v vmtest-vol:/data $image sh -c 'echo kept >/data/f'
	same "$(cove run --rm --network none -v vmtest-vol:/data:ro $image cat /data/f)" kept
	cove volume rm vmtest-vol
	same "$(cove run --rm --network none -v /etc/hostname:/h:ro $image cat /h)" "$(cat /etc/hostname)"
}

# --- network -------------------------------------------------------------------------------------

make_peer() {
	ip netns add $peer
	ip link add vmtest-near type veth peer name vmtest-far netns $peer
	ip addr add $near_addr/30 dev vmtest-near
	ip link set vmtest-near up
	ip -n $peer addr add $peer_addr/30 dev vmtest-far
	ip -n $peer link set vmtest-far up
	ip -n $peer link set lo up
}

drop_peer() {
	ip netns pids $peer 2>/dev/null | xargs -r kill
	ip link del vmtest-near 2>/dev/null
	ip netns del $peer 2>/dev/null
	return 0
}

check_bridge_reaches_out() {
	local gateway

	gateway=$(ip -4 route show default | awk '{ print $3; exit }')
	cove run --rm $image ping -c 1 -W $((2 * slow)) "$gateway"
	make_peer
	mkdir -p /var/tmp/vmtest-bin
	tar -xf "$here/base.tar" -C /var/tmp/vmtest-bin ./bin/busybox
	echo from the peer >/var/tmp/vmtest-bin/index.html
	ip netns exec $peer /var/tmp/vmtest-bin/bin/busybox httpd -p $peer_addr:80 -h /var/tmp/vmtest-bin
	same "$(cove run --rm $image wget -qO - http://$peer_addr/index.html)" "from the peer"
}

check_resolver_is_the_machines() {
	local server

	server=$(awk '$1 == "nameserver" { print $2; exit }' /etc/resolv.conf)
	case $server in
	127.* | "") return ;;	# one that containers cannot reach
	esac
	cove run --rm $image grep "$server" /etc/resolv.conf
}

# fetch [PREFIX...]: what $host serves on port 18080
fetch() {
	"$@" timeout $((5 * slow)) bash -c "exec 9<>/dev/tcp/$host/18080 || exit 1; printf 'GET /f HTTP/1.0\r\n\r\n' >&9; tail -n 1 <&9"
}

check_published_port() {
	local host=127.0.0.1

	cove run -d --name vmtest-web -p 18080:80 $image sh -c 'echo served >/f; exec httpd -f -h /'
	until_true 10 fetch
	same "$(fetch)" served
	host=$near_addr
	same "$(fetch)" served
	same "$(fetch ip netns exec $peer)" served
	! cove run --rm -p 18080:80 $image true || fail "a port was published twice"
	systemctl kill --kill-whom=main -s KILL $unit
	until_true 10 eval '! engine_answers'
	same "$(fetch ip netns exec $peer)" served
	systemctl reset-failed $unit || true
	start_engine
	same "$(fetch ip netns exec $peer)" served
	remove vmtest-web
	! fetch || fail "still published"
}

# --- life of the engine --------------------------------------------------------------------------

many_work() {
	local i

	for i in 1 $((many / 2)) "$many"; do
		status_is "vmtest-many$i" running
		same "$(cove logs "vmtest-many$i" | head -n 1)" "line of $i"
		same "$(cove exec "vmtest-many$i" cat /name)" "$i"
	done
	for i in $(seq "$many"); do pid_of "vmtest-many$i"; done >"$state/now"
	cmp "$state/pids" "$state/now"
}

check_many_containers() {
	local i

	for i in $(seq "$many"); do
		cove run -d --name "vmtest-many$i" --memory 32m $image \
			sh -c "echo $i >/name; echo line of $i; exec sleep 86400" >/dev/null
	done
	same "$(running)" "$many"
	for i in $(seq "$many"); do pid_of "vmtest-many$i"; done >"$state/pids"
}

check_killed_engine_leaves_them_running() {
	local old

	old=$(engine_pid)
	cove run -d --name vmtest-ends $image sh -c 'sleep 2; echo last words; exit 5'
	systemctl kill --kill-whom=main -s KILL $unit
	until_true 10 eval '! engine_answers'
	sleep $((3 * slow))
	systemctl reset-failed $unit || true
	start_engine
	[ "$(engine_pid)" != "$old" ]
	same "$(running)" "$many"
	many_work
	same "$(of vmtest-ends '{{.State.ExitCode}}')" 5
	same "$(cove logs vmtest-ends)" "last words"
	remove vmtest-ends
}

check_restart_of_the_unit() {
	systemctl restart $unit
	until_true 30 engine_answers
	same "$(running)" "$many"
	many_work
}

check_stop_and_start_of_the_unit() {
	systemctl stop $unit
	for pid in $(cat "$state/pids"); do kill -0 "$pid"; done
	start_engine
	many_work
}

check_reload_of_systemd_keeps_limits() {
	systemctl daemon-reload
	systemctl daemon-reexec
	same "$(file_of vmtest-many1 memory.max)" 33554432
	same "$(file_of vmtest-many1 cgroup.procs | head -n 1)" "$(pid_of vmtest-many1)"
}

check_engine_from_a_login() {
	local pid

	systemctl stop $unit
	setsid coved >/dev/null 2>&1 &
	pid=$!
	until_true 30 engine_answers
	same "$(running)" "$many"
	many_work
	sleeper login --memory 32m
	same "$(file_of vmtest-login memory.max)" 33554432
	kill "$pid"
	until_true 10 eval "! kill -0 $pid"
	start_engine
	status_is vmtest-login running
	same "$(running)" "$many"
	remove vmtest-login
}

check_stop_many() {
	cove stop -t 1 $(seq -f "vmtest-many%g" 3) >/dev/null
	same "$(running)" $((many - 3))
	same "$(of vmtest-many1 '{{.State.ExitCode}}')" 137
}

check_nothing_is_left() {
	ours | xargs -r cove rm -f >/dev/null
	same "$(ours)" ""
	systemctl stop $unit
	drop_peer
	same "$(find $group -mindepth 1 -maxdepth 1 -type d 2>/dev/null)" ""
	same "$(pgrep cove-shim)" ""
	same "$(ip -o link show type veth | grep -v vmtest-near)" ""
	same "$(grep cove /proc/mounts)" ""
	same "$(lsns -t net -n -o PID | wc -l)" "$(cat "$state/netns")"
	same "$(find /run/cove -type s)" ""
	same "$(find /var/lib/cove/containers -mindepth 1 -maxdepth 1 ! -name ".*")" ""
}

# --- restart policy and reboot ----------------------------------------------------------------

check_restart_policy() {
	local first

	start_engine
	sleeper always --restart always
	sleeper never
	first=$(pid_of vmtest-always)
	systemctl kill --kill-whom=main -s KILL $unit
	kill -9 "$first"
	sleep 2
	systemctl reset-failed $unit || true
	start_engine
	status_is vmtest-always running
	same "$(of vmtest-always '{{.RestartCount}}')" 1
	[ "$(pid_of vmtest-always)" != "$first" ]
	cat /proc/sys/kernel/random/boot_id >"$state/boot"
}

check_always_is_back_after_a_reboot() {
	[ "$(cat "$state/boot")" != "$(cat /proc/sys/kernel/random/boot_id)" ]
	start_engine
	until_true 20 status_is vmtest-always running
	same "$(cove exec vmtest-always echo again)" again
	cove exec vmtest-always ping -c 1 -W $((2 * slow)) "$(ip -4 route show default | awk '{ print $3; exit }')"
	status_is vmtest-never exited
	cove start vmtest-never
	status_is vmtest-never running
}

clean() {
	if [ -e $unit_file ]; then
		engine_answers || start_engine
		ours | xargs -r cove rm -f >/dev/null
		cove rmi -f $image >/dev/null
		systemctl stop $unit
		rm -f $unit_file
		systemctl daemon-reload
	fi
	drop_peer
	rm -rf /var/tmp/vmtest-bin "$state"
}

# The first column says which phase; ONLY picks by words.
all_checks() {
	cat <<'END'
main	machine_has_pure_cgroup_v2_and_systemd
main	engine_starts_as_a_unit
main	image_from_a_tar
main	run_prints_and_gives_the_exit_status
main	cgroup_namespace_and_files
main	sandbox_of_the_process
main	memory_limit_kills
main	oom_of_a_child_spares_the_first_process
main	cpus_throttle
main	cpu_shares_and_cpuset
main	pids_limit_stops_forks
main	device_rules
main	pause
main	stats_top_and_update
main	io_limit
main	detached_logs_exec_stop_rm
main	bad_commands
main	init_and_user_and_read_only
main	image_of_100_layers
main	volume_and_bind
main	bridge_reaches_out
main	resolver_is_the_machines
main	published_port
main	many_containers
main	killed_engine_leaves_them_running
main	restart_of_the_unit
main	stop_and_start_of_the_unit
main	reload_of_systemd_keeps_limits
main	engine_from_a_login
main	stop_many
main	nothing_is_left
main	restart_policy
reboot	always_is_back_after_a_reboot
reboot	nothing_is_left
END
}

if [ "$phase" = clean ]; then
	clean
	exit
fi
mkdir -p "$state"
if [ "$phase" = main ]; then
	drop_peer
	ip netns add $peer && lsns -t net -n -o PID | wc -l >"$state/netns"
	ip netns del $peer
else
	lsns -t net -n -o PID | wc -l >"$state/netns"
fi
while read -r of_phase name <&3; do
	[ "$of_phase" = "$phase" ] && [[ $name =~ ${ONLY:-.} ]] && check "$name"
done 3< <(all_checks)
echo "# checks: $number"
