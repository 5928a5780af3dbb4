"""hostile.py - clients and containers that mean no good, as raw requests"""
import threading
import time

from harness import test


def create(t, e, name, cmd, host=None, **config):
    body = {"Image": "busybox", "Cmd": cmd, **config, "HostConfig": {"NetworkMode": "none", **(host or {})}}
    status, value, _ = e.api("POST", f"/containers/create?name={name}", body)
    t.eq(status, 201, value)
    return value["Id"]


@test
def huge_numbers(t):
    e = t.engine()
    create(t, e, "huge", ["true"], {"Memory": 2 ** 63 - 1}, StopTimeout=2 ** 63 - 1)
    create(t, e, "long", ["sleep", "1000"], StopTimeout=2 ** 63 - 1, StopSignal="KILL")
    t.eq(e.api("POST", "/containers/long/start")[0], 204)
    t.eq(e.api("POST", "/containers/long/stop")[0], 204)
    for bad in ({"Memory": 2 ** 64}, {"Memory": -1}, {"ShmSize": -1}, {"Memory": "1"}, {"Ulimits": {}},
                {"Binds": [None]}, {"Mounts": [None]}, {"Mounts": [{"Type": "volume"}]}):
        status, value, _ = e.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": bad})
        t.eq(status, 400, f"{bad}: {value}")
    for bad in ({"BlkioDeviceReadBps": [{"Path": None}]}, {"BlkioWeightDevice": [{}]}):
        status, value, _ = e.api("POST", "/containers/huge/update", bad)
        t.eq(status, 200, value)
        t.eq(e.api("POST", "/containers/huge/start")[0], 500)
    t.eq(e.api("GET", "/_ping")[0], 200)


@test
def link_in_a_volume(t):
    """A link that a container left in a volume must not lead another out of it."""
    e = t.engine()
    create(t, e, "writer", ["sh", "-c", "mkdir /v/in && ln -s /etc /v/abs && ln -s ../../../.. /v/up && "
                            "ln -s in /v/fine"], {"Binds": ["vol:/v"]})
    t.eq(e.api("POST", "/containers/writer/start")[0], 204)
    t.eq(e.api("POST", "/containers/writer/wait")[1]["StatusCode"], 0)
    for sub, want in (("abs", 400), ("up", 400), ("../..", 400), ("fine", 204), ("in", 204)):
        host = {"Mounts": [{"Type": "volume", "Source": "vol", "Target": "/s",
                            "VolumeOptions": {"Subpath": sub}}]}
        name = "sub" + str(len(sub)) + sub.strip("./")
        create(t, e, name, ["true"], host)
        status, value, _ = e.api("POST", f"/containers/{name}/start")
        t.eq(status, want, f"{sub}: {value}")


@test
def many_followers(t):
    """The end of a container is told to all who follow its log."""
    e = t.engine()
    create(t, e, "one", ["sh", "-c", "echo hi; sleep 1000"])
    t.eq(e.api("POST", "/containers/one/start")[0], 204)
    ended = []

    def follow():
        ended.append(e.api("GET", "/containers/one/logs?stdout=1&follow=1", timeout=20)[0])

    threads = [threading.Thread(target=follow) for _ in range(100)]
    for thread in threads:
        thread.start()
    t.wait(lambda: e.api("GET", "/info")[0] == 200)
    t.eq(e.api("POST", "/containers/one/kill")[0], 204)
    for thread in threads:
        thread.join()
    t.eq(ended, [200] * 100)


@test
def health_checks_for_ever(t):
    """An interval beyond all measure is a long one, not none."""
    e = t.engine()
    check = {"Test": ["CMD-SHELL", "echo x"], "Interval": 2 ** 63 - 1, "StartInterval": 2 ** 63 - 1,
             "StartPeriod": 2 ** 63 - 1, "Timeout": 2 ** 63 - 1, "Retries": 3}
    create(t, e, "slow", ["sleep", "1000"], Healthcheck=check)
    t.eq(e.api("POST", "/containers/slow/start")[0], 204)
    time.sleep(1)
    t.eq(e.api("GET", "/containers/slow/json")[1]["State"]["Health"]["Log"], [])
