"""sandbox.py - runs one test in namespaces of its own and sees what it leaves behind

(1) A test has its own pid, mount, network, ipc and uts namespace: no process, mount, interface
    or rule of it can outlive it, and what the host has is not touched.
(2) cgroups are not private: engines get --cgroup-parent, a group per test, which must be empty
    in the end.
(3) Leftovers are looked for inside, before the namespaces go: they fail the test.
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
CGROUP_ROOT = "/sys/fs/cgroup"


class Skip(Exception):
    """The machine lacks something; the text says what."""


class Failure(Exception):
    """What the test expected is not so."""


def call(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def mount(source, target, fstype, flags=0, data=""):
    call(libc.mount(source.encode(), target.encode(), fstype.encode(), flags, data.encode()))


def unshare(flags):
    call(libc.unshare(flags))


def setns(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        call(libc.setns(fd, 0))
    finally:
        os.close(fd)


def mounts():
    """The mount table as a list of 'mountpoint fstype source'."""
    out = []
    for line in open("/proc/self/mountinfo"):
        left, _, right = line.partition(" - ")
        out.append(left.split()[4] + " " + " ".join(right.split()[:2]))
    return sorted(out)


def links():
    return sorted(name for name in os.listdir("/proc/sys/net/ipv4/conf")
                  if name not in ("all", "default"))


def processes():
    """pid -> command line of all processes of the namespace."""
    out = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = open(f"/proc/{name}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
            stat = open(f"/proc/{name}/stat").read()
        except OSError:
            continue
        if stat.rpartition(")")[2].split()[0] != "Z":
            out[int(name)] = text or stat
    return out


def cgroups(name):
    """Every cgroup below a directory called name, in all hierarchies, deepest first."""
    out = []
    for base, dirs, _ in os.walk(CGROUP_ROOT):
        if ("/" + name) in base:
            out.append(base)
        elif base.count("/") > CGROUP_ROOT.count("/") + 6:
            dirs[:] = []
    return sorted(out, key=len, reverse=True)


def wait_for(what, seconds=10, step=0.02):
    """Calls what() until it is true; gives its value, or the last false one."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def enter(hostname="cove-test"):
    """Everything but the pid namespace, which needs a fork of its own."""
    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    call(libc.sethostname(hostname.encode(), len(hostname)))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def init_main(body, pipe):
    """The first process of the namespace: starts the test, reaps, ends when the test does."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        code = 1
        try:
            body(pipe)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        try:
            done, status = os.waitpid(-1, 0)
        except ChildProcessError:
            os._exit(1)
        if done == pid:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)


def run(body, seconds, log):
    """Runs body(pipe) in a sandbox, its output to the file log where given; gives the dictionary
    that body writes to the pipe as JSON, with the seconds it took."""
    reader, writer = os.pipe()
    hostnet = os.open("/proc/self/ns/net", os.O_RDONLY)
    start = time.monotonic()
    outer = os.fork()
    if outer == 0:
        try:
            libc.prctl(1, signal.SIGKILL)
            os.close(reader)
            os.setpgid(0, 0)
            if log:
                fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(fd, 1)
                os.dup2(fd, 2)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.environ["COVE_TEST_HOSTNET"] = str(hostnet)
            unshare(CLONE_NEWPID)
            first = os.fork()
            if first == 0:
                libc.prctl(1, signal.SIGKILL)
                enter()
                init_main(body, writer)
            os.close(writer)
            _, status = os.waitpid(first, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(99)
    os.close(writer)
    os.close(hostnet)
    result = read_result(reader, start + seconds)
    late = result is None and time.monotonic() >= start + seconds
    if late or not wait_for(lambda: os.waitpid(outer, os.WNOHANG)[0], 20):
        os.killpg(outer, signal.SIGKILL)
        for pid in children_of(outer):
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(outer, 0)
        except ChildProcessError:
            pass
    if result is None:
        why = f"no result within {seconds} s" if late else "the test process died"
        result = {"status": "fail", "message": why}
    result["seconds"] = time.monotonic() - start
    return result


def children_of(pid):
    try:
        return [int(n) for n in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def read_result(reader, end):
    import select
    data = b""
    while time.monotonic() < end:
        ready, _, _ = select.select([reader], [], [], 0.2)
        if ready:
            got = os.read(reader, 65536)
            if not got:
                break
            data += got
    else:
        os.close(reader)
        return None
    os.close(reader)
    try:
        return json.loads(data)
    except ValueError:
        return None


def remove_cgroups(name):
    """After a test: its cgroups go, with what may still run in them."""
    for group in cgroups(name):
        try:
            for pid in open(os.path.join(group, "cgroup.procs")).read().split():
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
        wait_for(lambda: not rmdir_fails(group), 2)


def rmdir_fails(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return True
    return False


def remove_tree(path):
    shutil.rmtree(path, ignore_errors=True)
    if os.path.exists(path):
        subprocess.run(["rm", "-rf", "--one-file-system", path], stderr=subprocess.DEVNULL)
