"""health.py - health checks"""
from harness import test


def status(t, name):
    return t.inspect(name)["State"]["Health"]["Status"]


@test
def health_follows_the_probe(t):
    t.engine()
    t.must("run", "-d", "--name", "one", "--health-cmd", "echo looked; test -e /ok", "--health-interval", "200ms",
           "--health-retries", "2", "busybox", "sleep", "1000")
    t.eq(status(t, "one"), "starting")
    t.wait(lambda: status(t, "one") == "unhealthy", 20, "unhealthy")
    log = t.inspect("one")["State"]["Health"]["Log"]
    t.eq((log[-1]["ExitCode"], log[-1]["Output"]), (1, "looked\n"))
    t.ok(len(log) <= 5)
    t.match(t.must("ps", "--filter", "health=unhealthy", "--format", "{{.Status}}"), r"\(unhealthy\)$")
    t.must("exec", "one", "touch", "/ok")
    t.wait(lambda: status(t, "one") == "healthy", 20, "healthy")
    t.must("rm", "-f", "one")


@test
def health_timeout_and_restart_of_the_engine(t):
    e = t.engine()
    t.must("run", "-d", "--name", "slow", "--health-cmd", "sleep 60", "--health-interval", "200ms",
           "--health-timeout", "300ms", "--health-retries", "1", "busybox", "sleep", "1000")
    t.wait(lambda: status(t, "slow") == "unhealthy", 20, "unhealthy")
    log = t.inspect("slow")["State"]["Health"]["Log"][-1]
    t.eq(log["ExitCode"], -1)
    t.match(log["Output"], r"^Health check exceeded timeout")
    e.restart()
    t.wait(lambda: t.inspect("slow")["State"]["Health"]["Log"], 20, "probes go on")
    t.must("rm", "-f", "slow")
