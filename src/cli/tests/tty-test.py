#!/usr/bin/env python3
"""cove run, exec and attach on a real terminal against an engine of a few lines."""
import fcntl, json, os, pty, select, socket, struct, subprocess, sys, tempfile, termios, threading, time

cove = sys.argv[1]
tmp = tempfile.mkdtemp(prefix='cove-tty-')
sock = tmp + '/s'
seen = []
exited = threading.Event()
mode = {'tty': True, 'exit': 7}


def frame(stream, data):
    return data if mode['tty'] else struct.pack('>BxxxL', stream, len(data)) + data


def answer(c, status, body, close=False):
    data = json.dumps(body).encode() if body is not None else b''
    c.sendall(b'HTTP/1.1 %d X\r\nApi-Version: 1.50\r\nContent-Length: %d\r\n\r\n%s'
              % (status, len(data), data))


def program(c):
    """What runs in the container: echoes; q ends it; input's end ends it."""
    if mode.get('flood'):
        exited.set()
        for _ in range(64):
            c.sendall(frame(1, b'x' * 65536))
        c.shutdown(socket.SHUT_RDWR)
        return
    c.sendall(frame(1, b'ready\r\n'))
    while True:
        data = c.recv(4096)
        if not data:
            c.sendall(frame(2, b'eof\r\n'))
            break
        c.sendall(frame(1, b'<' + data + b'>'))
        if b'q' in data:
            break
    c.shutdown(socket.SHUT_RDWR)
    exited.set()


def serve(c):
    f = c.makefile('rb')
    while True:
        line = f.readline().decode()
        if not line:
            return
        n = 0
        while True:
            h = f.readline().strip().lower()
            if not h:
                break
            if h.startswith(b'content-length:'):
                n = int(h.split(b':')[1])
        body = f.read(n) if n else b''
        path = line.split()[1].split('/', 2)[2]
        seen.append(path)
        if path.startswith('containers/create'):
            mode['size'] = json.loads(body)['HostConfig'].get('ConsoleSize')
            answer(c, 201, {'Id': 'c1', 'Warnings': []})
        elif path.endswith('/exec'):
            answer(c, 201, {'Id': 'e1'})
        elif 'attach' in path or path == 'exec/e1/start':
            kind = b'raw' if mode['tty'] else b'multiplexed'
            mode['stream'] = c  # before the answer: the client starts as soon as it has it
            c.sendall(b'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.' + kind
                      + b'-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
            if path == 'exec/e1/start':
                program(c)
                return
            return
        elif '/wait' in path:
            c.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            exited.wait()
            data = json.dumps({'StatusCode': mode['exit']}).encode()
            c.sendall(b'%x\r\n%s\r\n0\r\n\r\n' % (len(data), data))
            return
        elif path.endswith('/start'):
            threading.Thread(target=program, args=(mode['stream'],), daemon=True).start()
            answer(c, 204, None)
        elif path == 'exec/e1/json':
            answer(c, 200, {'ExitCode': mode['exit']})
        elif 'kill' in path:
            answer(c, 204, None)
            exited.set()
            mode['stream'].shutdown(socket.SHUT_RDWR)
        else:
            answer(c, 200, {})


def listen():
    s = socket.socket(socket.AF_UNIX)
    s.bind(sock)
    s.listen(16)
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


def run(args, script, size=(30, 90)):
    """script: (text to wait for, bytes to type or function). Output, status, final tty mode."""
    seen.clear()
    exited.clear()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', *size, 0, 0))
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.execv(cove, [cove, '-H', 'unix://' + sock] + args)
    out, pos, step, end, status = b'', 0, 0, time.time() + 20, None
    while time.time() < end:
        if step < len(script):
            want, do = script[step]
            at = out.find(want, pos)
            if at >= 0:
                pos = at + len(want)
                step += 1
                do(pid, master) if callable(do) else os.write(master, do)
                continue
        r, _, _ = select.select([master], [], [], 0.05)
        if r:
            out += os.read(master, 65536)
        else:
            done, st = os.waitpid(pid, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(st)
                break
    if status is None:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    restored = termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    return out, status, restored


count = failed = 0


def check(name, cond, what):
    global count, failed
    count += 1
    failed += not cond
    if not cond:
        print('#', name, repr(what), seen)
    print(('ok' if cond else 'not ok'), count, '-', name)


def winch(pid, fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 41, 101, 0, 0))
    time.sleep(0.2)
    os.write(fd, b'q')


threading.excepthook = lambda args: None  # a client that went away is no failure here
threading.Thread(target=listen, daemon=True).start()
while not os.path.exists(sock):
    time.sleep(0.01)

r = run(['run', '-it', 'x'], [(b'ready', b'\x03'), (b'<\x03>', b'q')])
check('raw terminal: control-C is a byte; status; restored', r[1] == 7 and r[2], r)
check('the size goes with create', mode['size'] == [30, 90], mode)
r = run(['run', '-it', 'x'], [(b'ready', winch)])
check('resize follows the terminal', any('resize?h=41&w=101' in p for p in seen) and r[1] == 7, r)
r = run(['run', '-it', 'x'], [(b'ready', b'ab\x10'), (b'<ab>', b'\x11')])
check('detach keys end the client only', r[1] == 0 and r[2], r)
r = run(['run', '-it', '--detach-keys', 'a,b', 'x'], [(b'ready', b'a'), (b'', b'cq')])
check('keys held back are sent when others follow', b'<acq>' in r[0] and r[1] == 7, r)
r = run(['run', '-it', 'x'], [(b'ready', lambda pid, fd: os.kill(pid, 15))])
check('a signal to the client goes to the container',
      any('kill?signal=TERM' in p for p in seen) and r[2], r)
r = run(['run', '-it', '--sig-proxy=false', 'x'], [(b'ready', lambda pid, fd: os.kill(pid, 15))])
check('without proxy it ends the client, terminal restored', r[1] == -15 and r[2], r)
r = run(['exec', '-it', 'c1', 'sh'], [(b'ready', b'q')])
check('exec: status of the process', r[1] == 7 and r[2], r)
r = run(['exec', '-it', 'c1', 'sh'], [(b'ready', b'\x10\x11')])
check('exec: detach', b'read escape sequence' in r[0] and r[1] == 1 and r[2], r)
mode['tty'] = False
r = run(['run', '-i', 'x'], [(b'ready', b'abc\n'), (b'<abc\n>'.replace(b'\n', b'\r\n'), b'\x04')])
check('without -t: frames, and the end of input is passed on', b'eof' in r[0] and r[1] == 7, r)
r = run(['run', 'x'], [(b'ready', b'\x03')])
check('without -t: control-C is proxied', any('kill?signal=INT' in p for p in seen), r)
mode['flood'] = True
exited.clear()
p = subprocess.Popen([cove, '-H', 'unix://' + sock, 'run', 'x'], stdout=subprocess.PIPE,
                     stdin=subprocess.DEVNULL)
time.sleep(6)
size = len(p.stdout.read())
check('a slow reader gets all output of a container that is gone', size == 4 << 20
      and p.wait() == 7, size)
print('1..%d' % count)
os.unlink(sock)
os.rmdir(tmp)
os._exit(1 if failed else 0)
