"""A database that cannot be written never touches a call, and is shown."""
import json
import os
import sqlite3
import time

from rig.check import Skipped, check, equal, eventually

CLAUDE = {"model": "claude-sonnet-4-5"}


def calls_work(world, count=5):
    for number in range(count):
        answer = world.call("POST", "/v1/messages", CLAUDE)
        equal(answer.status, 200, f"status of call {number}")
        check(answer.is_metered, f"call {number} was not metered")


def status(world):
    done = world.run("status", "--json")
    try:
        return json.loads(done.text)
    except ValueError:
        check(False, f"status --json printed {done.text[:300]!r} {done.error[:300]!r}")


def store_part(world):
    """The part of status that is about the database, wherever it stands."""
    found = {}

    def walk(value, name):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}" if name else key)
        else:
            found[name] = value
    walk(status(world), "")
    return {k: v for k, v in found.items()
            if any(word in k for word in ("store", "database", "ledger", "rows"))}


def start_with_prepared_home(world, prepare):
    world.start_provider()
    world.write_config()
    prepare()
    world.start_edge()
    world.start_daemon()
    world.wait_metering()


def test_status_shows_a_healthy_database(world):
    world.start()
    calls_work(world, 3)
    world.wait_rows(3)
    part = store_part(world)
    check(any("rows_written" in k and v >= 3 for k, v in part.items()), f"status says {part}")


def test_database_that_cannot_be_opened(world):
    start_with_prepared_home(world, lambda: world.database.mkdir())
    calls_work(world)
    eventually(lambda: any(v not in ("ok", 0, "", None) for k, v in store_part(world).items()
                           if "state" in k or "error" in k),
               "status shows the trouble", limit_s=10, pause_s=0.3)
    check(world.health() == 200, "/health is not 200")
    world.database.rmdir()
    calls_work(world, 1)
    eventually(lambda: world.has_rows(1), "rows once the database can be made", limit_s=20)


def test_corrupt_database_is_set_aside(world):
    start_with_prepared_home(
        world, lambda: world.database.write_bytes(b"this is not a database" * 5000))
    calls_work(world, 3)
    world.wait_rows(3)
    aside = [p.name for p in world.home.iterdir()
             if p.name.startswith("db.sqlite") and p.name not in (
                 "db.sqlite", "db.sqlite-wal", "db.sqlite-shm")]
    check(aside, f"nothing was set aside: {sorted(p.name for p in world.home.iterdir())}")
    kept = [p for p in world.home.iterdir() if p.name in aside]
    check(any(b"this is not a database" in p.read_bytes() for p in kept), "the old file is lost")


def test_damaged_pages_do_not_stop_metering(world):
    world.start()
    calls_work(world, 20)
    world.wait_rows(20)
    equal(world.daemon.stop(), 0, "exit code")
    data = bytearray(world.database.read_bytes())
    for at in range(100, len(data), 512):
        data[at:at + 64] = b"\xa5" * min(64, len(data) - at)
    world.database.write_bytes(data)
    world.start_daemon()
    world.wait_metering()
    calls_work(world, 3)
    eventually(lambda: world.has_rows(3), "rows in a new database", limit_s=15)


def test_locked_database_delays_rows_only(world):
    world.start()
    calls_work(world, 1)
    world.wait_rows(1)
    lock = sqlite3.connect(world.database, isolation_level=None, timeout=10)
    lock.execute("begin immediate")
    began = time.monotonic()
    calls_work(world, 10)
    check(time.monotonic() - began < 20, "calls were slowed down")
    equal(len(world.rows()), 1, "rows while locked")
    lock.execute("rollback")
    lock.close()
    world.wait_rows(11, limit_s=30)


def test_rows_that_wait_outlive_a_kill(world):
    world.start()
    calls_work(world, 1)
    world.wait_rows(1)
    lock = sqlite3.connect(world.database, isolation_level=None, timeout=10)
    lock.execute("begin immediate")
    calls_work(world, 5)
    eventually(lambda: store_part(world).get("database.rows_waiting") == 5, "five rows wait")
    world.daemon.kill()
    lock.execute("rollback")
    lock.close()
    world.start_daemon()
    world.wait_rows(6)
    equal(store_part(world).get("database.rows_recovered"), 5, "rows recovered")
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()
    calls_work(world, 1)
    world.wait_rows(7)
    equal(store_part(world).get("database.rows_recovered"), 0, "nothing is recovered twice")


def test_lock_that_outlasts_every_patience_is_counted(world):
    world.start()
    calls_work(world, 1)
    world.wait_rows(1)
    lock = sqlite3.connect(world.database, isolation_level=None, timeout=10)
    lock.execute("begin immediate")
    calls_work(world, 3)
    eventually(lambda: any(v not in ("ok", 0, "", None) for k, v in store_part(world).items()
                           if "state" in k or "error" in k or "waiting" in k),
               "status shows the trouble", limit_s=30, pause_s=0.5)
    lock.execute("rollback")
    lock.close()
    world.wait_rows(4, limit_s=60)


def test_full_disk_is_survived(world):
    """A small file size limit stands for a full disk."""
    import resource
    world.start_provider()
    world.write_config()
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    calls_work(world, 2)
    world.wait_rows(2)
    try:
        soft, hard = resource.prlimit(world.daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(world.daemon.pid, resource.RLIMIT_FSIZE, (4096, hard))
    except (AttributeError, PermissionError):
        raise Skipped("prlimit is not possible here") from None
    calls_work(world, 8)
    check(world.daemon.is_alive(), "the daemon is gone")
    resource.prlimit(world.daemon.pid, resource.RLIMIT_FSIZE, (soft, hard))
    calls_work(world, 1)
    eventually(lambda: world.has_rows(3), "rows once there is room", limit_s=30)


def test_read_only_database_is_survived(world):
    if os.geteuid() == 0:
        # Root writes anywhere: a newer schema is what makes it read-only for the daemon.
        def prepare():
            connection = sqlite3.connect(world.database)
            connection.execute("create table _migrations (number integer primary key,"
                               " name text not null, applied_at text not null)")
            connection.execute("insert into _migrations values (9999, 'from the future', '')")
            connection.commit()
            connection.close()
        start_with_prepared_home(world, prepare)
        calls_work(world)
        check(world.daemon.is_alive(), "the daemon is gone")
        return
    world.start()
    calls_work(world, 1)
    world.wait_rows(1)
    world.daemon.stop()
    world.database.chmod(0o400)
    world.start_daemon()
    world.wait_metering()
    calls_work(world)
    world.database.chmod(0o600)
    calls_work(world, 1)
    eventually(lambda: world.has_rows(2), "rows once it is writable", limit_s=20)


def test_deleted_database_is_begun_anew_or_kept(world):
    world.start()
    calls_work(world, 2)
    world.wait_rows(2)
    for name in ("db.sqlite", "db.sqlite-wal", "db.sqlite-shm"):
        (world.home / name).unlink(missing_ok=True)
    calls_work(world, 3)
    check(world.daemon.is_alive(), "the daemon is gone")
    equal(world.daemon.stop(), 0, "exit code")
    world.start_daemon()
    world.wait_metering()
    calls_work(world, 2)
    eventually(lambda: world.has_rows(2), "rows in a new database", limit_s=15)


def test_files_are_for_their_owner_only(world):
    world.start_provider()
    world.write_config()
    old = os.umask(0)
    try:
        world.start_edge()
        world.start_daemon()
        world.wait_metering()
    finally:
        os.umask(old)
    calls_work(world, 1)
    world.wait_rows(1)
    for path in sorted(world.home.rglob("*")):
        mode = path.stat().st_mode & 0o777
        if path.name in ("ca.pem", "ca-bundle.pem"):
            check(mode & 0o022 == 0, f"{path.name} has mode {mode:o}")
        elif path.name.startswith("db.sqlite") or "key" in path.name or path.is_dir():
            check(mode & 0o077 == 0, f"{path.name} has mode {mode:o}")
