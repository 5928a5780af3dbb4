"""engine.py - an engine on private paths, and clients to speak to it"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from sandbox import Failure, Skip, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(TOP, "build/peers/bin")
CACHE = os.path.join(TOP, "build/cache")
SANITIZER_LINE = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error:|CHECK failed")


def find_client(name):
    """The program of a client: cove, docker (a newer one, from PATH) or docker20 (Debian's)."""
    if name == "cove":
        path = os.path.join(os.environ["COVE_BUILD"], "cove")
        if os.path.exists(path):
            return path
        if os.environ.get("COVE_TEST_ENGINE") != "dockerd":
            raise Skip("cove is not built")
        name = "docker20"
    if name == "docker20":
        path = os.path.join(PEERS, "docker")
        if not os.path.exists(path):
            raise Skip("docker 20.10 is not in build/peers")
        return path
    path = shutil.which("docker")
    if not path:
        raise Skip("no newer docker client on PATH")
    return path


class Result:
    """What a command did: code, out, err."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds

    def __repr__(self):
        words = " ".join(self.argv)
        return f"{words!r}: status {self.code}, stdout {self.out[-700:]!r}, stderr {self.err[-700:]!r}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """coved, or dockerd in its place, with --data-root and all else under one directory."""

    def __init__(self, kind, top, cgroup_parent, args=()):
        self.kind, self.top, self.cgroup_parent = kind, top, cgroup_parent
        self.data, self.exec = os.path.join(top, "data"), os.path.join(top, "run")
        self.socket = os.path.join(top, "engine.sock")
        self.log = os.path.join(top, "engine.log")
        self.args = list(args)
        self.process = None
        self.others = []
        os.makedirs(self.data, exist_ok=True)
        os.makedirs(self.exec, exist_ok=True)

    # --- the daemon -----------------------------------------------------------------------

    def command(self):
        common = ["--data-root", self.data, "--exec-root", self.exec, "-H", "unix://" + self.socket,
                  "--pidfile", os.path.join(self.top, "engine.pid")]
        if self.kind == "dockerd":
            # An empty configuration, and the containerd of our own (see start_containerd).
            config = os.path.join(self.top, "daemon.json")
            open(config, "w").write("{}")
            return [os.path.join(PEERS, "dockerd"), *common, "--config-file", config,
                    "--containerd", os.path.join(self.top, "containerd.sock"),
                    "--cgroup-parent", "/" + self.cgroup_parent, "--log-level", "error",
                    "--init-path", os.path.join(PEERS, "../root/usr/bin/tini-static"), *self.args]
        coved = os.path.join(os.environ["COVE_BUILD"], "coved")
        if not os.path.exists(coved):
            raise Skip("coved is not built")
        return [coved, *common, "--cgroup-parent", "/" + self.cgroup_parent, *self.args]

    def env(self):
        out = dict(os.environ)
        out["ASAN_OPTIONS"] = f"log_path={self.top}/asan:detect_leaks=1:handle_abort=1"
        out["UBSAN_OPTIONS"] = f"log_path={self.top}/asan:print_stacktrace=1"
        out["LSAN_OPTIONS"] = f"suppressions={TOP}/tests/lib/lsan.txt:print_suppressions=0"
        return out

    def start(self, seconds=30, wait=True):
        if self.kind == "dockerd":
            self.start_containerd()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, env=self.env(),
                                        stdout=open(self.log, "a"), stderr=subprocess.STDOUT,
                                        start_new_session=True)
        if wait:
            self.wait_ready(seconds)
        return self

    def wait_ready(self, seconds=30):
        if not wait_for(lambda: self.process.poll() is not None or self.answers(), seconds):
            raise Failure(f"the engine does not answer; its log: {self.log_tail()}")
        if self.process.poll() is not None:
            raise Failure(f"the engine ended with {self.process.returncode}: {self.log_tail()}")

    def start_containerd(self):
        if self.others:
            return
        path = os.path.join(self.top, "containerd")
        config = os.path.join(self.top, "containerd.toml")
        open(config, "w").write(
            f'version = 2\nroot = "{path}/root"\nstate = "{path}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.top}/containerd.sock"\n')
        self.others.append(subprocess.Popen(
            [os.path.join(PEERS, "containerd"), "--config", config, "--log-level", "error"],
            stdin=subprocess.DEVNULL, stdout=open(self.log, "a"), stderr=subprocess.STDOUT,
            start_new_session=True))
        wait_for(lambda: os.path.exists(f"{self.top}/containerd.sock"), 15)

    def answers(self):
        try:
            return self.api("GET", "/_ping", timeout=5)[0] == 200
        except OSError:
            return False

    def log_tail(self):
        try:
            return open(self.log, errors="replace").read()[-1500:]
        except OSError:
            return ""

    def stop(self, seconds=20):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failure(f"the engine did not end within {seconds} s of SIGTERM")
        code = self.process.returncode if self.process else 0
        self.process = None
        for other in self.others:
            other.terminate()
            other.wait(seconds)
        self.others = []
        return code

    def kill(self):
        """kill -9 of the daemon alone."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.kill()
        return self.start()

    def sanitizer_reports(self):
        out = []
        for name in sorted(os.listdir(self.top)):
            if name.startswith("asan") or name == "engine.log":
                text = open(os.path.join(self.top, name), errors="replace").read()
                if SANITIZER_LINE.search(text):
                    out.append(f"{name}: {text[:3000]}")
        return out

    # --- the API --------------------------------------------------------------------------

    def connection(self, timeout=60):
        return UnixConnection(self.socket, timeout)

    def api(self, method, path, body=None, headers=None, timeout=60):
        """One request; gives (status, parsed JSON or text, headers)."""
        conn = self.connection(timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)) and not hasattr(body, "read"):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            conn.request(method, path, body, headers)
            answer = conn.getresponse()
            text = answer.read().decode(errors="replace")
        except http.client.HTTPException as e:
            raise ConnectionError(f"{method} {path}: {e!r}") from e
        finally:
            conn.close()
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        return answer.status, value, dict((k.lower(), v) for k, v in answer.getheaders())

    # --- clients --------------------------------------------------------------------------

    def argv(self, client, *args):
        return [find_client(client), "-H", "unix://" + self.socket, *args]

    def run(self, client, *args, stdin=b"", seconds=60, env=None, cwd=None):
        argv = self.argv(client, *args)
        start = time.monotonic()
        where = {} if hasattr(stdin, "fileno") else {"input": stdin}
        if hasattr(stdin, "fileno"):
            where["stdin"] = stdin
        try:
            done = subprocess.run(argv, capture_output=True, timeout=seconds, cwd=cwd,
                                  env={**self.env(), "HOME": self.top, **(env or {})}, **where)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"{' '.join(argv)!r} took more than {seconds} s; stdout "
                          f"{(e.stdout or b'')[-500:]!r}, stderr {(e.stderr or b'')[-500:]!r}")
        return Result([client, *args], done.returncode, done.stdout.decode(errors="replace"),
                      done.stderr.decode(errors="replace"), time.monotonic() - start)

    def popen(self, client, *args, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.STDOUT)
        return subprocess.Popen(self.argv(client, *args), env={**self.env(), "HOME": self.top},
                                **kwargs)

    def container_ids(self):
        status, value, _ = self.api("GET", "/containers/json?all=1")
        return [c["Id"] for c in value] if status == 200 else []

    def remove_all(self):
        for id_ in self.container_ids():
            status, value, _ = self.api("DELETE", f"/containers/{id_}?force=1&v=1")
            if status not in (204, 404):
                raise Failure(f"rm -f {id_[:12]}: {status} {value}")
