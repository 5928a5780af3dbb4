"""bad_input.py - what must be refused: one clear line, the right status, nothing left behind"""
import gzip
import io
import os
import tarfile

from harness import test

CLIENTS = ("cove", "docker20")


def one_line(t, result):
    lines = [l for l in result.err.strip().splitlines()
             if l.strip() and not l.startswith(("See '", "Run '", "Usage:", "Error: failed", 'time="'))]
    t.eq(len(lines), 1, f"more than one line: {result}")


@test(clients=CLIENTS)
def unknown_things(t):
    t.engine()
    for args, code, text in (
            (("start", "nosuch"), 1, "No such container: nosuch"),
            (("rm", "nosuch"), 1, "No such container: nosuch"),
            (("stop", "nosuch"), 1, "No such container: nosuch"),
            (("logs", "nosuch"), 1, "No such container: nosuch"),
            (("exec", "nosuch", "true"), 1, "No such container: nosuch"),
            (("kill", "nosuch"), 1, "No such container: nosuch"),
            (("rmi", "nosuch"), 1, "No such image: nosuch"),
            (("tag", "nosuch", "x"), 1, "No such image: nosuch"),
            (("history", "nosuch"), 1, "No such image: nosuch"),
            (("run", "Nosuch"), 125, "invalid reference format"),
            (("run", "busybox:bad:tag"), 125, "invalid reference format"),
            (("create", "--name", "bad/name", "busybox"), 1, "Invalid container name|invalid container name"),
            (("run", "--rm", "--network", "nosuch", "busybox"), 125, "nosuch"),
            (("run", "--memory", "1k", "busybox"), 125, "(?i)minimum memory limit"),
            (("run", "--memory", "much", "busybox"), 125, "invalid"),
            (("run", "-v", "/a:/b:/c:/d", "busybox"), 125, "invalid"),
            (("run", "-p", "99999:1", "busybox"), 125, "(?i)invalid"),
            (("run", "--restart", "sometimes", "busybox"), 125, "(?i)invalid restart policy"),
            (("run", "--nosuch", "busybox"), 125, "unknown flag: --nosuch"),
            (("run",), 1, "requires at least 1 argument"),
            (("ps", "--filter", "nosuch=1"), 1, "(?i)invalid filter"),
            (("ps", "--format", "{{.Nosuch}}"), 1, "Nosuch")):
        result = t.fails(code, text, *args)
        if len(args) > 1 and "--nosuch" not in args:
            one_line(t, result)
    t.eq(t.must("ps", "-aq"), "")


@test(clients=CLIENTS)
def name_in_use(t):
    t.engine()
    t.must("create", "--name", "mine", "busybox")
    r = t.fails(125, r'Conflict. The container name "/mine" is already in use by container "\w{64}"',
                "run", "--name", "mine", "busybox")
    t.eq(len(t.must("ps", "-aq").split()), 1)


@test(clients=CLIENTS)
def entrypoints(t):
    t.engine()
    t.fails(127, r'"nosuch": executable file not found in \$PATH', "run", "--rm", "busybox", "nosuch")
    t.fails(127, r"no such file or directory", "run", "--rm", "busybox", "/nosuch")
    t.fails(126, r"permission denied", "run", "--rm", "busybox", "/etc/passwd")
    r = t.run("run", "--rm", "busybox", "/etc")
    t.match(r.err, r"permission denied|is a directory")
    t.ok(r.code == 126 or t.client == "docker20", r)
    t.write("script", "no interpreter line\n")
    os.chmod(t.path("script"), 0o755)
    r = t.run("run", "--rm", "-v", t.path("script") + ":/script", "busybox", "/script")
    t.match(r.err, r"exec format error")
    t.must("run", "-d", "--name", "exe2", "busybox", "sleep", "100")
    r = t.run("exec", "exe2", "nosuch")
    t.ok(r.code in (126, 127), r)
    t.match(r.err + r.out, r"executable file not found")
    t.must("rm", "-f", "exe2")
    t.eq(t.must("ps", "-aq"), "")


def tar_bytes(*entries):
    """A tar of (name, type, link or content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, value in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(value)
                tar.addfile(info, io.BytesIO(value))
            else:
                info.linkname = value if isinstance(value, str) else ""
                if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
                    info.devmajor, info.devminor = value
                tar.addfile(info)
    return out.getvalue()


@test
def truncated_tar(t):
    e = t.engine()
    whole = tar_bytes(("file", tarfile.REGTYPE, b"x" * 100000))
    for data in (whole[:5000], gzip.compress(whole)[:100], b"this is not a tar" * 100):
        r = t.run("import", "-", "bad:1", stdin=data)
        t.ok(r.code != 0, r)
        one_line(t, r)
    t.eq(t.must("images", "-q", "bad"), "")
    t.eq(os.listdir(os.path.join(e.data, "tmp")), [])


@test
def tar_that_climbs_out(t):
    """../ and links to the outside: nothing is written outside, whatever the answer is."""
    e = t.engine()
    out = t.path("outside")
    os.mkdir(out)
    up = "../" * 12
    for data in (
            tar_bytes((up + out[1:] + "/one", tarfile.REGTYPE, b"x")),
            tar_bytes((out + "/two", tarfile.REGTYPE, b"x")),
            tar_bytes(("link", tarfile.SYMTYPE, out), ("link/three", tarfile.REGTYPE, b"x")),
            tar_bytes(("link", tarfile.SYMTYPE, up + out[1:]), ("link/four", tarfile.REGTYPE, b"x")),
            tar_bytes(("a/b", tarfile.SYMTYPE, "../../../.."), ("a/b" + out + "/five", tarfile.REGTYPE, b"x")),
            tar_bytes(("hard", tarfile.LNKTYPE, "/etc/passwd")),
            tar_bytes(("hard", tarfile.LNKTYPE, up + "etc/passwd"), ("hard", tarfile.REGTYPE, b"x"))):
        r = t.run("import", "-", "bad:1", stdin=data)
        t.eq(os.listdir(out), [], f"written outside: {r}")
        if r.code != 0:
            one_line(t, r)
            t.eq(t.must("images", "-q", "bad"), "")
        else:
            t.must("rmi", "bad:1")
    t.ok(open("/etc/passwd").read().startswith("root:"))
    t.eq(os.listdir(os.path.join(e.data, "tmp")), [])


@test
def tar_with_devices(t):
    """Device nodes are stored, and do not open in a container without --device."""
    t.engine()
    data = tar_bytes(("sda", tarfile.BLKTYPE, (8, 0)), ("kmsg", tarfile.CHRTYPE, (1, 11)))
    r = t.run("import", "-", "dev:1", stdin=data)
    if r.code == 0:
        t.must("rmi", "dev:1")
    else:
        one_line(t, r)


@test(seconds=240)
def bomb(t):
    """A small gzip of far too much is refused, or stopped by the disk, and cleaned up."""
    e = t.engine(start=False)
    small_disk(t, e, "64m")
    e.start()
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=9) as z:
        info = tarfile.TarInfo("zeros")
        info.size = 400 << 20
        z.write(info.tobuf())
        for _ in range(400):
            z.write(b"\0" * (1 << 20))
        z.write(b"\0" * 1024)
    r = t.run("import", "-", "bomb:1", stdin=data.getvalue(), seconds=120)
    t.ok(r.code != 0, r)
    one_line(t, r)
    t.eq(t.must("images", "-q"), "")
    t.eq(os.listdir(os.path.join(e.data, "tmp")), [])


def small_disk(t, engine, size):
    import sandbox
    sandbox.mount("tmpfs", engine.data, "tmpfs", 0, f"size={size},mode=755")
    t.own_mounts.append(engine.data)


@test
def full_disk(t):
    """No space: a clear error; the engine goes on, and works again once there is room."""
    from images import give
    import sandbox
    e = t.engine(start=False)
    small_disk(t, e, "16m")
    e.start()
    give(e, "busybox")
    filler = os.path.join(e.data, "filler")
    with open(filler, "wb") as f:
        try:
            while True:
                f.write(b"x" * 65536)
                f.flush()
        except OSError:
            pass
    r = t.run("import", "-", "more:1", stdin=tar_bytes(("file", tarfile.REGTYPE, os.urandom(4 << 20))))
    t.ok(r.code != 0, r)
    t.match(r.err + r.out, r"(?i)no space left|disk is full|full")
    r = t.run("run", "--rm", "--name", "nospace", "busybox", "true")
    if r.code != 0:
        one_line(t, r)
    t.eq(t.run("ps").code, 0)
    os.unlink(filler)
    t.must("run", "--rm", "busybox", "true")
    t.eq(t.must("ps", "-aq"), "")


@test
def corrupt_state(t):
    """A damaged database: coved says which file, and does not go on as if it were empty."""
    e = t.engine()
    t.must("create", "--name", "kept", "busybox")
    e.stop()
    db = os.path.join(e.data, "cove.db")
    for name in ("cove.db-wal", "cove.db-shm"):
        if os.path.exists(os.path.join(e.data, name)):
            os.unlink(os.path.join(e.data, name))
    good = open(db, "rb").read()
    with open(db, "r+b") as f:
        f.write(b"garbage!" * 64)
    e.start(wait=False)
    code = e.process.wait(15)
    t.ok(code != 0, "coved ran on a broken database")
    t.match(e.log_tail(), r"cove\.db")
    e.process = None
    open(db, "wb").write(good)
    e.start()
    t.match(t.must("ps", "-a"), r"kept")


@test
def corrupt_container_record(t):
    """One container's broken files do not keep the others from being there."""
    e = t.engine()
    t.must("run", "-d", "--name", "good", "busybox", "sleep", "100")
    bad = t.must("run", "-d", "--name", "broken", "busybox", "sleep", "100")
    e.kill()
    top = os.path.join(e.data, "containers", bad)
    for name in os.listdir(top):
        if name.endswith(".json") or name in ("exit", "state"):
            open(os.path.join(top, name), "w").write("{ this is not json")
    e.start()
    t.match(t.must("ps"), r"good")
    t.must("exec", "good", "true")


@test
def bad_options(t):
    """coved itself: a wrong option is one line and a status, and it starts nothing."""
    import subprocess
    e = t.engine(start=False)
    for args in (["--nosuch"], ["-H", "ftp://x"], ["--log-level", "loud"], ["--config-file", "/no/such"]):
        done = subprocess.run([e.command()[0], *args], capture_output=True, text=True, timeout=10,
                              cwd=t.top)
        t.ok(done.returncode != 0, (args, done))
        t.eq(len([l for l in done.stderr.strip().splitlines() if not l.startswith(("See", "Run"))]), 1,
             (args, done.stderr))


@test
def two_engines(t):
    """Two on the same paths: the second one refuses. On other paths both work."""
    import subprocess
    e = t.engine()
    second = subprocess.run(e.command(), capture_output=True, text=True, timeout=10)
    t.ok(second.returncode != 0, second)
    t.must("run", "--rm", "busybox", "true")
    other = t.engine(name="other", kind="coved")
    t.eq(other.run("cove", "run", "--rm", "busybox", "echo", "two").out, "two\n")
    t.eq(other.run("cove", "ps", "-aq").out, "")
