"""daemon_killed.py - kill -9 of coved: containers live on, and a new coved takes them over"""
import os
import time

from harness import test

LOOP = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done"


@test(clients=("cove", "docker20"))
def containers_live_on(t):
    e = t.engine()
    t.must("run", "-d", "--name", "live", "busybox", "sh", "-c", LOOP)
    pid = t.state("live")["Pid"]
    started = t.state("live")["StartedAt"]
    e.kill()
    time.sleep(1)
    os.kill(pid, 0)
    e.start()
    state = t.state("live")
    t.eq((state["Running"], state["Pid"], state["StartedAt"]), (True, pid, started))
    t.eq(t.must("exec", "live", "echo", "in"), "in")
    lines = t.must("logs", "live").split("\n")
    t.eq(lines, [str(i) for i in range(len(lines))], "the log has gaps")
    t.ok(len(lines) > 8, lines)
    t.must("stop", "-t", "1", "live")
    t.eq(t.must("wait", "live"), "137")


@test
def many_containers_live_on(t):
    """All of a hundred (few without soak) are running after a restart, and usable."""
    count = 100 if os.environ.get("COVE_SOAK") else 12
    e = t.engine()
    for i in range(count):
        t.must("run", "-d", "--name", f"many{i}", "busybox", "sh", "-c", f"echo I am {i}; exec sleep 1000")
    e.kill()
    e.start()
    t.eq(len(t.must("ps", "-q").split()), count)
    for i in range(count):
        t.eq(t.must("logs", f"many{i}"), f"I am {i}")
        t.eq(t.must("exec", f"many{i}", "echo", str(i)), str(i))
    waiting = t.popen("wait", "many0")
    time.sleep(0.2)
    t.must("stop", "-t", "0", "many0")
    t.eq(waiting.communicate(timeout=10)[0], b"137\n")
    t.must("rm", "-f", *[f"many{i}" for i in range(count)], seconds=300)
    t.eq(t.must("ps", "-aq"), "")


@test(soak=True, seconds=1200)
def a_hundred_containers_live_on(t):
    many_containers_live_on(t)


@test
def exits_without_a_daemon_are_known(t):
    e = t.engine()
    for name, code in (("zero", 0), ("seven", 7), ("late", 3)):
        t.must("run", "-d", "--name", name, "busybox", "sh", "-c",
               f"sleep {'2.5' if name == 'late' else '0.6'}; echo end of {name}; exit {code}")
    t.must("run", "-d", "--name", "killed", "busybox", "sleep", "1000")
    pid = t.state("killed")["Pid"]
    e.kill()
    os.kill(pid, 9)
    time.sleep(1)
    e.start()
    for name, code in (("zero", 0), ("seven", 7), ("killed", 137)):
        state = t.state(name)
        t.eq((state["Status"], state["ExitCode"], state["Running"]), ("exited", code, False), name)
        t.ok(state["FinishedAt"] > state["StartedAt"], state)
    t.eq(t.must("wait", "seven"), "7")
    t.eq(t.must("logs", "seven"), "end of seven")
    t.eq(t.must("wait", "late"), "3")


@test
def restart_always_without_a_daemon(t):
    """The shim restarts it: it is back before coved is."""
    e = t.engine()
    t.must("run", "-d", "--restart", "always", "--name", "ever", "busybox", "sh", "-c",
           "echo start; exec sleep 1000")
    first = t.state("ever")["Pid"]
    e.kill()
    os.kill(first, 9)
    t.wait(lambda: running_sleeps(first), 10, "the restart")
    e.start()
    state = t.state("ever")
    t.ok(state["Running"])
    t.ok(state["Pid"] != first)
    t.eq(t.inspect("ever")["RestartCount"], 1)
    t.eq(t.must("logs", "ever"), "start\nstart")
    t.must("stop", "-t", "0", "ever")
    time.sleep(0.5)
    t.ok(not t.state("ever")["Running"], "a stopped container stays stopped")


def running_sleeps(but):
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != but:
            try:
                if open(f"/proc/{name}/cmdline").read() == "sleep\0" + "1000\0":
                    return int(name)
            except OSError:
                pass
    return 0


@test
def restart_policies(t):
    t.engine()
    t.must("run", "-d", "--restart", "on-failure:2", "--name", "thrice", "busybox", "sh", "-c", "echo x; exit 1")
    t.wait(lambda: t.state("thrice")["Status"] == "exited", 20)
    t.eq(t.must("logs", "thrice"), "x\nx\nx")
    t.eq(t.inspect("thrice")["RestartCount"], 2)
    t.must("run", "-d", "--restart", "on-failure", "--name", "fine", "busybox", "true")
    t.eq(t.must("wait", "fine"), "0")
    time.sleep(0.5)
    t.eq(t.inspect("fine")["RestartCount"], 0)


@test
def always_comes_back_with_the_daemon(t):
    """After an orderly end of everything (as at a reboot) the policy decides what starts."""
    e = t.engine()
    t.must("run", "-d", "--restart", "unless-stopped", "--name", "stopped", "busybox", "sleep", "1000")
    t.must("stop", "-t", "0", "stopped")
    e.kill()
    e.start()
    time.sleep(0.5)
    t.ok(not t.state("stopped")["Running"])


@test(clients=("cove", "docker20"))
def an_attached_client_goes_on(t):
    """The stream belongs to the shim: the client does not see the daemon die."""
    e = t.engine()
    tty = t.terminal("run", "-it", "--name", "att", "busybox", "sh")
    tty.expect(r"# ")
    t.wait(lambda: t.state("att")["Running"])
    time.sleep(1)  # the client has its answer to "start" by now; nothing shows that from outside
    e.kill()
    tty.send("echo still $((20+2))\r")
    tty.expect(r"still 22")
    e.start()
    tty.send("echo again $((20+3))\r")
    tty.expect(r"again 23")
    t.ok(t.state("att")["Running"])
    tty.send("exit 0\r")
    tty.wait(20)
    t.wait(lambda: t.state("att")["Status"] == "exited")


@test
def killed_at_any_moment(t):
    """kill -9 while containers come and go: the store stays usable, nothing is left."""
    e = t.engine()
    for n in range(12 if os.environ.get("COVE_SOAK") else 4):
        ps = [e.popen("cove", "run", "--rm", "busybox", "true") for _ in range(3)]
        time.sleep(0.03 * n)
        e.kill()
        for p in ps:
            try:
                p.communicate(timeout=15)
            except Exception:
                p.kill()
        e.start()
        t.eq(t.run("run", "--rm", "busybox", "echo", "ok").out, "ok\n")
    e.remove_all()
    t.wait(lambda: t.must("ps", "-aq") == "")


@test
def import_killed(t):
    """A daemon killed in the middle of an import leaves no half image and no file."""
    from images import tar_of
    e = t.engine()
    p = e.popen("cove", "import", "-", "half:1", stdin=-1)
    with open(tar_of("busybox"), "rb") as f:
        p.stdin.write(f.read(700000))
        p.stdin.flush()
    time.sleep(0.3)
    e.kill()
    p.kill()
    p.communicate()
    e.start()
    t.eq(t.must("images", "-q", "half"), "")
    t.eq(os.listdir(os.path.join(e.data, "tmp")), [])
    t.must("run", "--rm", "busybox", "true")


@test
def orderly_end(t):
    """SIGTERM: coved ends at once, its socket and pid file go, containers stay."""
    e = t.engine()
    t.must("run", "-d", "--name", "stay", "busybox", "sleep", "1000")
    pid = t.state("stay")["Pid"]
    t.eq(e.stop(5), 0)
    os.kill(pid, 0)
    t.ok(not os.path.exists(e.socket), "the socket is left")
    t.ok(not os.path.exists(os.path.join(e.top, "engine.pid")), "the pid file is left")
    e.start()
    t.eq(t.state("stay")["Pid"], pid)


@test
def shim_killed(t):
    """Without its shim a container does not go on unseen."""
    import sandbox
    e = t.engine()
    t.must("run", "-d", "--name", "orphan", "busybox", "sleep", "1000")
    t.must("exec", "-d", "orphan", "sleep", "1000")
    execs = t.inspect("orphan")["ExecIDs"]
    t.eq(len(execs), 1)
    shims = [pid for pid, text in sandbox.processes().items() if "cove-shim" in text.split(" ")[0]]
    t.ok(shims, sandbox.processes())
    for pid in shims:
        os.kill(pid, 9)
    t.wait(lambda: not t.state("orphan")["Running"], 10, "the end of the container")
    t.eq(e.api("GET", f"/exec/{execs[0]}/json")[1]["Running"], False)
    t.must("start", "orphan")
    t.ok(t.state("orphan")["Running"])
