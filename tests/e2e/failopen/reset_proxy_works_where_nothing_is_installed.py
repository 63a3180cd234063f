"""The last way out needs no home, config, sentinel or daemon; it switches off what points at us and
nothing else."""
import os
import shutil

from rig.check import Skipped, check, equal
from rig.systemd import PROGRAM, Machine


def resets(world, environment, what):
    done = world.run("reset-proxy", environment=environment)
    world.count(failures=done.returncode != 0)
    equal(done.returncode, 0, f"exit code {what} ({done.error})")
    check(done.text.strip(), f"silence {what}")
    return done.text


def test_without_home_and_environment(world):
    absent = world.directory / "not-there"
    for home in (world.home, absent):
        resets(world, {**world.environment(), "HALTON_METER_HOME": str(home)}, f"with {home.name}")
    resets(world, {"PATH": os.environ["PATH"]}, "without HOME")
    resets(world, {"HOME": "/nonexistent"}, "without PATH")
    check(not absent.exists(), "reset-proxy made a home")
    equal(list(world.home.iterdir()), [], "files in the home")


def test_with_everything_in_the_home_broken(world):
    (world.home / "config.toml").write_text("[daemon\n\x00 not a config")
    (world.home / "effective-ports.json").mkdir()
    (world.home / "install-mode").write_bytes(b"\xff\xfe")
    (world.home / "system_state.json").write_text("{")
    (world.home / "proxy-managed").mkdir()
    resets(world, world.environment(), "with a broken home")


def test_with_a_full_environment(world):
    """Called from a terminal that has our variables in it."""
    text = resets(world, world.environment(HTTPS_PROXY="http://127.0.0.1:8081"), "in our terminal")
    check("unset HTTPS_PROXY" in text, f"the shell's variable is not named: {text}")


def gnome(user, *words):
    return user.must("gsettings", *words).text.strip()


def test_on_a_real_gnome_setting(world):
    if not shutil.which("gsettings"):
        raise Skipped("no gsettings here")
    user = Machine(world).add_user("tester")
    user.log_in()
    if "org.gnome.system.proxy" not in user.run("gsettings", "list-schemas").text.split():
        raise Skipped("no GNOME settings here")

    def set_proxy(host, port):
        gnome(user, "set", "org.gnome.system.proxy.https", "host", host)
        gnome(user, "set", "org.gnome.system.proxy.https", "port", str(port))
        gnome(user, "set", "org.gnome.system.proxy.http", "host", host)
        gnome(user, "set", "org.gnome.system.proxy", "mode", "manual")
    gnome(user, "set", "org.gnome.system.proxy", "ignore-hosts", "['intranet.test']")
    set_proxy("127.0.0.1", 8081)
    user.meter("reset-proxy")
    world.count(failures=gnome(user, "get", "org.gnome.system.proxy", "mode") != "'none'")
    equal(gnome(user, "get", "org.gnome.system.proxy", "mode"), "'none'", "mode")
    equal(gnome(user, "get", "org.gnome.system.proxy", "ignore-hosts"), "['intranet.test']",
          "the user's own list")
    set_proxy("proxy.company.test", 3128)
    user.meter("reset-proxy")
    equal(gnome(user, "get", "org.gnome.system.proxy", "mode"), "'manual'", "a foreign proxy")
    check(not user.data.exists(), "reset-proxy made a home")
    environment = user.environment()
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        del environment[name]
    done = user.run(PROGRAM, "reset-proxy", environment=environment)
    check(done.text + done.error, "silence without a session")


test_on_a_real_gnome_setting.in_cage = True
