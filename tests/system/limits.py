"""limits.py - what a container may use, and what it may do"""
import os
import re
import time

from harness import test

DEFAULT_CAPS = 0xa80425fb


@test
def memory_limit_kills(t):
    t.engine()
    r = t.run("run", "--name", "oom", "--memory", "64m", "busybox", "sh", "-c",
              "x=a; while :; do x=$x$x; done")
    t.eq(r.code, 137)
    t.eq(t.state("oom")["OOMKilled"], True)
    t.eq(t.inspect("oom")["HostConfig"]["Memory"], 64 << 20)
    r = t.run("run", "--name", "oom2", "-m", "64m", "busybox", "sh", "-c",
              "head -c 200m /dev/zero | tail | wc -c; echo after")
    t.match(r.out, r"after")


@test(alone=True)
def cpus_halve_a_busy_loop(t):
    t.engine()
    t.must("run", "-d", "--name", "busy", "--cpus", "0.5", "busybox", "sh", "-c", "while :; do :; done")
    pid = t.state("busy")["Pid"]
    time.sleep(0.5)
    start, used = time.monotonic(), ticks(pid)
    time.sleep(3)
    share = (ticks(pid) - used) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start)
    t.ok(0.05 < share < 0.62, f"the loop got {share:.2f} of a processor")


def ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@test
def pids_limit_stops_a_fork_bomb(t):
    t.engine()
    r = t.run("run", "--rm", "--pids-limit", "20", "busybox", "sh", "-c",
              "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo all", seconds=60)
    t.match(r.err + r.out, r"(?i)can't fork|resource temporarily unavailable")


@test
def limits_seen_in_the_container(t):
    t.engine()
    out = t.must("run", "--rm", "-m", "100m", "--cpus", "1.5", "--pids-limit", "50", "--cpu-shares", "512",
                 "busybox", "sh", "-c",
                 "cd /sys/fs/cgroup; cat memory.max pids.max cpu.max cpu.weight 2>/dev/null || "
                 "cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares")
    t.match(out, r"^104857600\n50\n(150000 100000\n\d+|150000\n512)$")
    t.eq(t.must("run", "--rm", "--ulimit", "nofile=200:300", "busybox", "sh", "-c",
                "ulimit -n; ulimit -Hn"), "200\n300")
    t.eq(t.must("run", "--rm", "--sysctl", "net.ipv4.ip_default_ttl=99", "busybox", "cat",
                "/proc/sys/net/ipv4/ip_default_ttl"), "99")
    t.match(t.must("run", "--rm", "--shm-size", "8m", "busybox", "df", "-k", "/dev/shm"), r"\b8192\b")
    t.eq(t.must("run", "--rm", "--oom-score-adj", "300", "busybox", "cat", "/proc/self/oom_score_adj"), "300")


@test(clients=("cove", "docker20"))
def default_privileges(t):
    """Docker's default capabilities, seccomp, masked and read-only paths."""
    t.engine()
    status = t.must("run", "--rm", "busybox", "cat", "/proc/self/status")
    value = dict(re.findall(r"^(\w+):\s+(\S+)", status, re.M))
    for name in ("CapPrm", "CapEff", "CapBnd"):
        t.eq(int(value[name], 16), DEFAULT_CAPS, name)
    t.eq(int(value["CapAmb"], 16), 0)
    t.eq(value["Seccomp"], "2")
    t.eq(t.must("run", "--rm", "busybox", "sh", "-c", "cat /proc/kcore | wc -c; cat /proc/keys | wc -c; "
                "cat /proc/timer_list 2>/dev/null | wc -c; ls /proc/acpi /sys/firmware | grep -vc :"),
         "0\n0\n0\n1")
    r = t.run("run", "--rm", "busybox", "sh", "-c", "echo 1 >/proc/sys/kernel/panic")
    t.match(r.err, r"Read-only file system")
    r = t.run("run", "--rm", "busybox", "sh", "-c",
              "[ ! -e /proc/sysrq-trigger ] || echo b >/proc/sysrq-trigger; echo x >/proc/bus/x")
    t.match(r.err, r"Read-only file system|Permission denied|nonexistent")
    r = t.run("run", "--rm", "busybox", "mount", "-t", "tmpfs", "x", "/mnt")
    t.match(r.err, r"(?i)permission denied|not permitted|no such file")
    r = t.run("run", "--rm", "busybox", "sh", "-c", "mknod /tmp/x b 8 0 && head -c 1 /tmp/x")
    t.match(r.err, r"(?i)not permitted")


@test(clients=("cove", "docker20"))
def privileges_given_and_taken(t):
    t.engine()
    show = ("busybox", "grep", "CapEff", "/proc/self/status")
    t.match(t.must("run", "--rm", "--cap-drop", "ALL", *show), r"0000000000000000$")
    t.match(t.must("run", "--rm", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", *show), r"0000000000001000$")
    t.match(t.must("run", "--rm", "-u", "nobody", *show), r"0000000000000000$")
    t.match(t.must("run", "--rm", "--security-opt", "no-new-privileges", "busybox", "grep", "NoNewPrivs",
                   "/proc/self/status"), r"1$")
    t.match(t.must("run", "--rm", "--security-opt", "seccomp=unconfined", "busybox", "grep", "Seccomp:",
                   "/proc/self/status"), r"0$")
    if t.engines[0].kind == "coved":
        t.eq(t.must("run", "--rm", "--privileged", "busybox", "sh", "-c",
                    "mount -t tmpfs x /mnt && echo mounted"), "mounted")
    t.fails(125, "(?i)capabilit", "run", "--rm", "--cap-add", "NOSUCH", "busybox", "true")


@test
def namespaces_of_its_own(t):
    t.engine()
    names = ("pid", "mnt", "net", "uts", "ipc", "cgroup")
    out = t.must("run", "--rm", "--cgroupns", "private", "busybox", "sh", "-c",
                 "cd /proc/self/ns; for n in %s; do readlink $n; done" % " ".join(names))
    for name, link in zip(names, out.split()):
        t.ok(link != os.readlink(f"/proc/self/ns/{name}"), f"{name} namespace is the host's")
    out = t.must("run", "--rm", "--network", "host", "--pid", "host", "--uts", "host", "--ipc", "host",
                 "busybox", "sh", "-c", "cd /proc/self/ns; for n in pid net uts ipc; do readlink $n; done")
    for name, link in zip(("pid", "net", "uts", "ipc"), out.split()):
        t.eq(link, os.readlink(f"/proc/self/ns/{name}"))


@test
def devices(t):
    t.engine()
    out = t.must("run", "--rm", "busybox", "sh", "-c",
                 "ls /dev | tr '\\n' ' '; stat -c '%t:%T %a' /dev/null /dev/zero /dev/random /dev/tty; "
                 "echo x >/dev/null && echo y | tee /dev/stderr >/dev/shm/f")
    for name in ("fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr",
                 "stdin", "stdout", "tty", "urandom", "zero"):
        t.match(out, r"\b%s\b" % name)
    t.match(out, r"1:3 666\n1:5 666\n1:8 666\n5:0 666")
    t.eq(t.must("run", "--rm", "--device", "/dev/zero:/dev/mine", "busybox", "sh", "-c",
                "head -c 4 /dev/mine | wc -c"), "4")


@test
def init_reaps(t):
    t.engine()
    t.must("run", "-d", "--init", "--name", "ini", "busybox", "sh", "-c",
           "sh -c 'sleep 0.1 & exec sleep 0' ; exec sleep 100")
    t.match(t.must("exec", "ini", "cat", "/proc/1/cmdline"), r"init")
    time.sleep(0.5)
    t.eq(t.must("exec", "ini", "sh", "-c", "ps | grep -c '\\[sleep\\]' || true"), "0")


@test
def update_limits(t):
    t.engine()
    t.must("run", "-d", "--name", "upd", "-m", "100m", "--memory-swap", "200m", "busybox", "sleep", "100")
    t.must("update", "--memory", "50m", "--cpus", "0.7", "upd")
    t.eq(t.inspect("upd")["HostConfig"]["Memory"], 50 << 20)
    out = t.must("exec", "upd", "sh", "-c", "cd /sys/fs/cgroup; cat memory.max 2>/dev/null || "
                 "cat memory/memory.limit_in_bytes")
    t.eq(out, str(50 << 20))
