"""escapes.py - ways out of containers that other runtimes once had; the table is in SECURITY.md"""
import io
import os
import tarfile

from harness import test


def sh(script):
    return ("busybox", "sh", "-c", script)


@test
def masked_and_readonly(t):
    t.engine()
    out = t.must("run", "--rm", *sh(
        "wc -c </proc/kcore; wc -c </proc/timer_list; ls -A /proc/acpi /proc/scsi 2>/dev/null;"
        "for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper"
        " /sys/fs/cgroup/x; do (echo x >$f) 2>/dev/null && echo wrote $f; done; true"))
    t.ok("wrote" not in out, out)
    t.match(out, r"^0\n")


@test
def capabilities_and_seccomp(t):
    """Nothing inheritable or ambient; none at all for a user; a filter for start and exec."""
    t.engine()
    status = "grep -E '^(Cap|Seccomp:|Groups)' /proc/self/status"
    t.must("run", "-d", "--name", "esc", *sh("sleep 100"))
    for who in (("run", "--rm", "-u", "1000:1001"), ("exec", "-u", "1000:1001")):
        out = t.must(*who, *((sh(status)) if who[0] == "run" else ("esc", *sh(status)[1:])))
        for name in ("Inh", "Prm", "Eff", "Amb"):
            t.match(out, rf"Cap{name}:\s+0+\n")
        t.match(out, r"CapBnd:\s+00000000a80425fb")
        t.match(out, r"Seccomp:\s+2")
        t.match(out, r"Groups:\s+1001\b")
    t.match(t.must("exec", "esc", "grep", "Cap[IA]", "/proc/self/status"), r"CapInh:\s+0+\nCapAmb:\s+0+$")
    t.ok(t.run("run", "--rm", *sh("unshare -U true")).code != 0, "a user namespace was made")
    t.ok(t.run("exec", "esc", "unshare", "-m", "true").code != 0, "a mount namespace was made")


@test
def devices(t):
    """A node can be made, but not opened."""
    t.engine()
    script = "mknod /m c 1 1; head -c 1 /m; mknod /k c 1 11; head -c 1 /k"
    t.must("run", "-d", "--name", "esc", *sh("sleep 100"))
    for r in (t.run("run", "--rm", *sh(script)), t.run("exec", "esc", *sh(script)[1:])):
        t.ok(r.err.count("Operation not permitted") == 2, r.err)


@test
def descriptors(t):
    """No descriptor of the host's stays open, and none can be a working directory."""
    t.engine()
    t.must("run", "-d", "--name", "esc", *sh("sleep 100"))
    for out in (t.must("run", "--rm", *sh("ls /proc/$$/fd; true")), t.must("exec", "esc", *sh("ls /proc/$$/fd; true")[1:])):
        t.ok(set(out.split()) <= {"0", "1", "2", "10"}, out)
    for fd in (3, 6, 7, 8, 64, 65):
        for cmd in (("run", "--rm", "-w", f"/proc/self/fd/{fd}", "busybox", "pwd"),
                    ("exec", "-w", f"/proc/self/fd/{fd}", "esc", "pwd")):
            t.ok(t.run(*cmd).code != 0, f"{cmd}")
    t.must("exec", "esc", "ln", "-s", "/proc/self/fd/7/../../../../", "/d")
    t.ok(t.run("exec", "-w", "/d", "esc", "pwd").code != 0, "a link to a descriptor")


@test
def users(t):
    t.engine()
    for user in ("2147483648", "4294967296", "65536:4294967296", "-1"):
        t.ok(t.run("run", "--rm", "-u", user, "busybox", "id").code != 0, user)


@test
def subpath_of_a_volume(t):
    """A container turns the directory into a link before another one mounts it."""
    t.engine()
    host = t.path("secret")
    os.mkdir(host)
    t.write("secret/file", "of the host")
    t.must("run", "--rm", "-v", "vol:/v", *sh(
        f"mkdir /v/good; echo inside >/v/good/file; ln -s {host} /v/bad; ln -s ../../../../../../../..{host} /v/up;"
        f"ln -s /good /v/own"))
    for name, code in (("good", 0), ("own", 1), ("bad", 1), ("up", 1)):
        r = t.run("run", "--rm", "--mount", f"type=volume,src=vol,dst=/m,volume-subpath={name}",
                  "busybox", "cat", "/m/file")
        t.ok("of the host" not in r.out, name)
        t.eq(r.code == 0, code == 0, name)


@test
def readonly_binds_are_so_below(t):
    t.engine()
    if not os.path.ismount("/dev/shm"):
        t.skip("/dev/shm is no mount")
    name = f"cove-escape-{os.getpid()}"
    r = t.run("run", "--rm", "-v", "/dev:/d:ro", *sh(f"echo x >/d/shm/{name}; rm -f /d/shm/{name}"))
    t.match(r.err, r"Read-only file system")


@test
def copy_through_links(t):
    t.engine()
    host = t.path("secret")
    os.mkdir(host)
    t.write("secret/file", "of the host")
    t.must("run", "-d", "--name", "esc", *sh(f"ln -s {host} /l; ln -s /proc/1/root{host} /r; sleep 100"))
    for path in ("esc:/l/file", "esc:/r/file"):
        t.ok(t.run("cp", path, t.path("got")).code != 0, path)
    t.write("mine", "x")
    t.run("cp", t.path("mine"), "esc:/l/new")
    t.ok(not os.path.exists(os.path.join(host, "new")))


@test
def volume_at_proc(t):
    """An image cannot put a directory of its own, or a link, where /proc is to be."""
    t.engine()
    def layer(link):
        buf = io.BytesIO()
        with tarfile.open(fileobj=buf, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            if link:
                e = tarfile.TarInfo("proc")
                e.type, e.linkname = tarfile.SYMTYPE, "/tmp"
                tar.addfile(e)
        return buf.getvalue()
    t.must("import", "-c", "VOLUME /proc", "-", "one", stdin=layer(False))
    t.ok(t.run("run", "--rm", "one", "/bin/busybox", "true").code != 0, "a volume at /proc")
    t.must("import", "-", "two", stdin=layer(True))
    r = t.run("run", "--rm", "two", "/bin/busybox", "grep", "-E", "^proc ", "/proc/mounts")
    t.ok(r.code != 0 or r.out.startswith("proc /proc proc "), r.out)


@test
def shm_of_another_container(t):
    """What is at /dev/shm of the container whose IPC is joined may be a link."""
    t.engine()
    host = t.path("secret")
    os.mkdir(host)
    t.write("secret/file", "of the host")
    t.must("run", "-d", "--name", "esc", "--ipc", "none", *sh(f"ln -s {host} /dev/shm; sleep 100"))
    t.must("run", "-d", "--name", "esc2", "--ipc", "shareable", "--privileged",
           *sh(f"umount -l /dev/shm; rm -rf /dev/shm; ln -s {host} /dev/shm; sleep 100"))
    for name in ("esc", "esc2"):
        r = t.run("run", "--rm", "--ipc", f"container:{name}", "busybox", "cat", "/dev/shm/file")
        t.ok(r.code != 0 and "of the host" not in r.out, r.out)
