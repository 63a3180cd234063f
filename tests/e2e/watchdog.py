"""The four nets below a system proxy: watchdog, a daemon that ends, `reset-proxy`, and the daemon
that switches it on again."""
import signal
import time

from rig.check import check, equal, eventually
from rig.system_proxy import SystemProxy, service
from rig.world import Process

POLL_S = 1.5
CORPORATE = ("proxy.corp.example", 3128)


def start_watchdog(world):
    watchdog = Process("watchdog", world.command("watchdog"), world.directory, world.environment())
    world.on_close(watchdog.kill)
    eventually(lambda: "watchdog.startup.ready" in watchdog.log(), "the watchdog is up")
    return watchdog


def start_roles(world):
    world.start_provider()
    world.write_config()
    world.start_edge()
    world.start_daemon()


def mark_managed(world):
    (world.home / "proxy-managed").write_text("")


def is_on(system, name):
    now = system.services()[name]
    return now["web"][0] and now["secure"][0]


def is_off(system, name):
    now = system.services()[name]
    return not now["web"][0] and not now["secure"][0]


def test_acts_once_after_five_failures_and_only_on_ours(world):
    system = SystemProxy(world, networksetup=True)
    system.write_services()
    start_roles(world)
    ours = ("127.0.0.1", world.edge_port)
    before = {"Wi-Fi": service(True, *ours), "USB 10/100 LAN": service(True, *CORPORATE),
              "Dock": service(True, "127.0.0.1", 3128), "Phone": service(False, *ours),
              "Bridge": service(True, *ours, disabled=True)}
    system.write_services(**before)
    watchdog = start_watchdog(world)
    time.sleep(2 * POLL_S)
    equal(system.changes(), [], "changes while the daemon is healthy")

    killed_at = time.monotonic()
    world.daemon.kill()
    eventually(lambda: is_off(system, "Wi-Fi"), "the watchdog switches our proxy off", limit_s=30)
    # Five looks lie four pauses apart.
    check(time.monotonic() - killed_at > 4 * POLL_S, "it acted before the fifth failure")
    eventually(lambda: "watchdog.switched_off" in watchdog.log(), "it says so")
    after = system.services()
    for name in before:
        if name != "Wi-Fi":
            equal(after[name], before[name], name)
    count = len(system.changes())
    equal(count, 2, "changes")

    # Whoever switches it on again with the daemon still down is not fought.
    system.write_services(**before)
    time.sleep(8 * POLL_S)
    equal(len(system.changes()), count, "changes after it has acted")
    check(watchdog.is_alive(), "the watchdog ended")

    # The daemon's return arms it again.
    world.start_daemon()
    time.sleep(2 * POLL_S)
    world.daemon.kill()
    eventually(lambda: is_off(system, "Wi-Fi"), "it acts again after a success", limit_s=30)


test_acts_once_after_five_failures_and_only_on_ours.mostly_waits = True


def test_hung_daemon_counts_as_gone(world):
    system = SystemProxy(world, networksetup=True)
    system.write_services()
    start_roles(world)
    system.write_services(**{"Wi-Fi": service(True, "127.0.0.1", world.edge_port)})
    start_watchdog(world)
    world.daemon.signal(signal.SIGSTOP)
    world.on_close(lambda: world.daemon.signal(signal.SIGCONT))
    eventually(lambda: is_off(system, "Wi-Fi"), "the watchdog acts on a hung daemon", limit_s=40)


test_hung_daemon_counts_as_gone.mostly_waits = True


def test_watchdog_on_a_linux_desktop(world):
    system = SystemProxy(world, gsettings=True)
    system.write_gnome("none", "", 0)
    start_roles(world)
    system.write_gnome("manual", "127.0.0.1", world.edge_port)
    kde = world.user_home / ".config" / "kioslaverc"
    kde.parent.mkdir()
    text = (f"[Proxy Settings]\nProxyType=1\nhttpsProxy=http://127.0.0.1 {world.edge_port}\n"
            "[Other]\nProxyType=1\n")
    kde.write_text(text)
    start_watchdog(world)
    mark_managed(world)
    world.daemon.kill()
    eventually(lambda: system.gnome_mode() == "none", "GNOME's proxy is off", limit_s=30)
    eventually(lambda: kde.read_text() == text.replace("ProxyType=1", "ProxyType=0", 1),
               "KDE's proxy is off and nothing else has changed")
    world.start_daemon()
    eventually(lambda: system.gnome_mode() == "manual" and kde.read_text() == text,
               "the daemon switches both on again")


test_watchdog_on_a_linux_desktop.mostly_waits = True


def test_watchdog_ends_quietly_where_there_is_no_proxy_tool(world):
    SystemProxy(world)
    done = world.run("watchdog", limit_s=20)
    equal(done.returncode, 0, f"exit code ({done.error})")
    equal(done.text, "", "stdout")
    equal(len(done.error.splitlines()), 1, "lines on stderr")


def test_daemon_switches_on_only_when_managed_and_only_when_healthy(world):
    system = SystemProxy(world, networksetup=True)
    off = {"Wi-Fi": service(), "LAN": service(True, *CORPORATE), "Bridge": service(disabled=True)}
    system.write_services(**off)
    start_roles(world)
    time.sleep(1)
    equal(system.changes(), [], "changes without the sentinel")
    world.daemon.stop()
    equal(system.changes(), [], "changes at an end without the sentinel")

    mark_managed(world)
    world.start_daemon()
    eventually(lambda: is_on(system, "Wi-Fi"), "the daemon switches the proxy on")
    now = system.services()
    equal(now["Wi-Fi"]["secure"], [True, "127.0.0.1", world.edge_port], "secure web proxy")
    equal(now["Wi-Fi"]["bypass"], ["*.local", "169.254/16", "localhost", "127.0.0.1", "::1"],
          "bypass list")
    equal([now["LAN"], now["Bridge"]], [off["LAN"], off["Bridge"]], "services of others")
    check(all(call["health"] == 200 for call in system.changes()),
          lambda: f"switched on before /health was 200: {system.changes()}")


def test_daemon_that_the_supervisor_ends_leaves_no_proxy_on(world):
    system = SystemProxy(world, networksetup=True)
    system.write_services(**{"Wi-Fi": service(), "LAN": service(True, *CORPORATE)})
    mark_managed(world)
    start_roles(world)
    eventually(lambda: is_on(system, "Wi-Fi"), "the daemon switches the proxy on")
    begun = time.monotonic()
    equal(world.daemon.stop(), 0, "exit code")
    check(time.monotonic() - begun < 30, "it took longer than the supervisor grants")
    check(is_off(system, "Wi-Fi"), "the proxy is still on")
    check(is_on(system, "LAN"), "somebody else's proxy was touched")
    check("proxy.switched_off" in world.daemon.log(), "no word about it in the log")

    # And again on, at the next start.
    world.start_daemon()
    eventually(lambda: is_on(system, "Wi-Fi"), "the daemon switches the proxy on again")


def test_reset_proxy_needs_nothing_and_forgets_nobody(world):
    system = SystemProxy(world, networksetup=True)
    system.write_services(**{
        "Wi-Fi": service(True, "127.0.0.1", 8081), "LAN": service(True, *CORPORATE),
        "Bridge": service(True, "127.0.0.1", 8081, disabled=True), "Phone": service()})
    bridge = system.services()["Bridge"]
    environment = world.environment()
    environment["HALTON_METER_HOME"] = str(world.directory / "not-there")
    done = world.run("reset-proxy", environment=environment)
    equal(done.returncode, 0, f"exit code ({done.error})")
    for name in ("Wi-Fi", "LAN", "Phone"):
        check(is_off(system, name), f"{name} is still on")
        for verb in ("-setwebproxystate", "-setsecurewebproxystate"):
            check(any(call["words"] == [verb, name, "off"] for call in system.changes()),
                  f"no {verb} for {name}")
    equal(system.services()["Bridge"], bridge, "the disabled service")
    check("proxy.corp.example:3128" in done.text, f"what LAN had is not told: {done.text!r}")
    check(not (world.directory / "not-there").exists(), "reset-proxy made a home")

    done = world.run("reset-proxy", environment=environment)
    equal(done.returncode, 0, "exit code of the second")
    check("Nothing to switch off" in done.text, f"printed {done.text!r}")


def test_reset_proxy_says_what_it_could_not_do(world):
    system = SystemProxy(world, networksetup=True)
    system.write_services(**{"Ada's Wi-Fi": service(True, "127.0.0.1", 8081, broken=True),
                             "LAN": service(True, "127.0.0.1", 8081)})
    done = world.run("reset-proxy")
    equal(done.returncode, 1, "exit code")
    check("networksetup -setwebproxystate 'Ada'\\''s Wi-Fi' off" in done.error,
          f"no command to paste: {done.error!r}")
    check(is_off(system, "LAN"), "one failure stopped the others")
