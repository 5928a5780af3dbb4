"""network.py - none, host and the default bridge"""
import subprocess

from harness import test


@test(clients=("cove", "docker20"))
def none_and_host(t):
    t.engine()
    t.eq(t.must("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"), "lo")
    t.match(t.must("run", "--rm", "--network", "none", "busybox", "ip", "addr", "show", "lo"), r"127\.0\.0\.1/8")
    subprocess.run(["ip", "link", "add", "mine", "type", "bridge"], check=True)
    t.match(t.must("run", "--rm", "--network", "host", "busybox", "ip", "link"), r"\bmine\b")


@test(clients=("cove", "docker20"))
def default_bridge(t):
    t.engine()
    t.must("run", "-d", "--name", "one", "busybox", "sleep", "1000")
    t.must("run", "-d", "--name", "two", "busybox", "sleep", "1000")
    one, two = (t.inspect(n)["NetworkSettings"] for n in ("one", "two"))
    t.match(one["IPAddress"], r"^172\.\d+\.0\.\d+$")
    t.ok(one["IPAddress"] != two["IPAddress"])
    t.eq(one["Gateway"], one["IPAddress"].rpartition(".")[0] + ".1")
    t.match(t.must("exec", "one", "ip", "addr", "show", "eth0"), r"inet %s/16" % one["IPAddress"])
    t.match(t.must("exec", "one", "ip", "route"), r"default via %s dev eth0" % one["Gateway"])
    t.must("exec", "one", "ping", "-c", "1", "-W", "3", two["IPAddress"])
    t.must("exec", "one", "ping", "-c", "1", "-W", "3", one["Gateway"])
    t.match(t.must("exec", "one", "cat", "/etc/hosts"), r"%s\s+\w{12}" % one["IPAddress"])
    t.eq(t.must("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "two"), two["IPAddress"])


@test
def addresses_come_back(t):
    e = t.engine()
    t.must("run", "-d", "--name", "one", "busybox", "sleep", "1000")
    first = t.inspect("one")["NetworkSettings"]["IPAddress"]
    e.restart()
    t.eq(t.inspect("one")["NetworkSettings"]["IPAddress"], first)
    t.must("run", "-d", "--name", "two", "busybox", "sleep", "1000")
    t.ok(t.inspect("two")["NetworkSettings"]["IPAddress"] != first, "given twice")
    t.must("exec", "two", "ping", "-c", "1", "-W", "3", first)
    t.must("rm", "-f", "one", "two")


@test
def pool_in_use(t):
    """172.17.0.0/16 belongs to somebody: the next one is taken."""
    subprocess.run("ip link add docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0 && "
                   "ip link set docker0 up", shell=True, check=True)
    t.engine()
    t.match(t.must("run", "--rm", "busybox", "ip", "-4", "addr", "show", "eth0"), r"inet 172\.18\.")


@test
def hosts_options(t):
    t.engine()
    t.match(t.must("run", "--rm", "--add-host", "there:10.1.2.3", "busybox", "cat", "/etc/hosts"),
            r"10\.1\.2\.3\s+there")
    t.match(t.must("run", "--rm", "--dns", "10.9.9.9", "--dns-search", "example.org", "busybox", "cat",
                   "/etc/resolv.conf"), r"(?s)nameserver 10\.9\.9\.9.*search example\.org|"
                                        r"search example\.org.*nameserver 10\.9\.9\.9")
    t.must("run", "-d", "--name", "base", "busybox", "sleep", "100")
    mine = t.must("exec", "base", "readlink", "/proc/self/ns/net")
    t.eq(t.must("run", "--rm", "--network", "container:base", "busybox", "readlink", "/proc/self/ns/net"), mine)


@test(network=True)
def way_out(t):
    """The internet, through NAT, also beside a forward policy of drop."""
    subprocess.run(["nft", "add", "table", "ip", "filter"], check=True)
    subprocess.run(["nft", "add", "chain", "ip", "filter", "FORWARD",
                    "{ type filter hook forward priority 0; policy drop; }"], check=True)
    t.engine()
    r = t.run("run", "--rm", "busybox", "nslookup", "deb.debian.org")
    t.match(r.out, r"(?s)Address.*deb\.debian\.org|Name:\s+.*debian")
    t.match(t.must("run", "--rm", "busybox", "wget", "-q", "-O", "-", "http://deb.debian.org/debian/dists/bookworm/Release"),
            r"Codename: bookworm")


@test(clients=("cove", "docker20"))
def published_port(t):
    """From the host by its loopback address; gone with the container."""
    t.engine()
    t.must("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
    name = t.must("exec", "web", "hostname")
    t.wait(lambda: fetch("http://127.0.0.1:8080/hostname") == name, why="an answer on the port")
    t.eq(t.must("port", "web", "80").splitlines()[0], "0.0.0.0:8080")
    t.fails(125, r"(?i)port is already allocated|address already in use", "run", "-d", "-p", "8080:81", "--rm",
            "busybox", "sleep", "9")
    t.must("rm", "-f", "web")
    t.eq(fetch("http://127.0.0.1:8080/hostname"), None)


def fetch(url):
    import urllib.request
    try:
        return urllib.request.urlopen(url, timeout=3).read().decode().strip()
    except OSError:
        return None


@test(clients=("cove", "docker"))
def networks_of_users(t):
    e = t.engine()
    t.must("network", "create", "--subnet", "10.199.0.0/24", "--label", "a=b", "n1")
    t.must("network", "create", "n2")
    t.fails(1, r"already exists", "network", "create", "n1")
    t.eq(t.must("network", "ls", "-q", "--filter", "label=a=b").count("\n"), 0)
    t.must("run", "-d", "--name", "one", "--network", "n1", "--ip", "10.199.0.9", "busybox", "sleep", "1000")
    t.must("run", "--rm", "--network", "n1", "busybox", "ping", "-c", "1", "-W", "3", "10.199.0.9")
    t.must("network", "connect", "n2", "one")
    t.match(t.must("exec", "one", "ip", "link"), r"eth1")
    networks = t.inspect("one")["NetworkSettings"]["Networks"]
    t.eq(sorted(networks), ["n1", "n2"])
    t.eq(networks["n1"]["IPAddress"], "10.199.0.9")
    e.restart()
    t.eq(sorted(t.inspect("one")["NetworkSettings"]["Networks"]), ["n1", "n2"])
    t.must("network", "disconnect", "n2", "one")
    t.ok("eth1" not in t.must("exec", "one", "ip", "link"))
    t.fails(1, r"active endpoints", "network", "rm", "n1")
    t.must("rm", "-f", "one")
    t.must("network", "rm", "n1", "n2")
    t.fails(125, r"network nosuch not found", "run", "--rm", "--network", "nosuch", "busybox", "true")
