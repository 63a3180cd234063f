"""Who is driven: the agents, and the runtimes and clients that other agents are made of."""
import os
import pathlib
import shutil
import subprocess

here = pathlib.Path(__file__).resolve().parent
PROMPT = "Answer with one word."
ANTHROPIC_URL = "https://api.anthropic.com/v1/messages"
ANTHROPIC_BODY = ('{"model":"claude-sonnet-4-5","max_tokens":64,"stream":true,'
                  '"messages":[{"role":"user","content":"Answer with one word."}]}')
GIT_HOST = "git.halton.test"
WORLDS = ["metered", "daemon down", "not trusted", "killed"]


class Tool:
    """One row: how it is started, and what it needs in its environment and home."""

    def __init__(self, name, command, version=None, environment=None, worlds=None,
                 build=None, needs=None, hosts=(), wire=None, transcripts=None):
        self.name = name
        self.command = command            # program and arguments, as a function of the place
        self.version_command = version    # prints the version
        self.environment = environment or {}
        self.worlds = worlds or WORLDS
        self.build = build                # called once, outside of the cage
        self.needs = needs                # why it cannot run here, or None
        self.hosts = list(hosts)          # more hosts than those of the rig
        self.wire = wire                  # what it must use where it is metered
        self.transcripts = transcripts    # what `import` calls those that it leaves behind


class Place:
    """Where things are: the cache with the npm packages, and a folder for what is built."""

    def __init__(self, cache, built):
        self.cache = pathlib.Path(cache)
        self.built = pathlib.Path(built)

    def npm(self, name):
        return str(self.cache / "node_modules" / ".bin" / name)


def lacks(program):
    return lambda place: None if shutil.which(program) else f"no {program} here"


def lacks_python(module):
    def find(place):
        def is_there():
            return subprocess.run(["/usr/bin/python3", "-c", f"import {module}"],
                                  capture_output=True).returncode == 0
        if is_there():
            return None
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "install", "-qq", "-y", f"python3-{module}"],
                           capture_output=True, env={**os.environ,
                                                     "DEBIAN_FRONTEND": "noninteractive"})
        return None if is_there() else f"no {module} for /usr/bin/python3 (python3-{module})"
    return find


def build_go(place):
    subprocess.run(["go", "build", "-o", place.built / "call-go", here / "clients" / "call.go"],
                   check=True, env={**os.environ, "GO111MODULE": "off"})


def build_java(place):
    subprocess.run(["javac", "-d", place.built, here / "clients" / "Call.java"], check=True)


def client(name):
    return str(here / "clients" / name)


AGENTS = [
    Tool("claude",
         lambda at: [at.npm("claude"), "-p", PROMPT, "--model", "claude-sonnet-4-5"],
         version=lambda at: [at.npm("claude"), "--version"],
         environment={"ANTHROPIC_API_KEY": "sk-ant-test-0123456789"}, transcripts="claude-code"),
    Tool("codex",
         lambda at: [at.npm("codex"), "exec", "--skip-git-repo-check", "-m", "gpt-5-codex", PROMPT],
         version=lambda at: [at.npm("codex"), "--version"],
         environment={"CODEX_API_KEY": "sk-test-0123456789"}, wire="socket", transcripts="codex"),
    Tool("gemini",
         lambda at: [at.npm("gemini"), "-p", PROMPT, "-m", "gemini-2.5-flash"],
         version=lambda at: [at.npm("gemini"), "--version"],
         environment={"GEMINI_API_KEY": "test-0123456789", "GEMINI_CLI_TRUST_WORKSPACE": "true"}),
    Tool("opencode",
         lambda at: [at.npm("opencode"), "run", "-m", "anthropic/claude-sonnet-4-5", PROMPT],
         version=lambda at: [at.npm("opencode"), "--version"],
         environment={"ANTHROPIC_API_KEY": "sk-ant-test-0123456789"}),
    Tool("opencode-openai",
         lambda at: [at.npm("opencode"), "run", "-m", "openai/gpt-5", PROMPT],
         version=lambda at: [at.npm("opencode"), "--version"],
         environment={"OPENAI_API_KEY": "sk-test-0123456789"}),
    # Its own log-in is never reached: it is given a provider and a key, as it allows.
    Tool("copilot",
         lambda at: [at.npm("copilot"), "-p", PROMPT, "--model", "gpt-4.1"],
         version=lambda at: [at.npm("copilot"), "--version"],
         environment={"COPILOT_PROVIDER_BASE_URL": "https://api.openai.com/v1",
                      "COPILOT_PROVIDER_TYPE": "openai", "COPILOT_MODEL": "gpt-4.1",
                      "COPILOT_PROVIDER_API_KEY": "sk-test-0123456789",
                      "COPILOT_AUTO_UPDATE": "false"}),
]

RUNTIMES = [
    Tool("curl",
         lambda at: ["curl", "-sSN", "--retry", "4", "--retry-all-errors", "--retry-delay", "1",
                     "--max-time", "60", "--json", ANTHROPIC_BODY, ANTHROPIC_URL],
         version=lambda at: ["curl", "--version"], needs=lacks("curl")),
    Tool("python-requests", lambda at: ["/usr/bin/python3", client("call.py"), "requests"],
         version=lambda at: ["/usr/bin/python3", "-c", "import requests as m; print(m.__version__)"],
         needs=lacks_python("requests")),
    Tool("python-httpx", lambda at: ["/usr/bin/python3", client("call.py"), "httpx"],
         version=lambda at: ["/usr/bin/python3", "-c", "import httpx as m; print(m.__version__)"],
         needs=lacks_python("httpx")),
    Tool("node", lambda at: ["node", client("tunnel.mjs")],
         version=lambda at: ["node", "--version"], needs=lacks("node")),
    Tool("bun", lambda at: [at.npm("bun"), client("fetch.mjs")],
         version=lambda at: [at.npm("bun"), "--version"]),
    Tool("deno", lambda at: [at.npm("deno"), "run", "--no-prompt", "--allow-net", "--allow-env",
                             client("fetch.mjs")],
         version=lambda at: [at.npm("deno"), "--version"]),
    Tool("go", lambda at: [str(at.built / "call-go")],
         version=lambda at: ["go", "version"], build=build_go, needs=lacks("go")),
    Tool("java", lambda at: ["java", "-cp", str(at.built), "Call"],
         version=lambda at: ["java", "--version"], build=build_java, needs=lacks("javac")),
    # Not a provider's host: never decrypted, in no world. The scripted answer names the word.
    Tool("git", lambda at: ["git", "-c", "http.extraHeader=x-test-item: refs", "ls-remote",
                            f"https://{GIT_HOST}/meter.git"],
         version=lambda at: ["git", "--version"], needs=lacks("git"), hosts=[GIT_HOST],
         environment={"GIT_TERMINAL_PROMPT": "0"}, worlds=["metered", "daemon down", "not trusted"]),
]

ALL = AGENTS + RUNTIMES
