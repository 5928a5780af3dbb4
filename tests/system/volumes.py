"""volumes.py - named and anonymous volumes"""
from harness import test


@test(clients=("cove", "docker20"))
def named_volume(t):
    t.engine()
    t.eq(t.must("volume", "create", "v1"), "v1")
    t.must("run", "--rm", "-v", "v1:/v", "busybox", "sh", "-c", "echo kept >/v/f")
    t.eq(t.must("run", "--rm", "-v", "v1:/other:ro", "busybox", "cat", "/other/f"), "kept")
    t.match(t.must("volume", "ls"), r"local +v1")
    t.must("create", "--name", "user", "-v", "v1:/v", "busybox")
    t.fails(1, r"volume is in use", "volume", "rm", "v1")
    t.must("rm", "user")
    t.eq(t.must("volume", "rm", "v1"), "v1")
    t.fails(1, r"(?i)no such volume", "volume", "inspect", "v1")


@test(clients=("cove", "docker20"))
def anonymous_volume(t):
    """It goes with --rm and with rm -v, and stays with rm."""
    t.engine()
    t.must("run", "--rm", "-v", "/data", "busybox", "touch", "/data/x")
    t.eq(t.must("volume", "ls", "-q"), "")
    t.must("create", "--name", "one", "-v", "/data", "busybox")
    t.must("rm", "one")
    t.match(t.must("volume", "ls", "-q"), r"^[0-9a-f]{64}$")


@test
def content_of_the_image(t):
    """A new named volume starts with what the image has at that place."""
    t.engine()
    t.match(t.must("run", "--rm", "-v", "fresh:/etc", "busybox", "cat", "/etc/passwd"), r"^root:")
