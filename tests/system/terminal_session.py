"""terminal_session.py - -it: a shell as one uses it, with cove and with the stock clients"""
import termios
import time

from harness import test

CLIENTS = ("cove", "docker", "docker20")


@test(clients=CLIENTS)
def shell(t):
    """Job control, ctrl-C, resize, exit status; the terminal is as before in the end."""
    t.engine()
    tty = t.terminal("run", "--rm", "-it", "--name", "sh", "busybox", "sh", rows=30, cols=100)
    before = tty.flags()
    tty.expect(r"# ")
    t.eq(tty.flags() & termios.ICANON, 0, "raw mode")
    tty.send("tty; stty size\r")
    tty.expect(r"/dev/(pts/0|console)\r\n30 100\r\n")
    tty.resize(40, 90)
    t.wait(lambda: try_size(tty), why="the new size")
    tty.send("sleep 100\r")
    tty.expect(r"sleep 100\r\n")
    time.sleep(0.5)  # the shell first has to start it
    tty.send("\x03")
    tty.expect(r"\^C.*# ")
    tty.send("echo status $?\r")
    tty.expect(r"status 130\r\n")
    tty.send("sleep 200 &\r")
    tty.expect(r"# ")
    tty.send("jobs\r")
    tty.expect(r"Running +sleep 200")
    tty.send("kill %1; exit 5\r")
    t.eq(tty.wait(), 5)
    t.ok(before & termios.ICANON)


def try_size(tty):
    tty.send("stty size\r")
    return b"40 90" in tty.expect(r"\d+ \d+\r\n").group(0)


@test(clients=CLIENTS)
def exec_shell(t):
    t.engine()
    t.must("run", "-d", "--name", "exe1", "busybox", "sleep", "1000")
    tty = t.terminal("exec", "-it", "exe1", "sh", rows=20, cols=70)
    tty.expect(r"# ")
    t.wait(lambda: sized(tty), why="the size")
    tty.send("cat /proc/1/cmdline | tr '\\0' ' '; echo\r")
    tty.expect(r"sleep 1000")
    tty.send("exit 6\r")
    t.eq(tty.wait(), 6)
    t.ok(t.state("exe1")["Running"])


def sized(tty):
    tty.send("stty size\r")
    return b"20 70" in tty.expect(r"\d+ \d+\r\n").group(0)


@test(clients=CLIENTS)
def detach_and_attach(t):
    t.engine()
    tty = t.terminal("run", "-it", "--name", "det1", "busybox", "sh")
    tty.expect(r"# ")
    tty.send("\x10\x11")
    t.eq(tty.wait(), 0)
    t.ok(t.state("det1")["Running"])
    tty = t.terminal("attach", "--detach-keys", "ctrl-x,x", "det1")
    tty.send("echo back $((40+2))\r")
    tty.expect(r"back 42")
    tty.send("\x18x")
    tty.wait()
    t.ok(t.state("det1")["Running"])
    tty = t.terminal("attach", "det1")
    tty.send("\r")
    tty.expect(r"# ")
    tty.send("exit 3\r")
    t.eq(tty.wait(), 3)


@test(clients=CLIENTS)
def end_of_input(t):
    """ctrl-D ends the shell."""
    t.engine()
    tty = t.terminal("run", "--rm", "-it", "busybox", "sh")
    tty.expect(r"# ")
    tty.send("\x04")
    t.eq(tty.wait(), 0)


@test(clients=CLIENTS)
def no_terminal_to_give(t):
    t.engine()
    t.fails(1, "not a TTY", "run", "--rm", "-it", "busybox", "true")
