"""load.py - many clients at once"""
import concurrent.futures
import os

from harness import test


@test(clients=("cove", "docker20"), seconds=400)
def many_runs_at_once(t):
    """Each gets its own output, whole, and its own status."""
    t.engine()
    count = 400 if os.environ.get("COVE_SOAK") else 40

    def one(i):
        r = t.run("run", "--rm", "busybox", "sh", "-c", f"echo out {i}; echo err {i} >&2; exit {i % 200}", seconds=200)
        return (r.out, r.err, r.code) == (f"out {i}\n", f"err {i}\n", i % 200) or str(r)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bad = [r for r in pool.map(one, range(count)) if r is not True]
    t.ok(not bad, f"{len(bad)} of {count}: {bad[:3]}")
    t.wait(lambda: t.must("ps", "-aq") == "")


@test(seconds=300)
def stops_do_not_wait_for_each_other(t):
    """Twelve stops of deaf containers take as long as one; others are served meanwhile."""
    import time
    e = t.engine()
    names = [f"deaf{i}" for i in range(12)]
    for name in names:
        t.must("run", "-d", "--name", name, "busybox", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    start = time.monotonic()
    stops = [t.popen("stop", "-t", "3", name) for name in names]
    time.sleep(0.3)
    t.eq(e.api("GET", "/version", timeout=2)[0], 200)
    t.eq(t.must("exec", names[0], "echo", "here"), "here")
    for p in stops:
        t.eq(p.wait(30), 0)
    took = time.monotonic() - start
    t.ok(2.9 < took < 9, f"{took:.1f} s")


@test
def removal_while_running(t):
    """rm -f, stop, kill and exec of the same container at once: one wins, nothing hangs."""
    t.engine()
    for i in range(5):
        t.must("run", "-d", "--name", "race", "busybox", "sleep", "1000")
        ps = [t.popen(*args) for args in (("rm", "-f", "race"), ("stop", "-t", "1", "race"),
                                          ("kill", "race"), ("exec", "race", "true"), ("rm", "-f", "race"))]
        for p in ps:
            p.wait(20)
        t.wait(lambda: t.must("ps", "-aq") == "")
