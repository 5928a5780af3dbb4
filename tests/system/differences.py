"""differences.py - the same commands of the stock client against dockerd and coved, side by side

Output, exit status and inspect are compared after what differs by nature (ids, times, addresses,
generated names) is replaced. tests/docker-differences.txt lists the differences that stay.
"""
import fnmatch
import json
import os
import re
import subprocess

from engine import PEERS, TOP
from harness import test

STEPS = [
    ("run-echo", "run --rm busybox echo hello"),
    ("run-exit", "run --rm busybox sh -c 'exit 12'"),
    ("run-stderr", "run --rm busybox sh -c 'echo e >&2'"),
    ("run-notfound", "run --rm busybox nosuch"),
    ("run-noexec", "run --rm busybox /etc/passwd"),
    ("run-noimage", "run --rm nosuch-image:none true"),
    ("run-d", "run -d --name one -l k=v -e A=b -m 64m --restart on-failure:3 -w /tmp busybox sleep 1000"),
    ("ps", "ps"),
    ("ps-format", "ps --format '{{.Names}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Ports}}|{{.Labels}}|{{.Networks}}'"),
    ("ps-a-q", "ps -aq"),
    ("inspect-run", "inspect one"),
    ("exec", "exec one sh -c 'echo in; exit 3'"),
    ("exec-env", "exec one env"),
    ("exec-id", "exec one id"),
    ("exec-mount", "exec one sh -c \"mount | sed 's/^overlay on .*/overlay/; s/(.*//' | grep -v cgroup | sort\""),
    ("exec-limits", "exec one sh -c 'ulimit -a'"),
    ("exec-status", "exec one grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status"),
    ("exec-files", "exec one stat -c '%A %U %G %n' /dev/full /dev/mqueue /dev/null /dev/ptmx /dev/pts /dev/random "
                   "/dev/shm /dev/tty /dev/zero /etc/hosts /etc/hostname /etc/resolv.conf /.dockerenv /tmp"),
    ("exec-hosts", "exec one cat /etc/hosts"),
    ("exec-cwd", "exec one pwd"),
    ("exec-notfound", "exec one nosuch"),
    ("top", "top one -eo pid,comm"),
    ("rm-running", "rm one"),
    ("start-running", "start one"),
    ("stop", "stop -t 0 one"),
    ("stop-stopped", "stop one"),
    ("ps-stopped", "ps -a"),
    ("inspect-stopped", "inspect one"),
    ("exec-stopped", "exec one true"),
    ("kill-stopped", "kill one"),
    ("logs", "logs one"),
    ("start", "start one"),
    ("pause", "pause one"),
    ("ps-paused", "ps"),
    ("exec-paused", "exec one true"),
    ("pause-again", "pause one"),
    ("unpause", "unpause one"),
    ("unpause-again", "unpause one"),
    ("rename", "rename one two"),
    ("rename-same", "rename two two"),
    ("kill", "kill two"),
    ("wait", "wait two"),
    ("diff", "diff two"),
    ("rm", "rm two"),
    ("rm-again", "rm two"),
    ("create", "create --name cr --read-only --cap-add NET_ADMIN --cap-drop MKNOD --ulimit nofile=100:200 "
               "--tmpfs /t -v /tmp:/h:ro --hostname hh --user 1:2 --init --shm-size 32m --pids-limit 10 "
               "--cpus 0.5 --cpu-shares 100 --oom-score-adj 10 --sysctl net.core.somaxconn=100 "
               "--stop-signal INT --stop-timeout 3 --log-opt max-size=1m --network none busybox echo x"),
    ("inspect-create", "inspect cr"),
    ("start-a", "start -a cr"),
    ("logs-cr", "logs cr"),
    ("create-conflict", "create --name cr busybox"),
    ("rm-cr", "rm -v cr"),
    ("create-badname", "create --name -bad busybox"),
    ("images", "images"),
    ("images-format", "images --format '{{.Repository}}:{{.Tag}} {{.Size}}'"),
    ("tag", "tag busybox other:tag"),
    ("tag-bad", "tag busybox Other:tag"),
    ("image-inspect", "image inspect busybox"),
    ("history", "history --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}' busybox"),
    ("rmi", "rmi other:tag"),
    ("rmi-nosuch", "rmi other:tag"),
    ("inspect-nosuch", "inspect nosuch"),
    ("logs-nosuch", "logs nosuch"),
    ("start-nosuch", "start nosuch"),
    ("attach-nosuch", "attach nosuch"),
    ("network-ls", "network ls"),
    ("bad-filter", "ps --filter nosuch=x"),
    ("bad-memory", "run -m 1m busybox true"),
    ("bad-cpus", "run --cpus 1000 busybox true"),
    ("bad-user", "run --rm -u nosuch busybox true"),
    ("bad-cap", "run --rm --cap-add NOSUCH busybox true"),
    ("bad-mount", "run --rm -v relative/path:/x/y busybox true"),
    ("bad-mount2", "run --rm --mount type=bind,src=/no/such,dst=/x busybox true"),
    ("bad-workdir", "run --rm -w relative busybox true"),
    ("bad-device", "run --rm --device /dev/nosuch busybox true"),
    ("bad-network", "run --rm --network nosuch busybox true"),
    ("bad-log", "run --rm --log-driver nosuch busybox true"),
    ("bad-runtime", "run --rm --runtime nosuch busybox true"),
    ("ps-end", "ps -a"),
]

REPLACE = [
    (r"\b[0-9a-f]{64}\b", "<ID64>"),
    (r"\b[0-9a-f]{12}\b", "<ID12>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<TIME>"),
    (r"\b(About an? \w+|Less than a second|\d+ \w+) ago", "<AGO>"),
    (r"Up (About an? \w+|Less than a second|\d+ \w+)", "Up <LONG>"),
    (r"\b172\.\d+\.\d+\.\d+\b", "<ADDRESS>"),
    (r"\b02:42(:[0-9a-f]{2}){4}\b", "<MAC>"),
    (r"\b[a-z]+_[a-z]+\b", "<NAME>"),
    (r"^(PID +COMMAND)\n\d+", r"\1\n<PID>"),
    (r'time="[^"]*"', 'time="<TIME>"'),
    (r" +\n", "\n"),
    (r"[ \t]{2,}", "  "),
]
BY_NATURE = ("Id", "Created", "Pid", "StartedAt", "FinishedAt", "SandboxID", "SandboxKey", "EndpointID",
             "NetworkID", "MacAddress", "IPAddress", "Gateway", "LastTagTime", "Image", "Hostname", "Parent")


def clean(text, top):
    text = text.replace(top, "<TOP>")
    for pattern, by in REPLACE:
        text = re.sub(pattern, by, text)
    return text.rstrip()


def flatten(value, path=""):
    """JSON as {path: leaf}."""
    if isinstance(value, dict) and value:
        out = {}
        for key, v in value.items():
            if key not in BY_NATURE:
                out.update(flatten(v, f"{path}.{key}"))
        return out
    if isinstance(value, list) and value and path != "":
        out = {}
        for i, v in enumerate(value):
            out.update(flatten(v, f"{path}[{i}]"))
        return out
    if isinstance(value, list) and value:
        return flatten(value[0], path)
    return {path: value}


def differing(step, a, b):
    """[(what, dockerd's, coved's)]"""
    out = []
    if a.code != b.code:
        out.append(("code", a.code, b.code))
    texts = [(clean(r.out, r.top), clean(r.err, r.top)) for r in (a, b)]
    if "inspect" in step and a.code == 0 and b.code == 0:
        flat = [flatten(json.loads(text[0])) for text in texts]
        for path in sorted(set(flat[0]) | set(flat[1])):
            pair = [f.get(path, "<absent>") for f in flat]
            if pair[0] != pair[1]:
                out.append((path, *pair))
    elif texts[0][0] != texts[1][0]:
        out.append(("stdout", texts[0][0], texts[1][0]))
    if texts[0][1] != texts[1][1]:
        out.append(("stderr", texts[0][1], texts[1][1]))
    return out


def allowed():
    out = []
    for line in open(os.path.join(TOP, "tests/docker-differences.txt")):
        if line.strip() and not line.startswith("#"):
            step, what, _ = (part.strip() for part in line.split("|", 2))
            out.append((step, what.replace("[", "[[]")))
    return out


def session(t, kind):
    import shlex
    e = t.engine(kind=kind, name=kind)
    results = []
    for name, words in STEPS:
        r = e.run("docker20", *shlex.split(words), env={"TZ": "UTC"}, seconds=90)
        r.top = e.top
        results.append(r)
    e.remove_all()
    e.stop()
    return results


@test(seconds=400)
def no_difference_a_user_sees(t):
    if not os.path.exists(os.path.join(PEERS, "dockerd")):
        t.skip("dockerd is not in build/peers")
    docker = session(t, "dockerd")
    subprocess.run("ip link del docker0; nft flush ruleset", shell=True, stderr=subprocess.DEVNULL)
    cove = session(t, "coved")
    rules = allowed()
    bad = []
    for (name, words), a, b in zip(STEPS, docker, cove):
        for what, theirs, ours in differing(name, a, b):
            if not any(fnmatch.fnmatchcase(name, s) and fnmatch.fnmatchcase(what, w) for s, w in rules):
                bad.append(f"{name}: {what}\n    dockerd: {theirs!r}\n    coved:   {ours!r}")
    t.ok(not bad, f"{len(bad)} differences\n" + "\n".join(bad))
