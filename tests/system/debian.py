"""debian.py - a Debian made by mmdebstrap, as one works in it"""
import time

from harness import test


@test(clients=("cove", "docker20"), network=True, seconds=400)
def bash_session(t):
    t.engine(image="debian")
    tty = t.terminal("run", "--rm", "-it", "debian:bookworm", "bash")
    tty.expect(r"root@\w{12}:/# ")
    tty.send("cat /etc/debian_version\r")
    tty.expect(r"12\.\d+\r\n")
    tty.send("sleep 300 &\r")
    tty.expect(r"\[1\] \d+")
    tty.send("fg\r")
    tty.expect(r"sleep 300\r\n")
    time.sleep(0.5)  # the shell first has to give it the terminal
    tty.send("\x1a")
    tty.expect(r"\[1\]\+ +Stopped")
    tty.send("kill -9 %1; sleep 0.3; echo go $((1+1))\r")
    tty.expect(r"go 2\r\n.*# ")
    tty.send("exit 42\r")
    t.eq(tty.wait(), 42)


@test(network=True, seconds=500)
def apt_get_install(t):
    """apt-get update && apt-get install nginx, and nginx answers."""
    t.engine(image="debian")
    t.must("run", "-d", "--name", "deb", "debian:bookworm", "sleep", "10000")
    t.must("exec", "deb", "apt-get", "update", seconds=200)
    t.must("exec", "-e", "DEBIAN_FRONTEND=noninteractive", "deb", "apt-get", "install", "-y",
           "--no-install-recommends", "nginx-light", seconds=300)
    t.must("exec", "-d", "deb", "nginx")
    t.wait(lambda: t.run("exec", "deb", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80 && "
                         "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q 'Welcome to nginx' <&3").code == 0,
           10, "nginx")
    t.must("stop", "-t", "1", "deb")
    t.must("start", "deb")
    t.eq(t.must("exec", "deb", "sh", "-c", "command -v nginx"), "/usr/sbin/nginx")
    t.must("rm", "-f", "deb")
