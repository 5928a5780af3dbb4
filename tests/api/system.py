"""system.py - versions, errors and shapes of the Engine API, as raw requests"""
import json
import socket
import threading
import time

from harness import test


@test
def ping_and_versions(t):
    e = t.engine(image=None)
    status, body, headers = e.api("GET", "/_ping")
    t.eq((status, body), (200, "OK"))
    t.ok("api-version" in headers and "server" in headers, headers)
    t.eq(headers.get("ostype"), "linux")
    conn = e.connection()
    conn.request("HEAD", "/_ping")
    t.eq(conn.getresponse().status, 200)
    conn.close()
    status, version, _ = e.api("GET", "/version")
    for key in ("Version", "ApiVersion", "MinAPIVersion", "Os", "Arch", "KernelVersion", "Components"):
        t.ok(key in version, key)
    newest = version["ApiVersion"]
    t.eq(e.api("GET", f"/v{newest}/version")[0], 200)
    t.eq(e.api("GET", "/v1.24/version")[0], 200)
    status, body, _ = e.api("GET", "/v1.99/version")
    t.eq(status, 400)
    t.match(body["message"], r"client version 1\.99 is too new\. Maximum supported API version is")
    status, body, _ = e.api("GET", "/nosuch")
    t.eq((status, body), (404, {"message": "page not found"}))


@test
def info(t):
    e = t.engine()
    status, value, _ = e.api("GET", "/info")
    t.eq(status, 200)
    for key in ("ID", "Containers", "ContainersRunning", "Images", "Driver", "MemTotal", "NCPU", "OSType",
                "Architecture", "ServerVersion", "SecurityOptions", "CgroupVersion", "DockerRootDir", "Name"):
        t.ok(key in value, key)
    t.eq(value["Images"], 1)
    t.eq(value["DockerRootDir"], e.data)


@test
def errors(t):
    e = t.engine()
    for method, path, body, status, text in (
            ("GET", "/containers/nosuch/json", None, 404, "No such container: nosuch"),
            ("POST", "/containers/nosuch/start", None, 404, "No such container: nosuch"),
            ("DELETE", "/containers/nosuch", None, 404, "No such container: nosuch"),
            ("GET", "/images/nosuch/json", None, 404, "(?i)no such image"),
            ("POST", "/containers/create", {"Image": "nosuch"}, 404, "No such image: nosuch"),
            ("POST", "/containers/create", {}, 400, "(?i)config|image|command"),
            ("POST", "/containers/create?name=a/b", {"Image": "busybox"}, 400, "Invalid container name"),
            ("GET", "/containers/json?filters=%7Bbad", None, 400, ""),
            ("GET", "/containers/json?limit=x", None, 400, ""),
            ("GET", "/exec/nosuch/json", None, 404, "(?i)no such exec")):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        got, value, _ = e.api(method, path, body, headers)
        t.eq(got, status, f"{method} {path}: {value}")
        t.ok(isinstance(value, dict) and isinstance(value.get("message"), str), value)
        t.match(value["message"], text)


def create(t, e, body, name=""):
    status, value, _ = e.api("POST", "/containers/create" + (f"?name={name}" if name else ""),
                             {"Image": "busybox", **body})
    t.eq(status, 201, value)
    return value["Id"]


@test
def lifecycle(t):
    e = t.engine()
    id_ = create(t, e, {"Cmd": ["sleep", "1000"], "Labels": {"a": "b"}}, "life")
    t.eq(e.api("POST", f"/containers/{id_}/start")[0], 204)
    t.eq(e.api("POST", f"/containers/{id_}/start")[0], 304)
    status, body, _ = e.api("DELETE", f"/containers/{id_}")
    t.eq(status, 409)
    status, body, _ = e.api("GET", '/containers/json?filters={"label":["a=b"],"status":["running"]}'
                            .replace('"', "%22").replace("{", "%7B").replace("}", "%7D"))
    t.eq([c["Id"] for c in body], [id_])
    t.eq(body[0]["Names"], ["/life"])
    t.eq(body[0]["State"], "running")
    waited = []
    thread = threading.Thread(target=lambda: waited.append(e.api("POST", f"/containers/{id_}/wait")))
    thread.start()
    time.sleep(0.2)
    t.eq(e.api("POST", f"/containers/{id_}/kill?signal=SIGKILL")[0], 204)
    thread.join(10)
    t.eq(waited[0][1]["StatusCode"], 137)
    t.eq(e.api("POST", f"/containers/{id_}/stop")[0], 304)
    t.eq(e.api("DELETE", f"/containers/{id_}")[0], 204)
    t.eq(e.api("DELETE", f"/containers/{id_}")[0], 404)


def hijack(t, e, path, body=None):
    """An upgraded connection: the socket, with what came after the head."""
    data = json.dumps(body).encode() if body is not None else b""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(15)
    s.connect(e.socket)
    s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
              f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    seen = b""
    while b"\r\n\r\n" not in seen:
        got = s.recv(1)
        t.ok(got, f"closed after {seen!r}")
        seen += got
    head = seen.decode()
    t.match(head, r"^HTTP/1\.1 101 UPGRADED\r\n")
    t.match(head, r"(?i)upgrade: tcp")
    return s, head


def read_frames(s):
    data = b""
    while True:
        got = s.recv(65536)
        if not got:
            break
        data += got
    out = []
    while data:
        size = int.from_bytes(data[4:8], "big")
        out.append((data[0], data[8:8 + size]))
        data = data[8 + size:]
    return out


@test
def attach_stream(t):
    """Frames of stdout and stderr; the end of our input closes the container's."""
    e = t.engine()
    id_ = create(t, e, {"Cmd": ["sh", "-c", "cat; echo err >&2"], "OpenStdin": True, "StdinOnce": True,
                        "AttachStdin": True, "AttachStdout": True, "AttachStderr": True})
    s, head = hijack(t, e, f"/containers/{id_}/attach?stream=1&stdin=1&stdout=1&stderr=1")
    t.match(head, r"(?i)content-type: application/vnd\.docker\.(raw|multiplexed)-stream")
    e.api("POST", f"/containers/{id_}/start")
    s.sendall(b"through\n")
    s.shutdown(socket.SHUT_WR)
    frames = read_frames(s)
    t.eq(b"".join(d for k, d in frames if k == 1), b"through\n")
    t.eq(b"".join(d for k, d in frames if k == 2), b"err\n")
    t.eq(e.api("POST", f"/containers/{id_}/wait")[1]["StatusCode"], 0)


@test
def exec_stream(t):
    e = t.engine()
    id_ = create(t, e, {"Cmd": ["sleep", "1000"]}, "ex")
    e.api("POST", f"/containers/{id_}/start")
    status, value, _ = e.api("POST", f"/containers/{id_}/exec",
                             {"Cmd": ["sh", "-c", "read x; echo got $x; exit 5"], "AttachStdin": True,
                              "AttachStdout": True, "AttachStderr": True})
    t.eq(status, 201, value)
    exec_id = value["Id"]
    s, _ = hijack(t, e, f"/exec/{exec_id}/start", {"Detach": False, "Tty": False})
    s.sendall(b"word\n")
    t.eq(read_frames(s), [(1, b"got word\n")])
    value = e.api("GET", f"/exec/{exec_id}/json")[1]
    t.eq((value["ExitCode"], value["Running"], value["ContainerID"]), (5, False, id_))
    if e.kind == "coved":
        t.eq(e.api("POST", f"/exec/{exec_id}/start", {})[0], 409)
        t.eq(e.api("POST", "/containers/create", "{bad", {"Content-Type": "application/json"})[0], 400)


@test
def events(t):
    e = t.engine()
    conn = e.connection(10)
    conn.request("GET", "/events")
    answer = conn.getresponse()
    t.must("run", "--rm", "--name", "ev", "busybox", "true")
    seen = []
    while "destroy" not in seen:
        event = json.loads(answer.readline())
        if event.get("Type") == "container":
            seen.append(event["Action"])
            t.eq(event["Actor"]["Attributes"]["name"], "ev")
    conn.close()
    for action in ("create", "attach", "start", "die", "destroy"):
        t.ok(action in seen, seen)
    past = e.api("GET", f"/events?since=0&until={time.time():.9f}")[1]
    t.ok("destroy" in str(past), past)


@test
def slow_and_broken_clients(t):
    """A client that sends nothing, half a request or garbage does not keep others waiting."""
    e = t.engine(image=None)
    held = []
    for data in (b"", b"GET /_pi", b"POST /containers/create HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.connect(e.socket)
            s.sendall(data)
            held.append(s)
    t.eq(e.api("GET", "/version", timeout=5)[0], 200)
    for data in (b"\0\1\2garbage\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(e.socket)
        try:
            s.sendall(data)
            answer = s.recv(4096)
            t.ok(answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), answer[:100])
        except (BrokenPipeError, ConnectionResetError):
            pass
    t.eq(e.api("GET", "/version", timeout=5)[0], 200)


@test
def stats_and_df(t):
    e = t.engine()
    id_ = create(t, e, {"Cmd": ["sleep", "1000"]})
    e.api("POST", f"/containers/{id_}/start")
    status, value, _ = e.api("GET", f"/containers/{id_}/stats?stream=0")
    t.eq(status, 200)
    for key in ("cpu_stats", "precpu_stats", "memory_stats", "pids_stats", "read", "name", "id"):
        t.ok(key in value, key)
    t.ok(value["memory_stats"].get("usage", 0) > 0, value["memory_stats"])
    status, value, _ = e.api("GET", "/system/df")
    t.eq(status, 200)
    t.eq(len(value["Images"]), 1)
