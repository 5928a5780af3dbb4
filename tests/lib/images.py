"""images.py - root file systems for tests, made once and kept under build/cache

busybox: the distribution's static busybox (tools/base-image.sh).
debian:  a Debian made by mmdebstrap from the package mirror.
"""
import fcntl
import os
import subprocess

from engine import CACHE, TOP
from sandbox import Failure, Skip

NAMES = {"busybox": "busybox:latest", "debian": "debian:bookworm"}


def tar_of(name):
    """The path of the rootfs tar; makes it where it is not there."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, name + ".tar")
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            MAKERS[name](path + ".new")
            os.rename(path + ".new", path)
    return path


def make_busybox(path):
    with open(path, "wb") as out:
        subprocess.run([os.path.join(TOP, "tools/base-image.sh")], stdout=out, check=True)


def make_debian(path):
    done = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--format=tar",
         "bookworm", path], capture_output=True, text=True,
        preexec_fn=to_host_network)
    if done.returncode != 0:
        if os.path.exists(path):
            os.unlink(path)
        raise Skip("mmdebstrap failed: " + done.stderr.strip()[-200:])


def to_host_network():
    from sandbox import call, libc
    if "COVE_TEST_HOSTNET" in os.environ:
        call(libc.setns(int(os.environ["COVE_TEST_HOSTNET"]), 0))


MAKERS = {"busybox": make_busybox, "debian": make_debian}


def give(engine, name):
    """Imports the image through the API, so that no client is needed for it."""
    query = "fromSrc=-&repo=%s&tag=%s&changes=CMD%%20%%5B%%22sh%%22%%5D" % tuple(NAMES[name].split(":"))
    size = os.path.getsize(tar_of(name))
    with open(tar_of(name), "rb") as body:
        status, value, _ = engine.api("POST", "/images/create?" + query, body, timeout=120,
                                      headers={"Content-Type": "application/x-tar",
                                               "Content-Length": str(size)})
    if status != 200 or "error" in str(value)[-200:]:
        raise Failure(f"import of {name}: {status} {value}")
