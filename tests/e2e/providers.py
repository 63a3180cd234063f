"""Providers beyond one fixed host: domains, regions, hosts of the config, answers fetched later."""
import base64
import hashlib
import json
import ssl

from rig.check import check, equal, eventually

CHAT = {"model": "house-model", "messages": [{"role": "user", "content": "hi"}]}
CUSTOM = """[[provider.custom]]
host = "llm.corp.example"
shape = "openai"
name = "gateway"
[[provider.custom]]
host = "*.models.example"
shape = "anthropic"
name = "models"
"""


def start(world, hosts, config="", *arguments):
    names = [word for host in hosts for word in ("--name", host)]
    world.start_provider(*arguments, *names)
    world.write_config(config, [f"{host}:443=127.0.0.1:{world.provider.port}"
                                for host in ["api.anthropic.com", *hosts]])
    world.start_edge()
    world.start_daemon()
    world.wait_metering()


def fingerprint(world):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(world.our_ca.read_text())).hexdigest()


def test_hosts_below_a_domain_and_in_a_region_are_metered(world):
    hosts = {"team-a.openai.azure.com": "azure", "bedrock-mantle.us-west-2.api.aws": "bedrock",
             "router.huggingface.co": "huggingface", "api.business.githubcopilot.com": "copilot"}
    tunnelled = ["portal.azure.com", "s3.us-west-2.amazonaws.com",
                 "bedrock-runtime.moon-1.amazonaws.com"]
    start(world, [*hosts, *tunnelled])
    for number, (host, provider) in enumerate(hosts.items()):
        answer = world.call("POST", "/v1/chat/completions"
                            if provider != "azure" else "/openai/v1/chat/completions", CHAT, host)
        equal(answer.status, 200, f"status of {host}")
        check(answer.is_metered, f"{host} was not metered")
        if provider == "azure":
            continue  # the test provider answers that path in a form of no provider
        row = max(world.wait_rows(number + 1), key=lambda r: r["requested_at"])
        equal((row["provider"], row["input_tokens"], row["output_tokens"]), (provider, 25, 12),
              f"the row of {host}")
    for host in tunnelled:
        check(not world.is_metering(host), f"{host} was decrypted")


def test_hosts_of_the_config_are_metered_under_a_new_root(world):
    start(world, ["llm.corp.example", "eu.models.example"])
    check(not world.is_metering("llm.corp.example"), "a host of nobody was decrypted")
    before = fingerprint(world)

    config = (world.home / "config.toml").read_text()
    (world.home / "config.toml").write_text(config + CUSTOM)
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()
    check(fingerprint(world) != before, "the root was not made anew")
    check("ca.made" in world.daemon.log(), "the log does not tell of the new root")

    answer = world.call("POST", "/v1/chat/completions", CHAT, "llm.corp.example")
    check(answer.is_metered, "the host of the config was not metered")
    row = world.wait_rows(1)[0]
    equal((row["provider"], row["model"], row["input_tokens"], row["tokens_complete"]),
          ("gateway", "house-model", 25, 1), "the row")
    equal(row["cost_nanousd"], None, "the cost of an unknown price")
    answer = world.call("POST", "/v1/messages", {"model": "house-claude"}, "eu.models.example")
    check(answer.is_metered, "a host below a domain of the config was not metered")
    row = max(world.wait_rows(2), key=lambda r: r["requested_at"])
    equal((row["provider"], row["output_tokens"]), ("models", 12), "the row")

    # The same config keeps the root.
    after = fingerprint(world)
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()
    equal(fingerprint(world), after, "the root after a restart")


def test_a_fetched_answer_counts_once(world):
    def item(name, body):
        return {"id": name, "status": 200, "headers": [["content-type", "application/json"]],
                "body": base64.b64encode(json.dumps(body).encode()).decode()}
    begun = {"id": "resp_1", "model": "gpt-5", "status": "queued", "usage": None}
    ready = dict(begun, status="completed", usage={"input_tokens": 100, "output_tokens": 10})
    script = world.directory / "fetched.jsonl"
    script.write_text("".join(json.dumps(line) + "\n" for line in
                              [item("begun", begun), item("ready", ready)]))
    start(world, [], "", "--script", script)
    config = (world.home / "config.toml").read_text()
    (world.home / "config.toml").write_text(config.replace(
        "connect_to = [", f'connect_to = ["api.openai.com:443=127.0.0.1:{world.provider.port}", '))
    world.daemon.stop()
    world.start_daemon()
    world.wait_metering()

    def call(method, path, name):
        body = {"model": "gpt-5", "background": True} if method == "POST" else None
        answer = world.call(method, path, body, "api.openai.com", {"x-test-item": name})
        check(answer.is_metered, "the call was not metered")
    call("GET", "/v1/responses/resp_1", "ready")  # whoever began it, not through us
    call("POST", "/v1/responses", "begun")
    call("GET", "/v1/responses/resp_1", "begun")
    for _ in range(3):
        call("GET", "/v1/responses/resp_1?include[]=usage", "ready")
    eventually(lambda: len(world.rows()) >= 2, "the rows of the call and of its first fetch")
    rows = world.wait_rows(2)
    equal([(r["method"], r["input_tokens"], r["output_tokens"], r["tokens_complete"])
           for r in rows], [("POST", 0, 0, 0), ("GET", 100, 10, 1)], "the rows")
