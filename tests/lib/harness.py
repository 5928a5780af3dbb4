"""harness.py - what a test is written with

	from harness import test

	@test(clients=("cove", "docker20"))
	def exit_status(t):
	    engine = t.engine()
	    t.eq(t.run("run", "--rm", "busybox", "sh", "-c", "exit 3").code, 3)

A test fails by an exception; t.ok, t.eq, t.match raise with a text. t.skip(what is missing)
skips. When it is over the harness removes all containers, stops the engines and fails the test
for whatever is left: mounts, cgroups, interfaces, processes, files.
"""
import os
import re
import subprocess
import sys
import traceback

import images
import sandbox
from engine import CACHE, PEERS, TOP, Engine, find_client
from sandbox import Failure, Skip, wait_for
from terminal import Terminal

TESTS = []
ROOT_LINKS = {"lo"}


class Test:
    """A registered test, once per client."""

    def __init__(self, name, fn, client, options):
        self.name, self.fn, self.client = name, fn, client
        self.seconds = options.get("seconds", 120)
        self.network = options.get("network", False)
        self.soak = options.get("soak", False)
        self.engine = options.get("engine")
        self.alone = options.get("alone", False)


def test(fn=None, **options):
    """Registers a test. Options: clients, seconds, network (a way out), soak, engine, alone."""
    def register(fn):
        module = sys.modules[fn.__module__].__dict__["TEST_NAME"]
        clients = options.get("clients", ("cove",))
        for client in clients:
            suffix = f"[{client}]" if len(clients) > 1 else ""
            TESTS.append(Test(f"{module}/{fn.__name__}{suffix}", fn, client, options))
        return fn
    return register(fn) if fn else register


class Context:
    """The t of a test."""

    def __init__(self, test, top, cgroup):
        self.test, self.top, self.cgroup = test, top, cgroup
        self.client = test.client
        self.engines = []
        self.cleanups = []
        self.sidecars = []
        self.own_mounts = []

    # --- asserting ------------------------------------------------------------------------

    def ok(self, value, what="expected to be true"):
        if not value:
            raise Failure(str(what))
        return value

    def eq(self, got, want, what=""):
        if got != want:
            raise Failure(f"{what}{': ' if what else ''}got {got!r}, expected {want!r}")

    def match(self, text, pattern, what=""):
        found = re.search(pattern, text, re.S | re.M)
        if not found:
            raise Failure(f"{what}{': ' if what else ''}{text[-1500:]!r} does not match {pattern!r}")
        return found

    def skip(self, why):
        raise Skip(why)

    def wait(self, what, seconds=10, why="the condition"):
        value = wait_for(what, seconds)
        if not value:
            raise Failure(f"{why} did not come about within {seconds} s")
        return value

    # --- engines and clients --------------------------------------------------------------

    def engine(self, *args, image="busybox", kind=None, name=None, start=True):
        """A running engine with the base image; the first one is t.run's."""
        kind = kind or self.test.engine or os.environ.get("COVE_TEST_ENGINE", "coved")
        top = os.path.join(self.top, name or f"e{len(self.engines)}")
        os.makedirs(top, exist_ok=True)
        engine = Engine(kind, top, self.cgroup, args)
        self.engines.append(engine)
        if start:
            engine.start()
            if image:
                images.give(engine, image)
        return engine

    def run(self, *args, **kwargs):
        return self.engines[0].run(kwargs.pop("client", self.client), *args, **kwargs)

    def must(self, *args, **kwargs):
        """run() that has to succeed; gives standard output without the last newline."""
        result = self.run(*args, **kwargs)
        if result.code != 0:
            raise Failure(f"{result}")
        return result.out.rstrip("\n")

    def fails(self, code, pattern, *args, **kwargs):
        """A command that has to fail with this status and say that, in one line or few."""
        result = self.run(*args, **kwargs)
        if result.code != code or not re.search(pattern, result.err, re.S):
            raise Failure(f"expected status {code} and {pattern!r}: {result}")
        return result

    def popen(self, *args, **kwargs):
        process = self.engines[0].popen(self.client, *args, **kwargs)
        self.cleanups.append(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process

    def terminal(self, *args, **kwargs):
        engine = self.engines[0]
        tty = Terminal(engine.argv(self.client, *args),
                       env={**engine.env(), "HOME": engine.top, "TERM": "xterm"}, **kwargs)
        self.cleanups.append(tty.close)
        return tty

    def inspect(self, name, kind="containers"):
        status, value, _ = self.engines[0].api("GET", f"/{kind}/{name}/json")
        self.eq(status, 200, f"inspect {name}: {value}")
        return value

    def state(self, name):
        return self.inspect(name)["State"]

    def path(self, *names):
        return os.path.join(self.top, *names)

    def write(self, name, data):
        path = self.path(name)
        with open(path, "wb" if isinstance(data, bytes) else "w") as f:
            f.write(data)
        return path

    # --- a way out of the sandbox ---------------------------------------------------------

    def network(self):
        """The sandbox gets a network as of a machine behind a router (10.0.2.100)."""
        program = os.path.join(PEERS, "slirp4netns")
        if not os.path.exists(program):
            raise Skip("slirp4netns is not in build/peers")
        if not os.path.exists("/dev/net/tun"):
            raise Skip("no /dev/net/tun")
        fd = int(os.environ["COVE_TEST_HOSTNET"])
        mine = os.open("/proc/self/ns/net", os.O_RDONLY)
        log = open(self.path("slirp.log"), "w")
        process = subprocess.Popen(
            [program, "--configure", "--mtu=1500", "--disable-host-loopback",
             "--netns-type=path", f"/proc/self/fd/{mine}", "tap0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(fd, mine),
            preexec_fn=lambda: sandbox.call(sandbox.libc.setns(fd, 0)))
        os.close(mine)
        self.sidecars.append(process)
        if not wait_for(lambda: "tap0" in sandbox.links() and has_route(), 10):
            raise Skip("slirp4netns did not start: " + open(self.path("slirp.log")).read()[-200:])
        resolv = self.write("resolv.conf", "nameserver 10.0.2.3\n")
        sandbox.call(sandbox.libc.mount(resolv.encode(), b"/etc/resolv.conf", None, 4096, None))
        ROOT_LINKS.add("tap0")

    # --- the end --------------------------------------------------------------------------

    def finish(self, before):
        """Everything goes; gives the list of what did not."""
        left = []
        for cleanup in reversed(self.cleanups):
            cleanup()
        for engine in self.engines:
            if engine.process and engine.process.poll() is None:
                engine.remove_all()
        left += self.left_behind(before)
        for engine in self.engines:
            code = engine.process and engine.process.poll()
            if code is not None:
                left.append(f"the engine had ended with {code}: {engine.log_tail()}")
            engine.stop()
        for sidecar in self.sidecars:
            sidecar.kill()
            sidecar.wait()
        mine = {1, os.getpid()}
        others = wait_for(lambda: not set(sandbox.processes()) - mine, 5)
        if not others:
            left += [f"process {pid}: {text[:120]}" for pid, text in sandbox.processes().items()
                     if pid not in mine]
        # The engine keeps some network namespaces ready; they go with it.
        wait_for(lambda: not veths(), 8)
        left += [f"left behind: interface {name}" for name in veths()]
        for engine in self.engines:
            left += engine.sanitizer_reports()
        return left

    def left_behind(self, before):
        """With all containers removed and the engines still up (their bridges may stay)."""
        if any(engine.kind != "coved" for engine in self.engines):
            return []
        left = []
        for what, look in (("mount", lambda: {m for m in set(sandbox.mounts()) - set(before["mounts"])
                                              if m.split(" ")[0] not in self.own_mounts}),
                           ("cgroup", lambda: set(sandbox.cgroups(self.cgroup)) -
                            set(parents(self.cgroup))),
                           ("process", self.stray_processes),
                           ("file", self.stray_files)):
            wait_for(lambda: not look(), 8)
            left += [f"left behind: {what} {name}" for name in sorted(look(), key=str)[:20]]
        return left

    def stray_processes(self):
        names = ("cove-shim", "cove-init", "cove-unpack", "cove-fetch")
        return {text[:100] for text in sandbox.processes().values()
                if any(name in text.split(" ")[0] for name in names)}

    def stray_files(self):
        out = set()
        for engine in self.engines:
            for path in (f"{engine.data}/tmp", f"{engine.data}/containers", f"{engine.exec}/shims"):
                if os.path.isdir(path):
                    out |= {os.path.join(path, name) for name in os.listdir(path)}
        return out


def veths():
    return [name for name in sandbox.links() if "veth" in name]


def parents(name):
    """The group of the test itself in each hierarchy, which the engine may make and keep."""
    return [path for path in sandbox.cgroups(name) if path.endswith("/" + name)]


def has_route():
    return any(line.split()[1] == "00000000" for line in open("/proc/net/route").readlines()[1:])


def run_test(test, top, cgroup):
    """In the sandbox: runs one test; gives the dictionary the runner prints."""
    t = Context(test, top, cgroup)
    status, message = "pass", ""
    before = {"mounts": sandbox.mounts()}
    try:
        if test.client:
            find_client(test.client)
        if test.network:
            t.network()
            before["mounts"] = sandbox.mounts()
        test.fn(t)
    except Skip as e:
        status, message = "skip", str(e)
    except BaseException as e:
        status, message = "fail", f"{type(e).__name__}: {e}\n" + where(e)
    try:
        left = t.finish(before)
    except BaseException as e:
        left = [f"at the end: {type(e).__name__}: {e}"]
    if left and status != "fail":
        status, message = "fail", "\n".join(left)
    elif left:
        message += "\n" + "\n".join(left)
    if status == "fail":
        message += "".join(f"\nlog of {e.kind}: {e.log_tail()}" for e in t.engines if e.log_tail())
    return {"status": status, "message": message}


def where(e):
    """The lines of the test that led to the exception."""
    return "".join(f"  {os.path.relpath(f.filename, TOP)}:{f.lineno}: {f.line}\n"
                   for f in traceback.extract_tb(e.__traceback__)
                   if "/lib/" not in f.filename)
