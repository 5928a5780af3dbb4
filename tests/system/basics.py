"""basics.py - run, exit statuses, output, input: with cove and with the stock clients"""
import hashlib
import os
import signal
import time

from harness import test

CLIENTS = ("cove", "docker", "docker20")


@test(clients=CLIENTS)
def exit_status(t):
    t.engine()
    for code in (0, 3, 255):
        t.eq(t.run("run", "--rm", "busybox", "sh", "-c", f"exit {code}").code, code)
    t.eq(t.run("run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?").code, 137)
    t.eq(t.run("run", "--rm", "--init", "busybox", "sh", "-c", "kill -15 $$").code, 143)


@test(clients=CLIENTS)
def exit_status_errors(t):
    t.engine()
    t.fails(127, "nosuch", "run", "--rm", "busybox", "nosuch")
    t.fails(126, "permission denied", "run", "--rm", "busybox", "/etc/passwd")
    t.fails(125, "unknown flag: --nosuch", "run", "--nosuch", "busybox")
    t.fails(125, "No such image|Unable to find image", "run", "--pull", "never", "nosuch:1") \
        if t.client != "docker20" else None
    t.eq(t.must("ps", "-aq"), "")


@test(clients=CLIENTS)
def output_goes_where_it_should(t):
    t.engine()
    r = t.run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    t.eq((r.out, r.err, r.code), ("out\n", "err\n", 0))


@test(clients=CLIENTS)
def input_and_its_end(t):
    t.engine()
    r = t.run("run", "--rm", "-i", "busybox", "cat", stdin=b"one\ntwo\n")
    t.eq((r.out, r.code), ("one\ntwo\n", 0))
    r = t.run("run", "--rm", "-i", "busybox", "sh", "-c", "wc -c; echo done", stdin=b"x" * 300000)
    t.eq(r.out.split(), ["300000", "done"])
    r = t.run("run", "--rm", "busybox", "cat", stdin=b"not for it")
    t.eq((r.out, r.code), ("", 0))


@test(clients=CLIENTS)
def much_output_is_whole(t):
    t.engine()
    script = "i=0; while [ $i -lt 200 ]; do head -c 16000 /dev/zero | tr '\\0' a; echo; i=$((i+1)); done"
    want = hashlib.sha256((b"a" * 16000 + b"\n") * 200).hexdigest()
    r = t.run("run", "--name", "big", "busybox", "sh", "-c", script)
    t.eq(hashlib.sha256(r.out.encode()).hexdigest(), want, "attached")
    r = t.run("logs", "big")
    t.eq(hashlib.sha256(r.out.encode()).hexdigest(), want, "logs")


@test(clients=CLIENTS)
def a_days_work(t):
    """run -d, ps, logs -f, exec, stop, start, restart, rm -f."""
    t.engine()
    id_ = t.must("run", "-d", "--name", "web", "busybox", "sh", "-c",
                 "trap 'echo bye; exit 4' TERM; i=0; while :; do echo line $i; i=$((i+1)); "
                 "sleep 0.1; done")
    t.match(id_, r"^[0-9a-f]{64}$")
    t.match(t.must("ps"), r"web\s*$")
    t.match(t.must("ps", "--format", "{{.Names}} {{.State}}"), r"^web running$") \
        if t.client != "docker20" else None
    follow = t.popen("logs", "-f", "web")
    t.eq(t.must("exec", "web", "sh", "-c", "echo in; hostname"), f"in\n{id_[:12]}")
    t.eq(t.run("exec", "web", "sh", "-c", "exit 7").code, 7)
    t.eq(t.run("exec", "-i", "web", "cat", stdin=b"hello").out, "hello")
    time.sleep(0.5)
    t.eq(t.must("stop", "web"), "web")
    text = follow.communicate(timeout=10)[0].decode()
    t.match(text, r"^line 0\nline 1\n.*line \d+\nbye\n$")
    t.eq(t.state("web")["ExitCode"], 4)
    t.eq(t.must("wait", "web"), "4")
    t.eq(t.must("start", "web"), "web")
    t.ok(t.state("web")["Running"])
    t.eq(t.must("restart", "-t", "1", "web"), "web")
    t.ok(t.state("web")["Running"])
    t.fails(1, "already in use", "create", "--name", "web", "busybox")
    t.fails(1, "running", "rm", "web")
    t.eq(t.must("rm", "-f", "web"), "web")
    t.eq(t.must("ps", "-aq"), "")


@test(clients=CLIENTS)
def names_and_prefixes(t):
    t.engine()
    id_ = t.must("create", "--name", "one", "busybox", "true")
    t.eq(t.must("inspect", "-f", "{{.Name}}", id_[:6]), "/one")
    t.fails(125, "is already in use by container", "run", "--name", "one", "busybox")
    t.fails(1, "No such container: two", "start", "two")
    t.must("rename", "one", "two")
    t.eq(t.must("inspect", "-f", "{{.Name}} {{.State.Status}}", "two"), "/two created")
    t.fails(1, r"(?i)no such (object|container): one", "inspect", "one")
    t.match(t.must("run", "-d", "busybox", "true"), r"^\w{64}$")
    t.match(t.must("ps", "-a", "--format", "{{.Names}}"), r"[a-z]+_[a-z]+\d?")


@test(clients=CLIENTS)
def logs_options(t):
    t.engine()
    t.must("run", "--name", "log1", "busybox", "sh", "-c",
           "for i in 1 2 3 4 5; do echo out $i; done; echo err >&2")
    r = t.run("logs", "log1")
    t.eq((r.out, r.err), ("".join(f"out {i}\n" for i in range(1, 6)), "err\n"))
    t.match(t.must("logs", "-t", "log1"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z out 1$")
    r = t.run("logs", "--tail", "3", "log1")
    t.eq(len((r.out + r.err).splitlines()), 3)
    t.eq(t.must("logs", "--since", "1h", "log1").count("\n"), 4)
    t.eq(t.run("logs", "--until", "1h", "log1").out, "")


@test(clients=CLIENTS)
def signals_reach_the_process(t):
    t.engine()
    p = t.popen("run", "--name", "sig1", "busybox", "sh", "-c",
                "trap 'echo got; exit 9' INT; echo ready; while :; do sleep 0.05; done")
    t.eq(p.stdout.readline(), b"ready\n")
    os.kill(p.pid, signal.SIGINT)
    t.eq(p.stdout.read(), b"got\n")
    t.eq(p.wait(10), 9)
    t.must("run", "-d", "--name", "kil1", "busybox", "sleep", "100")
    t.must("kill", "-s", "KILL", "kil1")
    t.eq(t.must("wait", "kil1"), "137")


@test(clients=CLIENTS)
def pause_and_top(t):
    t.engine()
    t.must("run", "-d", "--name", "pau1", "busybox", "sh", "-c", "while :; do echo x; sleep 0.05; done")
    t.match(t.must("top", "pau1"), r"PID.*(CMD|COMMAND).*\n.*while")
    t.must("pause", "pau1")
    t.match(t.must("ps"), r"\(Paused\)")
    n = t.run("logs", "pau1").out.count("x")
    time.sleep(0.4)
    t.eq(t.run("logs", "pau1").out.count("x"), n)
    t.must("unpause", "pau1")
    t.wait(lambda: t.run("logs", "pau1").out.count("x") > n)
    t.must("rm", "-f", "pau1")


@test(clients=CLIENTS)
def rm_option_removes(t):
    t.engine()
    t.must("run", "--rm", "-d", "--name", "gone", "busybox", "true")
    t.wait(lambda: t.must("ps", "-aq") == "", why="removal by --rm")


@test(clients=CLIENTS)
def environment_user_workdir(t):
    t.engine()
    t.eq(t.must("run", "--rm", "-e", "A=1", "-e", "B=two words", "busybox", "sh", "-c",
                "echo $A $B $HOME $HOSTNAME $PATH", "-h") .split(" ")[:3], ["1", "two", "words"])
    t.eq(t.must("run", "--rm", "-u", "nobody", "busybox", "id", "-un"), "nobody")
    t.eq(t.must("run", "--rm", "-u", "33:65534", "busybox", "sh", "-c", "id -u; id -g"), "33\n65534")
    t.eq(t.must("run", "--rm", "-w", "/new/dir", "busybox", "pwd"), "/new/dir")
    t.eq(t.must("run", "--rm", "--hostname", "box", "busybox", "hostname"), "box")
    t.eq(t.must("run", "--rm", "--entrypoint", "echo", "busybox", "a", "b"), "a b")
    t.fails(125, "unable to find user nosuch", "run", "--rm", "-u", "nosuch", "busybox", "true") \
        if t.client == "cove" else None


@test(clients=CLIENTS)
def bind_mounts_and_tmpfs(t):
    t.engine()
    t.write("file", "from the host\n")
    os.mkdir(t.path("dir"))
    t.eq(t.must("run", "--rm", "-v", t.path("file") + ":/f:ro", "busybox", "cat", "/f"),
         "from the host")
    t.fails(1, "Read-only", "run", "--rm", "-v", t.path("dir") + ":/d:ro", "busybox", "touch", "/d/x")
    t.must("run", "--rm", "--mount", f"type=bind,src={t.path('dir')},dst=/d", "busybox", "touch", "/d/x")
    t.ok(os.path.exists(t.path("dir", "x")))
    t.match(t.must("run", "--rm", "--tmpfs", "/t:size=1m", "busybox", "mount"), r"tmpfs on /t type tmpfs .*size=1024k")
    t.fails(1, "Read-only", "run", "--rm", "--read-only", "busybox", "touch", "/x")


@test(clients=CLIENTS)
def copy_in_and_out(t):
    t.engine()
    t.must("run", "-d", "--name", "cop1", "busybox", "sleep", "100")
    t.write("file", "content\n")
    t.must("cp", t.path("file"), "cop1:/root/copied")
    t.eq(t.must("exec", "cop1", "cat", "/root/copied"), "content")
    t.must("exec", "cop1", "sh", "-c", "echo inside >/tmp/made")
    t.must("cp", "cop1:/tmp/made", t.path("out"))
    t.eq(open(t.path("out")).read(), "inside\n")
    t.match(t.must("diff", "cop1"), r"A /root/copied")
