"""runtime.py - cove-runtime: OCI bundles by an OCI runtime's command line"""
import json
import os
import subprocess
import tarfile

from harness import test
from images import tar_of

NAMESPACES = ("pid", "mount", "network", "uts", "ipc", "cgroup")
CAPS = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"]


def bundle(t, args, **changes):
    """A bundle of busybox in t.top/bundle; gives its path."""
    top = t.path("bundle")
    if not os.path.isdir(top + "/rootfs"):
        os.makedirs(top + "/rootfs")
        with tarfile.open(tar_of("busybox")) as tar:
            tar.extractall(top + "/rootfs")
    spec = {
        "ociVersion": "1.0.2",
        "process": {"args": args, "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
                    "capabilities": {k: CAPS for k in ("bounding", "effective", "permitted")},
                    "noNewPrivileges": True},
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "bundle",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}],
        "linux": {"namespaces": [{"type": n} for n in NAMESPACES],
                  "cgroupsPath": f"/{t.cgroup}/oci",
                  "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]},
    }
    for path, value in changes.items():
        at = spec
        *way, last = path.split("__")
        for name in way:
            at = at.setdefault(name, {})
        at[last] = value
    with open(top + "/config.json", "w") as f:
        json.dump(spec, f)
    return top


def runtime(t, *args, check=True, **kwargs):
    program = os.path.join(os.environ["COVE_BUILD"], "cove-runtime")
    t.ok(os.path.exists(program), "cove-runtime is not built")
    done = subprocess.run([program, "--root", t.path("state"), *args], capture_output=True, text=True,
                          timeout=30, **kwargs)
    if check:
        t.eq(done.returncode, 0, f"{args}: {done.stderr[-500:]}")
    return done


@test
def run(t):
    top = bundle(t, ["sh", "-c", "hostname; echo $$; grep CapEff /proc/self/status; exit 5"])
    done = runtime(t, "run", "--bundle", top, "one", check=False)
    t.eq(done.returncode, 5, done.stderr)
    t.match(done.stdout, r"^bundle\n1\nCapEff:\s+0000000000000421\n$")


@test
def create_start_delete(t):
    """The life of a container as containerd leads it."""
    top = bundle(t, ["sleep", "1000"])
    null = open("/dev/null", "r+")
    program = os.path.join(os.environ["COVE_BUILD"], "cove-runtime")
    done = subprocess.run([program, "--root", t.path("state"), "create", "--bundle", top, "--pid-file",
                           t.path("pid"), "life"], stdin=null, stdout=null, stderr=null, timeout=30)
    t.eq(done.returncode, 0)
    pid = int(open(t.path("pid")).read())
    state = json.loads(runtime(t, "state", "life").stdout)
    t.eq((state["id"], state["status"], state["pid"], state["bundle"]), ("life", "created", pid, top))
    runtime(t, "start", "life")
    t.eq(json.loads(runtime(t, "state", "life").stdout)["status"], "running")
    t.eq(os.readlink(f"/proc/{pid}/root"), "/")
    t.ok(runtime(t, "delete", "life", check=False).returncode != 0, "a running one is not deleted")
    t.ok(runtime(t, "start", "life", check=False).returncode != 0, "started twice")
    runtime(t, "kill", "life", "KILL")
    t.wait(lambda: json.loads(runtime(t, "state", "life").stdout)["status"] == "stopped")
    runtime(t, "delete", "life")
    t.ok(runtime(t, "state", "life", check=False).returncode != 0)


@test
def bad_bundles(t):
    """One line, status not 0, nothing left."""
    for changes in ({"root__path": "nosuch"}, {"process__cwd": "relative"}, {"process__args": []},
                    {"process__args": ["nosuch"]}, {"linux__namespaces": [{"type": "odd"}]},
                    {"mounts": [{"destination": "/x", "type": "nosuchfs", "source": "x"}]},
                    {"process__capabilities": {"bounding": ["CAP_ODD"], "effective": ["CAP_ODD"]}}):
        top = bundle(t, ["true"], **changes)
        done = runtime(t, "run", "--bundle", top, "bad", check=False)
        if "process__capabilities" in changes and done.returncode == 0:
            continue  # the specification: an unknown capability is a warning
        t.ok(done.returncode != 0, changes)
        t.eq(len(done.stderr.strip().splitlines()), 1, (changes, done.stderr))
    open(top + "/config.json", "w").write("{ not json")
    t.ok(runtime(t, "run", "--bundle", top, "bad", check=False).returncode != 0)
    t.eq(os.listdir(t.path("state")) if os.path.isdir(t.path("state")) else [], [])


@test
def links_do_not_lead_out(t):
    """Mount targets are resolved inside the root, whatever links the image has."""
    top = bundle(t, ["sh", "-c", "cat /etc/lead/x; ls /outside 2>/dev/null"],
                 mounts=[{"destination": "/proc", "type": "proc", "source": "proc"},
                         {"destination": "/lead/x", "type": "bind", "source": t.write("src", "bound\n"),
                          "options": ["bind"]}])
    outside = t.path("outside")
    os.mkdir(outside)
    link = top + "/rootfs/lead"
    os.symlink("/../../../.." + outside, link)
    done = runtime(t, "run", "--bundle", top, "links", check=False)
    t.eq(os.listdir(outside), [], "a mount target was made outside")
