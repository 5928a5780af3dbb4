"""lib.py - what the benchmarks share: engines in a sandbox, processor time and memory of each

A contestant's processes are in a cgroup of its own, the containers it makes in a group below, so
that the processor time of all of them is one number: client, daemon, shims, the container.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
sys.dont_write_bytecode = True
os.environ.setdefault("COVE_BUILD", os.path.join(TOP, "build"))
os.environ.setdefault("COVE_TEST_ENGINE", "coved")

import images  # noqa: E402
import sandbox  # noqa: E402
from engine import PEERS, Engine  # noqa: E402

V1 = os.path.isdir("/sys/fs/cgroup/cpuacct")
BASE = "/sys/fs/cgroup/cpuacct" if V1 else "/sys/fs/cgroup"


class Group:
    """A cgroup: where its processes are, where containers go, what both used."""

    def __init__(self, top, name):
        self.path = os.path.join(BASE, top, name)
        self.parent = f"{top}/{name}/c"
        os.makedirs(os.path.join(self.path, "self"), exist_ok=True)

    def join(self):
        file = "tasks" if V1 else "cgroup.procs"
        with open(os.path.join(self.path, "self", file), "w") as f:
            f.write("0")

    def used(self):
        """Processor time in milliseconds."""
        if V1:
            return int(open(os.path.join(self.path, "cpuacct.usage")).read()) / 1e6
        for line in open(os.path.join(self.path, "cpu.stat")):
            if line.startswith("usage_usec"):
                return int(line.split()[1]) / 1e3
        return 0


class Contestant:
    """start() brings up what it needs; argv(network) is one run of `true`."""

    def __init__(self, name, top, cgroup):
        self.name, self.top = name, os.path.join(top, name)
        os.makedirs(self.top)
        self.group = Group(cgroup, name)

    def start(self):
        pass

    def stop(self):
        pass

    def inside(self):
        """In the process that runs the commands."""


class EngineContestant(Contestant):
    kind, client = "coved", "cove"

    def start(self):
        pid = os.getpid()
        self.engine = Engine(self.kind, self.top, self.group.parent)
        join_and(self.group, self.engine.start)
        images.give(self.engine, "busybox")
        assert pid == os.getpid()

    def stop(self):
        self.engine.remove_all()
        self.engine.stop()

    def argv(self, network):
        return self.engine.argv(self.client, "run", "--rm", "--network", network, "busybox", "true")


class Cove(EngineContestant):
    pass


class Docker(EngineContestant):
    kind, client = "dockerd", "docker20"


class Podman(Contestant):
    def start(self):
        self.base = [os.path.join(PEERS, "podman"), "--root", self.top + "/root", "--runroot",
                     self.top + "/run", "--tmpdir", self.top + "/tmp", "--cgroup-manager", "cgroupfs",
                     "--runtime", os.path.join(PEERS, "crun"), "--conmon", os.path.join(PEERS, "../root/usr/bin/conmon"),
                     "--storage-driver", "overlay", "--events-backend", "file"]
        os.environ["HOME"] = self.top
        os.makedirs(self.top + "/.config/containers")
        with open(self.top + "/.config/containers/policy.json", "w") as f:
            f.write('{"default": [{"type": "insecureAcceptAnything"}]}')
        done = subprocess.run([*self.base, "import", images.tar_of("busybox"), "busybox:latest"],
                              capture_output=True, text=True)
        if done.returncode:
            raise sandbox.Skip("podman import: " + done.stderr[-200:])

    def inside(self):
        without_unified()

    def argv(self, network):
        if network == "bridge":
            return None
        return [*self.base, "run", "--rm", "--network", "none", "--cgroups", "no-conmon",
                "--cgroup-parent", "/" + self.group.parent, "--ulimit", "nofile=1024:1024",
                "--ulimit", "nproc=1024:1024", "localhost/busybox", "true"]


class Crun(Contestant):
    def start(self):
        self.bundle = self.top + "/bundle"
        os.makedirs(self.bundle + "/rootfs")
        subprocess.run(["tar", "xf", images.tar_of("busybox"), "-C", self.bundle + "/rootfs"], check=True)
        subprocess.run([os.path.join(PEERS, "crun"), "spec"], cwd=self.bundle, check=True)
        path = self.bundle + "/config.json"
        spec = json.load(open(path))
        spec["process"].update(terminal=False, args=["true"], rlimits=[])
        spec["linux"]["cgroupsPath"] = "/" + self.group.parent + "/crun"
        json.dump(spec, open(path, "w"))
        self.count = 0

    def inside(self):
        # Not by its wrapper script, which would count.
        os.environ["LD_LIBRARY_PATH"] = os.path.join(PEERS, "../root/usr/lib", os.uname().machine + "-linux-gnu")
        without_unified()

    def argv(self, network):
        if network == "bridge":
            return None
        self.count += 1
        program = os.path.join(PEERS, "../root/usr/bin/crun")
        return [program, "--root", self.top + "/state", "run", "--bundle", self.bundle, f"c{self.count}"]


def without_unified():
    """crun 1.8 refuses a machine with both kinds of cgroups: show it only the first kind."""
    if V1 and os.path.ismount("/sys/fs/cgroup/unified"):
        sandbox.unshare(sandbox.CLONE_NEWNS)
        sandbox.mount("none", "/", "none", sandbox.MS_REC | sandbox.MS_PRIVATE)
        subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)


def join_and(group, what):
    """Calls what() in a moment when this process is in the group; its children stay there."""
    own = "/sys/fs/cgroup/cpuacct/tasks" if V1 else None
    old = "/sys/fs/cgroup" + open("/proc/self/cgroup").read().strip().rpartition(":")[2]
    group.join()
    try:
        return what()
    finally:
        with open(own or os.path.join(old, "cgroup.procs"), "w") as f:
            f.write("0")


def pss(pid):
    """Proportional share of memory of a process in KiB."""
    try:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def in_sandbox(body, seconds=1800):
    """body(top, cgroup) in namespaces of its own; prints; gives its value."""
    if os.geteuid() != 0:
        sys.exit("benchmarks need root")
    top = tempfile.mkdtemp(prefix="cove-bench-", dir=os.environ.get("TMPDIR", "/tmp"))
    cgroup = os.path.basename(top)

    def run(pipe):
        os.write(pipe, json.dumps({"status": "pass", "value": body(top, cgroup)}).encode())

    result = sandbox.run(run, seconds, None)
    sandbox.remove_cgroups(cgroup)
    sandbox.remove_tree(top)
    if result["status"] != "pass":
        sys.exit(result["message"])
    return result["value"]


def verdict(title, value, limit, unit=""):
    met = value <= limit
    print(f"{'MET   ' if met else 'MISSED'}  {title}: {value:.2f}{unit}, target at most {limit:g}{unit}")
    return met
