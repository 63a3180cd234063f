"""The verbs as a user types them."""
import json
import os
import pathlib
import signal
import socket
import sys

from rig import wire
from rig.check import Skipped, check, equal, eventually

CLAUDE = {"model": "claude-sonnet-4-5"}
URL = "https://api.anthropic.com/v1/messages"


def run_curl(world, *more, environment=None):
    """halton-meter run -- curl, with the provider's root added to what curl is told to trust."""
    return world.run("run", "--", "curl", "-sS", "--http1.1", "--max-time", "30",
                     "--cacert", world.trust_file(), "--json", json.dumps(CLAUDE), *more, URL,
                     environment=environment)


def test_version(world):
    done = world.run("--version")
    equal(done.returncode, 0, "exit code")
    check(any(c.isdigit() for c in done.text), f"printed {done.text!r}")
    equal(done.error, "", "stderr")


def test_help_is_everywhere(world):
    done = world.run("--help")
    equal(done.returncode, 0, "exit code")
    listed = [line.split()[0] for line in done.text.split("Commands:")[1].split("Flags:")[0]
              .splitlines() if line.strip()]
    for verb in ("init", "onboard", "start", "stop", "restart", "rescue", "uninstall", "edge",
                 "daemon", "run", "report", "status", "limits", "pricing", "reprice",
                 "projects", "whoami", "top", "tail", "errors", "explain", "export", "import",
                 "statusline", "mcp", "completions", "man", "reset-proxy"):
        check(verb in listed, f"--help does not name {verb}")
    for verb in listed:
        inner = world.run(verb, "--help")
        equal(inner.returncode, 0, f"exit code of {verb} --help")
        check(verb in inner.text, f"{verb} --help prints {inner.text[:100]!r}")
    check("edge_port" not in world.read_ports(), "--help started something")


def test_help_of_a_verb_and_manual_pages(world):
    equal(world.run("help", "report").text, world.run("report", "--help").text, "help report")
    equal(world.run("help", "pricing", "list").text, world.run("pricing", "list", "--help").text,
          "help pricing list")
    equal(world.run("help", "reprot").returncode, 2, "exit code of help for an unknown verb")
    check(".TH HALTON-METER-REPORT 1" in world.run("man", "report").text, "no manual page")
    check(".TH HALTON-METER 1" in world.run("man").text, "no manual page of the program")
    equal(world.run("man", "reprot").returncode, 2, "exit code of man for an unknown verb")
    for shell in ("bash", "zsh", "fish"):
        done = world.run("completions", shell)
        equal(done.returncode, 0, f"exit code of completions {shell}")
        check("vs-previous" in done.text, f"completions of {shell} lack a flag")
    equal(world.run("completions", "csh").returncode, 2, "exit code of an unknown shell")


def test_every_error_is_one_line_with_the_next_command(world):
    """Nothing is installed and nothing was metered: what fails says what to type."""
    for arguments in (["explain", "last"], ["export"], ["reprice", "--since", "7d"], ["top"],
                      ["projects", "rename", "a", "b"], ["projects", "settings", "none"],
                      ["import", "codex"], ["pricing", "import", "/none"], ["rescue"],
                      ["pricing", "show", "model-of-tomorrow"], ["nonsense"], ["report", "--by", "x"],
                      ["tail", "--lines", "x"], ["statusline", "--nonsense"], ["mcp", "word"]):
        done = world.run(*arguments)
        check(done.returncode in (1, 2), f"{arguments} gives {done.returncode}")
        lines = done.error.splitlines()
        equal(len(lines), 1, f"lines that {arguments} says ({done.error!r})")
        check("halton-meter " in lines[0].removeprefix("halton-meter"),
              f"{arguments} names no next command: {lines[0]!r}")


def test_unknown_verb_names_the_nearest_and_exits_2(world):
    for word, nearest in (("reprot", "report"), ("stauts", "status"), ("daemn", "daemon")):
        done = world.run(word)
        equal(done.returncode, 2, f"exit code of {word}")
        check(nearest in done.error, f"{word}: {done.error!r}")
        equal(done.text, "", "stdout")


def test_unknown_flags_exit_2(world):
    for arguments in (["report", "--nonsense"], ["status", "--nonsense"],
                      ["report", "--since", "soon"], ["report", "--by", "colour"]):
        done = world.run(*arguments)
        equal(done.returncode, 2, f"exit code of {' '.join(arguments)}")
        check(done.error.strip(), "no word on stderr")


def test_symlinks_choose_the_role_by_name(world):
    world.start_provider()
    world.write_config()
    for name in ("halton-edge", "halton-daemon"):
        (world.directory / name).symlink_to(world.binary)
    world.command = lambda verb, *arguments: [str(world.directory / f"halton-{verb}"), *arguments]
    world.start_edge()
    world.start_daemon()
    world.wait_metering()


def test_run_with_the_daemon_up_leaves_one_row(world):
    world.start()
    done = run_curl(world)
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("input_tokens" in done.text, f"printed {done.text[:200]!r}")
    equal(world.wait_row()["model"], "claude-sonnet-4-5", "model")


def test_run_with_the_daemon_down_answers_and_leaves_no_row(world):
    world.start()
    world.daemon.kill()
    done = run_curl(world)
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("input_tokens" in done.text, f"printed {done.text[:200]!r}")
    equal(world.rows(), [], "rows")
    equal(len(world.provider.ledger()), 1, "calls at the provider")


def test_run_with_the_edge_down_runs_unproxied_and_warns(world):
    world.start()
    world.edge.kill()
    done = world.run("run", "--", "env")
    equal(done.returncode, 0, "exit code")
    check("HTTPS_PROXY" not in done.text, "a proxy was set that nobody serves")
    check(done.error.strip(), "no warning on stderr")


def environment_of_child(world, environment=None, cwd=None):
    done = world.run("run", "env", environment=environment, cwd=cwd)
    equal(done.returncode, 0, f"exit code ({done.error})")
    return dict(line.split("=", 1) for line in done.text.splitlines() if "=" in line)


def test_run_sets_the_documented_variables(world):
    world.start()
    child = environment_of_child(world)
    proxy = f"http://127.0.0.1:{world.edge_port}"
    equal(child.get("HTTPS_PROXY"), proxy, "HTTPS_PROXY")
    equal(child.get("https_proxy"), proxy, "https_proxy")
    for name in ("NO_PROXY", "no_proxy"):
        entries = child.get(name, "").split(",")
        check({"localhost", "127.0.0.1", "::1"} <= set(entries), f"{name}={child.get(name)}")
    equal(child.get("NODE_USE_ENV_PROXY"), "1", "NODE_USE_ENV_PROXY")
    equal(child.get("AIOHTTP_TRUST_ENV"), "True", "AIOHTTP_TRUST_ENV")
    for name in ("NODE_EXTRA_CA_CERTS", "DENO_CERT"):
        equal(child.get(name), str(world.home / "ca.pem"), name)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
                 "AWS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE"):
        equal(child.get(name), str(world.home / "ca-bundle.pem"), name)
    for name in ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "NODE_OPTIONS",
                 "NODE_TLS_REJECT_UNAUTHORIZED"):
        check(name not in child, f"{name} was set")


def test_run_keeps_and_extends_the_users_no_proxy(world):
    world.start()
    child = environment_of_child(world, world.environment(NO_PROXY="intranet.test,10.0.0.0/8"))
    for entry in ("intranet.test", "10.0.0.0/8", "127.0.0.1"):
        check(entry in child["NO_PROXY"].split(","), f"NO_PROXY={child['NO_PROXY']}")


def test_nested_run_changes_nothing(world):
    world.start()
    once = environment_of_child(world)
    done = world.run("run", "--", world.binary, "run", "--", "env")
    twice = dict(line.split("=", 1) for line in done.text.splitlines() if "=" in line)
    for name in once:
        if name not in ("_", "SHLVL"):
            equal(twice.get(name), once[name], f"{name} of the nested run")


def test_run_merges_the_users_own_roots(world):
    world.start()
    own = world.directory / "own.pem"
    own.write_text(world.provider.ca.read_text())
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        child = environment_of_child(world, world.environment(**{name: str(own)}))
        text = open(child[name]).read()
        check(world.provider.ca.read_text().strip().split("\n")[1] in text,
              f"the user's root of {name} is lost")
        check(world.our_ca.read_text().strip().split("\n")[1] in text, f"our root lacks in {name}")
    # And so the bundle that `run` names is all that a client needs.
    done = world.run("run", "--", "curl", "-sS", "--http1.1", "--max-time", "30", "--json",
                     json.dumps(CLAUDE), URL,
                     environment=world.environment(SSL_CERT_FILE=str(own)))
    equal(done.returncode, 0, f"curl with the merged bundle ({done.error})")
    world.wait_rows(1)


def test_run_with_java_meters_java_as_it_comes(world):
    """Both of Java's clients, which read no variable that other tools read; real roots stay."""
    if not world.has_program("javac"):
        raise Skipped("no Java here that runs a source file")
    world.start()
    program = pathlib.Path(__file__).parent / "clients" / "Plain.java"
    done = world.run("run", "--java", "--", "java", program, URL, json.dumps(CLAUDE),
                     environment=world.environment(JAVA_TOOL_OPTIONS="-Xmx300m"), limit_s=120)
    equal(done.returncode, 0, f"exit code ({done.error[-800:]})")
    lines = done.text.split("\n")
    equal(lines[0], "HTTP_2 200 true", "the answer to java.net.http")
    equal(lines[1], "HTTP_1_1 200 true", "the answer to HttpsURLConnection")
    bundle = (world.home / "ca-bundle.pem").read_text()
    equal(lines[2], f"roots {bundle.count('BEGIN CERTIFICATE')}", "trusted roots")
    for row in world.wait_rows(2):
        equal(row["model"], "claude-sonnet-4-5", "model")
        check(row["user_agent"].startswith("Java"), f"from {row['user_agent']}")


def test_run_sets_java_up_on_demand_only(world):
    world.start()
    check("JAVA_TOOL_OPTIONS" not in environment_of_child(world), "set without being asked")

    def run_with(options):
        return world.run("run", "--java", "env",
                         environment=world.environment(JAVA_TOOL_OPTIONS=options))

    done = run_with("-Xmx1g")
    options = dict(line.split("=", 1) for line in done.text.splitlines()
                   if "=" in line)["JAVA_TOOL_OPTIONS"]
    check(options.startswith("-Xmx1g -Dhttps.proxyHost=127.0.0.1 "), f"options are {options!r}")
    check(f"-Dhttps.proxyPort={world.edge_port} " in options, f"options are {options!r}")
    again = run_with(options)
    check(f"JAVA_TOOL_OPTIONS={options}\n" in again.text, "a nested run adds them again")
    # A trust store of the user's own cannot be merged: Java is left alone, and everything else not.
    own = "-Djavax.net.ssl.trustStore=/corp.jks"
    kept = run_with(own)
    check(f"JAVA_TOOL_OPTIONS={own}\n" in kept.text, "the user's trust store was replaced")
    check("HTTPS_PROXY=" in kept.text, "other tools are left alone too")
    check("trustStore" in kept.error, f"stderr: {kept.error!r}")


def test_run_passes_exit_codes_and_signals(world):
    world.start()
    equal(world.run("run", "--", "sh", "-c", "exit 7").returncode, 7, "exit code")
    equal(world.run("run", "sh", "-c", "exit 8").returncode, 8, "exit code without --")
    check(world.run("run", "--", "sh", "-c", "kill -TERM $$").returncode
          in (-signal.SIGTERM, 128 + signal.SIGTERM), "a signal is not passed on")
    equal(world.run("run", "--", "/no/such/program").returncode, 127, "program not found")
    equal(world.run("run", "--", "/etc/passwd").returncode, 126, "program not executable")
    equal(world.run("run").returncode, 2, "no program")
    done = world.run("run", "--", "cat", input=b"through")
    equal(done.text, "through", "standard input")


def test_run_replaces_itself(world):
    world.start()
    done = world.run("run", "--", "sh", "-c", "ps -o comm= -p $PPID 2>/dev/null || "
                     "cat /proc/$PPID/comm")
    check("halton" not in done.text, f"the parent of the program is {done.text!r}")


def test_halton_project_names_the_project(world):
    world.start()
    run_curl(world, environment=world.environment(HALTON_PROJECT="team/alpha"))
    row = world.wait_row()
    equal(row["project_slug"], "team/alpha", "project")


def test_haltonrc_names_the_project(world):
    world.start()
    folder = world.directory / "work" / "deep"
    folder.mkdir(parents=True)
    (world.directory / "work" / ".haltonrc").write_text('project = "from-the-file"\n')
    done = world.run("run", "--", "curl", "-sS", "--http1.1", "--cacert", world.trust_file(),
                     "--json", json.dumps(CLAUDE), URL, cwd=folder)
    equal(done.returncode, 0, f"curl ({done.error})")
    equal(world.wait_row()["project_slug"], "from-the-file", "project")


def test_git_repository_names_the_project(world):
    world.start()
    folder = world.directory / "my-repository" / "src"
    folder.mkdir(parents=True)
    world.execute(["git", "init", "-q", folder.parent])
    done = world.run("run", "--", "curl", "-sS", "--http1.1", "--cacert", world.trust_file(),
                     "--json", json.dumps(CLAUDE), URL, cwd=folder)
    equal(done.returncode, 0, f"curl ({done.error})")
    check("my-repository" in world.wait_row()["project_slug"],
          f"project {world.rows()[0]['project_slug']}")


def test_report_shows_the_calls(world):
    world.start()
    for _ in range(3):
        run_curl(world, environment=world.environment(HALTON_PROJECT="blue"))
    world.call("POST", "/v1/chat/completions", {"model": "gpt-4o"}, "api.openai.com",
               headers={"x-test-tokens": "1000,500"})
    world.wait_rows(4)
    for arguments in ([], ["--since", "5m"], ["--since", "7d"], ["--since", "30"]):
        done = world.run("report", *arguments)
        equal(done.returncode, 0, f"exit code ({done.error})")
        for word in ("claude-sonnet-4-5", "gpt-4o", "blue"):
            check(word in done.text, f"report {arguments} lacks {word}: {done.text}")
        check("\x1b" not in done.text, "colours without a terminal")
    done = world.run("report", "--json")
    found = json.loads(done.text)
    text = json.dumps(found)
    for word in ("claude-sonnet-4-5", "gpt-4o", "blue"):
        check(word in text, f"report --json lacks {word}")


def test_report_works_with_everything_down(world):
    world.start()
    run_curl(world)
    world.wait_rows(1)
    world.daemon.stop()
    world.edge.stop()
    done = world.run("report", "--since", "5m")
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("claude-sonnet-4-5" in done.text, f"printed {done.text}")


def test_report_without_a_database_says_so(world):
    done = world.run("report")
    check(done.returncode in (0, 1), f"exit code {done.returncode}")
    check((done.text + done.error).strip(), "silence")
    check(not world.database.exists(), "report made a database")
    done = world.run("report", "--json")
    if done.returncode == 0:
        json.loads(done.text)


def test_report_runs_beside_a_writing_daemon(world):
    world.start()
    for number in range(10):
        world.call("POST", "/v1/messages", CLAUDE)
        equal(world.run("report", "--since", "5m").returncode, 0, f"report {number}")
    world.wait_rows(10)


def test_hostile_names_do_not_reach_the_terminal(world):
    world.start()
    world.call("POST", "/v1/messages", CLAUDE,
               headers={"x-test-model": "evil\\u001b]0;owned\\u0007\\u001b[31mred\\n"})
    world.wait_rows(1)
    for arguments in (["report"], ["report", "--json"], ["status"]):
        done = world.run(*arguments)
        check("\x1b" not in done.text and "\x07" not in done.text,
              f"{arguments} prints control characters")


def test_status_up_and_down(world):
    world.start()
    found = json.loads(world.run("status", "--json").text)
    check(found.get("version"), "no version")
    check("install_mode" in found, "no install_mode")
    equal(found["components"]["daemon"]["state"], "healthy", "daemon")
    equal(found["components"]["edge"]["state"], "healthy", "edge")
    equal(found["listeners"]["api"]["port"], world.api_port, "api port")
    text = world.run("status").text
    check("daemon" in text and "edge" in text, f"status prints {text}")
    world.daemon.kill()
    found = json.loads(world.run("status", "--json").text)
    check(found["components"]["daemon"]["state"] != "healthy", "a dead daemon is healthy")
    equal(found["components"]["edge"]["state"], "healthy", "edge with the daemon down")
    world.edge.kill()
    found = json.loads(world.run("status", "--json").text)
    check(found["components"]["edge"]["state"] != "healthy", "a dead edge is healthy")


def test_status_says_whether_the_edge_chains(world):
    """A release was once withdrawn because everything ran in passthrough and nobody saw it."""
    world.start()
    found = json.loads(world.run("status", "--json").text)
    equal(found["components"]["edge"].get("mode"), "chain", "mode of the edge")
    world.daemon.signal(signal.SIGSTOP)
    def is_passthrough():
        text = world.run("status", "--json").text
        return json.loads(text)["components"]["edge"].get("mode") == "passthrough"
    eventually(is_passthrough, "status shows passthrough", limit_s=10, pause_s=0.2)


def test_status_in_an_empty_home(world):
    done = world.run("status")
    check(done.returncode in (0, 1, 2) and done.text.strip(), f"prints {done.text!r}")
    json.loads(world.run("status", "--json").text)


def test_second_daemon_and_second_edge_do_not_disturb_the_first(world):
    world.start()
    before = world.read_ports()
    config = (world.home / "config.toml").read_text()
    (world.home / "config.toml").write_text(
        config.replace("edge_port = 0", f"edge_port = {before['edge_port']}"))
    done = world.run("edge", limit_s=20)
    check(done.returncode not in (0, None), "a second edge on the same port started")
    equal(world.read_ports()["edge_port"], before["edge_port"], "edge port")
    check(world.is_metering(), "no longer metered")


def test_wanted_ports_are_taken_or_given_way(world):
    """8090 and 8765 fall back to free ports, 8081 never does silently."""
    world.start_provider()
    world.write_config()
    blockers = []
    for _ in range(2):
        blocker = socket.socket()
        blocker.bind(("127.0.0.1", 0))
        blocker.listen(1)
        blockers.append(blocker)
    taken = [b.getsockname()[1] for b in blockers]
    config = (world.home / "config.toml").read_text()
    (world.home / "config.toml").write_text(
        config.replace("internal_port = 0", f"internal_port = {taken[0]}")
              .replace("api_port = 0", f"api_port = {taken[1]}"))
    world.start_edge()
    world.start_daemon()
    world.wait_metering()
    check(world.internal_port not in taken and world.api_port not in taken,
          f"ports {world.read_ports()} although {taken} are taken")
    for blocker in blockers:
        blocker.close()


def test_health_and_hosts(world):
    world.start()
    status, body = world.get_api("/health")
    equal(status, 200, "status of /health")
    equal(json.loads(body)["status"], "ok", "status word")
    equal(world.get_api("/health", {"Host": "evil.example"})[0], 403, "foreign Host header")
    check(world.get_api("/no/such/path")[0] == 404, "unknown path")


def test_the_daemon_ignores_proxy_variables(world):
    """Its own connections must not go through a proxy of the session, least of all the edge."""
    world.start_provider()
    world.write_config()
    world.start_edge()
    plain = world.environment
    proxy = f"http://127.0.0.1:{world.edge_port}"
    world.environment = lambda **more: plain(
        HTTPS_PROXY=proxy, https_proxy=proxy, HTTP_PROXY=proxy, ALL_PROXY=proxy, **more)
    world.start_daemon()
    world.environment = plain
    world.wait_metering()
    equal(world.call("POST", "/v1/messages", CLAUDE).status, 200, "status")
