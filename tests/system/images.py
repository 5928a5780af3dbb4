"""images.py - import, load, save, tag, rmi; archives as docker and skopeo write them"""
import hashlib
import io
import json
import os
import subprocess
import tarfile

from engine import PEERS
from harness import test
from images import tar_of

CLIENTS = ("cove", "docker", "docker20")


@test(clients=CLIENTS)
def import_and_list(t):
    t.engine()
    id_ = t.must("import", "-m", "a message", "-c", "ENV A=b", "-c", 'CMD ["echo", "from cmd"]',
                 tar_of("busybox"), "made:1")
    t.match(id_, r"^sha256:[0-9a-f]{64}$")
    t.eq(t.must("run", "--rm", "made:1"), "from cmd")
    t.eq(t.must("run", "--rm", "made:1", "sh", "-c", "echo $A"), "b")
    t.match(t.must("images"), r"REPOSITORY +TAG +IMAGE ID +CREATED +SIZE")
    t.match(t.must("images", "made"), r"made +1 +%s" % id_[7:19])
    t.match(t.must("history", "made:1"), r"a message")
    info = json.loads(t.must("image", "inspect", "made:1"))[0]
    t.eq(info["Id"], id_)
    t.eq(info["RepoTags"], ["made:1"])
    t.eq(info["Config"]["Cmd"], ["echo", "from cmd"])
    t.ok("A=b" in info["Config"]["Env"])
    t.must("rmi", "made:1")
    t.eq(t.must("images", "-q", "made"), "")


@test
def import_of_any_compression(t):
    e = t.engine()
    for program in ("gzip", "xz", "bzip2", "zstd"):
        data = subprocess.run([program, "-c"], stdin=open(tar_of("busybox"), "rb"), capture_output=True,
                              check=True).stdout
        t.must("import", "-", f"packed:{program}", stdin=data)
        t.eq(t.must("run", "--rm", f"packed:{program}", "echo", program), program)
    ids = {i["RootFS"]["Layers"][0] for i in
           (t.inspect(f"packed:{p}", "images") for p in ("gzip", "xz", "bzip2", "zstd"))}
    t.eq(len(ids), 1, "the same layer")
    want = "sha256:" + hashlib.sha256(open(tar_of("busybox"), "rb").read()).hexdigest()
    t.eq(ids, {want})


@test(clients=CLIENTS)
def tag_and_remove(t):
    t.engine()
    id_ = t.inspect("busybox", "images")["Id"]
    t.must("tag", "busybox", "one:a")
    t.must("tag", "busybox", "localhost:5000/two/b")
    t.eq(len(set(t.must("images", "-q").split())), 1)
    t.match(t.must("images"), r"localhost:5000/two/b +latest")
    t.fails(1, r"must be forced|must force", "rmi", id_[7:19])
    r = t.must("rmi", "one:a")
    t.eq(r, "Untagged: one:a")
    t.must("create", "--name", "user", "busybox")
    t.must("rm", "user")
    t.must("rmi", "busybox")
    r = t.must("rmi", "localhost:5000/two/b")
    t.match(r, r"Untagged: localhost:5000/two/b:latest\nDeleted: %s" % id_)
    t.eq(t.must("images", "-q"), "")


@test(clients=CLIENTS)
def save_and_load(t):
    t.engine()
    id_ = t.inspect("busybox", "images")["Id"]
    t.must("save", "-o", t.path("saved.tar"), "busybox")
    with tarfile.open(t.path("saved.tar")) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
        t.eq(manifest[0]["RepoTags"], ["busybox:latest"])
        for name in [manifest[0]["Config"], *manifest[0]["Layers"]]:
            t.ok(name in names, name)
    t.must("rmi", "busybox")
    t.match(t.must("load", "-i", t.path("saved.tar")), r"Loaded image: busybox:latest")
    t.eq(t.inspect("busybox", "images")["Id"], id_)
    t.eq(t.must("run", "--rm", "busybox", "echo", "back"), "back")


@test(clients=("cove", "docker20"))
def archives_of_skopeo(t):
    """docker-archive and OCI layout, as skopeo writes them from what we saved."""
    skopeo = os.path.join(PEERS, "skopeo")
    if not os.path.exists(skopeo):
        t.skip("skopeo is not in build/peers")
    t.engine()
    t.must("save", "-o", t.path("saved.tar"), "busybox")
    policy = t.write("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
    for kind in ("oci-archive", "docker-archive"):
        name = "skopeo:" + kind[:3]
        out = t.path(kind + ".tar")
        done = subprocess.run([skopeo, "--policy", policy, "copy", "docker-archive:" + t.path("saved.tar"),
                               f"{kind}:{out}:{name}"], capture_output=True, text=True)
        t.eq(done.returncode, 0, done.stderr)
        if t.engines[0].kind == "dockerd" and kind == "oci-archive":
            continue
        text = t.must("load", "-i", out)
        t.match(text, r"Loaded image( ID)?: (skopeo:|sha256:)")
        ref = text.split(": ", 1)[1].split()[0]
        t.eq(t.must("run", "--rm", ref, "echo", kind), kind)


@test(clients=("cove", "docker20"))
def commit_and_export(t):
    t.engine()
    t.must("run", "--name", "changed", "busybox", "sh", "-c", "echo new >/new; rm /etc/shadow; mkdir /d")
    id_ = t.must("commit", "-m", "note", "-c", "ENV X=1", "changed", "mine:2")
    t.match(id_, r"^sha256:\w{64}$")
    t.eq(t.must("run", "--rm", "mine:2", "sh", "-c", "cat /new; ls /etc/shadow 2>/dev/null; echo $X"), "new\n1")
    t.eq(len(t.inspect("mine:2", "images")["RootFS"]["Layers"]), 2)
    t.must("export", "-o", t.path("out.tar"), "changed")
    with tarfile.open(t.path("out.tar")) as tar:
        names = {n.removeprefix("./").rstrip("/") for n in tar.getnames()}
    t.ok("new" in names and "d" in names and "etc/shadow" not in names, sorted(names)[:20])


@test
def load_refuses_what_does_not_fit(t):
    """A layer whose bytes are not those of its digest is not loaded."""
    e = t.engine()
    t.must("save", "-o", t.path("saved.tar"), "busybox")
    data = bytearray(open(t.path("saved.tar"), "rb").read())
    with tarfile.open(t.path("saved.tar")) as tar:
        layer = max(tar.getmembers(), key=lambda m: m.size)
        middle = layer.offset_data + layer.size // 2
    data[middle] ^= 0xff
    t.must("rmi", "busybox")
    r = t.run("load", stdin=bytes(data))
    t.ok(r.code != 0, r)
    t.eq(t.must("images", "-q"), "")
    t.eq(os.listdir(os.path.join(e.data, "tmp")), [])


@test
def layers_are_shared(t):
    """A container costs its own changes only."""
    e = t.engine()
    before = used(e.data)
    for i in range(10):
        t.must("create", "--name", f"cheap{i}", "busybox")
    t.ok(used(e.data) - before < 1500, f"{used(e.data) - before} KiB for ten containers")


def used(path):
    return int(subprocess.run(["du", "-sk", path], capture_output=True, text=True).stdout.split()[0])
