#!/usr/bin/python3
"""Records what the docker client prints for the answers in data/: the *.golden.json files.

Needs docker (28.2.2 was used) in PATH. Serves data/*.json on a unix socket, runs the client
against it, and writes lists.golden.json, inspect.golden.json and texts.golden.json anew. What
docker prints in a random order (labels, networks) is to be kept to one entry in the data.
"""
import http.server, json, os, re, socketserver, subprocess, tempfile, threading, time

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def load(name):
    with open(f"{DATA}/{name}.json") as f:
        return json.load(f)


def routes():
    ctr, stats = load("container"), load("stats")[0]
    events = "".join(json.dumps(e) + "\n" for e in load("events"))
    return [
        (r"/containers/web/json.*", ctr), (r"/containers/web/stats.*", stats),
        (r"/containers/json.*", load("containers")), (r"/images/nginx/json.*", load("image")),
        (r"/images/json.*", load("images")), (r"/images/nginx/history.*", load("history")),
        (r"/images/search.*", load("search")), (r"/networks/net10.*", load("network")),
        (r"/networks(\?.*)?", load("networks")), (r"/volumes/vol10", load("volume")),
        (r"/volumes(\?.*)?", load("volumes")), (r"/system/df.*", load("df")),
        (r"/info", load("info")), (r"/version", load("version")), (r"/events.*", events),
    ]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "client"

    def do_GET(self):
        path = re.sub(r"^/v1\.\d+", "", self.path)
        body, status = "OK" if path == "/_ping" else None, 200
        for pattern, answer in self.server.routes:
            if body is None and re.fullmatch(pattern, path):
                body = answer if isinstance(answer, str) else json.dumps(answer)
        if body is None:
            body, status = '{"message":"page not found"}', 404
        out = body.encode()
        self.send_response(status)
        for key, value in (("Content-Type", "application/json"), ("Api-Version", "1.50"),
                           ("Ostype", "linux"), ("Content-Length", str(len(out)))):
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(out)

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        return super().get_request()[0], ("client", 0)


COMMANDS = {"containers": "ps -a", "images": "images", "history": "history nginx",
            "networks": "network ls", "volumes": "volume ls", "search": "search nginx",
            "stats": "stats --no-stream web", "df": "system df"}
FLAGS = {"quiet": "-q", "no-trunc": "--no-trunc", "size": "-s", "digests": "--digests",
         "raw-numbers": "-H=false"}


def docker(sock, args):
    env = dict(os.environ, DOCKER_HOST=f"unix://{sock}", TZ="UTC")
    r = subprocess.run(["docker"] + args, env=env, capture_output=True, text=True)
    err = "\n".join(l for l in r.stderr.splitlines() if not l.startswith("WARNING"))
    return (r.stdout, "") if r.returncode == 0 else (None, err)


def again(sock, case, args, at):
    """The case with its output (or error) from index at on as docker prints it now."""
    out, err = docker(sock, args)
    err = err.replace("failed to execute template", "template parsing error")
    return case[:at] + ([out] if out is not None else [None, err])


def write(name, head, cases):
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    with open(f"{DATA}/{name}.golden.json", "w") as f:
        f.write("{%s\"cases\":[\n%s\n]}\n" % (head, lines))


def main():
    sock = os.path.join(tempfile.mkdtemp(), "s.sock")
    server = Server(sock, Handler)
    server.routes = routes()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lists = []
    for case in load("lists.golden")["cases"]:
        args = COMMANDS[case[0]].split() + [FLAGS[f] for f in case[1]]
        lists.append(again(sock, case, args + (["--format", case[2]] if case[2] else []), 3))
    write("lists", '"now":%d,\n' % time.time(), lists)
    names = {"container": "web", "image": "nginx", "network": "net10", "volume": "vol10"}
    inspects = []
    for case in load("inspect.golden")["cases"]:
        args = ["inspect", "--type", case[0]] + (["-f", case[1]] if case[1] is not None else [])
        inspects.append(again(sock, case, args + [names[case[0]]], 2))
    write("inspect", "", inspects)
    info, version = (docker(sock, [c])[0] for c in ("info", "version"))
    texts = {"info": info[info.index("\nServer:\n") + 9:],
             "version": version[version.index("\n\nServer:"):],
             "events": docker(sock, ["events", "--until", "1"])[0],
             "df": docker(sock, ["system", "df", "-v"])[0]}
    with open(f"{DATA}/texts.golden.json", "w") as f:
        f.write(json.dumps(texts, indent=1, ensure_ascii=False) + "\n")
    os.unlink(sock)
    os.rmdir(os.path.dirname(sock))


main()
