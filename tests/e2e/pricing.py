"""What calls cost: lists, negotiated and imported prices, pricing anew, subscriptions."""
import base64
import json

from rig.check import check, equal, eventually

CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 10,
          "messages": [{"role": "user", "content": "hi"}]}
OVERRIDE = """
[[pricing.override]]
provider = "anthropic"
model = "claude-sonnet-4-5"
input = 1
output = 2
"""
# LiteLLM's form: dollars for a token.
IMPORT = {
    "sample_spec": {"input_cost_per_token": 0},
    "claude-sonnet-4-5": {"litellm_provider": "anthropic", "mode": "chat",
                          "input_cost_per_token": 7e-06, "output_cost_per_token": 1.1e-05},
    "openai/gpt-of-ours": {"litellm_provider": "openai", "mode": "chat",
                           "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
    "somebody/else": {"litellm_provider": "nobody", "input_cost_per_token": 1e-06},
    "broken": {"litellm_provider": "openai", "input_cost_per_token": -1},
}


def call_claude(world, **headers):
    world.call("POST", "/v1/messages", CLAUDE,
               headers={"x-test-tokens": "1000,100", **headers})


def write_import(world):
    file = world.directory / "prices.json"
    file.write_text(json.dumps(IMPORT))
    return file


def test_list_show_and_check_need_nobody(world):
    done = world.run("pricing", "list", "sonnet-4-5")
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("claude-sonnet-4-5" in done.text and "above 200k" in done.text, done.text[:500])
    check("gpt-4o" not in done.text, "the filter let others through")
    shown = json.loads(world.run("pricing", "list", "--provider", "openai", "--json").text)
    check(len(shown["prices"]) > 100, f"{len(shown['prices'])} prices of openai")
    equal({p["provider"] for p in shown["prices"]}, {"openai"}, "providers")
    done = world.run("pricing", "show", "claude-sonnet-5", "--provider", "anthropic",
                     "--at", "2026-08-31")
    check("input                       2" in done.text, done.text)
    done = world.run("pricing", "show", "claude-sonnet-5", "--provider", "anthropic", "--json",
                     "--at", "2026-09-01")
    price = json.loads(done.text)["prices"][0]
    equal(price["price_id"], "anthropic/claude-sonnet-5@2026-09-01", "price row")
    equal(price["standard"]["input_nanousd_per_1k"], 3_000_000, "input price")
    done = world.run("pricing", "show", "model-of-tomorrow")
    equal(done.returncode, 1, "exit code for an unknown model")
    check("without a cost" in done.error, done.error)
    done = world.run("pricing", "check")
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("nothing is missing" in done.text, done.text)
    check(not (world.home / "db.sqlite").exists(), "something was made")


def test_bad_words_exit_2(world):
    for arguments in (["pricing"], ["pricing", "lists"], ["pricing", "show"],
                      ["pricing", "import"], ["pricing", "import", "x", "--clear"],
                      ["pricing", "show", "m", "--at", "soon"], ["reprice"],
                      ["reprice", "--since", "soon"], ["reprice", "--apply"], ["limits", "x"]):
        done = world.run(*arguments)
        equal(done.returncode, 2, f"exit code of {' '.join(arguments)} ({done.text[:80]!r})")
        check(done.error.strip(), "no word on stderr")


def test_every_row_names_its_price(world):
    world.start()
    call_claude(world)
    row = world.wait_row()
    equal(row["cost_nanousd"], 1000 * 3_000 + 100 * 15_000, "cost")
    equal(row["price_id"], "anthropic/claude-sonnet-4-5", "price row")
    equal(row["rates_source"], f"bundled-{row['price_date']}", "rates source")
    equal(row["billing_mode"], "metered", "billing mode")
    equal(row["fresh_input_tokens"], 1000, "derived input")
    equal(row["total_output_tokens"], 100, "derived output")


def test_a_negotiated_price_is_charged_and_named(world):
    world.start(config=OVERRIDE)
    call_claude(world)
    row = world.wait_row()
    equal(row["cost_nanousd"], 1000 * 1_000 + 100 * 2_000, "cost")
    equal(row["rates_source"], "override", "rates source")
    equal(row["price_id"], "override:anthropic/claude-sonnet-4-5", "price row")


def test_a_bad_negotiated_price_is_told_and_left_out(world):
    world.start(config=OVERRIDE.replace("output = 2", 'output = "two"'))
    call_claude(world)
    equal(world.wait_row()["cost_nanousd"], 1000 * 3_000 + 100 * 15_000, "cost")
    check("pricing.override 1" in world.daemon.log(), world.daemon.log()[-500:])
    done = world.run("pricing", "check")
    equal(done.returncode, 1, "exit code of pricing check")
    check("output is not a price" in done.error, done.error)


def test_import_counts_says_what_it_left_out_and_can_be_cleared(world):
    file = write_import(world)
    done = world.run("pricing", "import", str(file))
    equal(done.returncode, 0, f"exit code ({done.error})")
    check("2 models taken" in done.text and "2 entries left out" in done.text, done.text)
    for word in ("somebody/else", "a provider that is not metered", "broken", "out of range"):
        check(word in done.text, f"{word} is not told: {done.text}")
    equal(oct((world.home / "prices.jsonl").stat().st_mode & 0o777), "0o600", "mode of the set")
    world.start()
    call_claude(world)
    row = world.wait_row()
    equal(row["cost_nanousd"], 1000 * 7_000 + 100 * 11_000, "cost")
    equal(row["price_id"], "import:anthropic/claude-sonnet-4-5", "price row")
    equal(row["rates_source"], "override", "rates source")
    for text in ("{", "[]", "{}"):
        file.write_text(text)
        done = world.run("pricing", "import", str(file))
        equal(done.returncode, 1, f"exit code for {text}")
        check(done.error.strip(), "no word on stderr")
    check((world.home / "prices.jsonl").exists(), "a bad file took the good set with it")
    equal(world.run("pricing", "import", str(world.directory / "none")).returncode, 1, "no file")
    equal(world.run("pricing", "import", "--clear").returncode, 0, "clearing")
    check(not (world.home / "prices.jsonl").exists(), "the set is still there")
    equal(world.run("pricing", "import", "--clear").returncode, 0, "clearing again")


def test_reprice_shows_first_and_writes_beside_the_daemon(world):
    world.start()
    for _ in range(3):
        call_claude(world)
    world.wait_rows(3)
    before = 1000 * 3_000 + 100 * 15_000
    with open(world.home / "config.toml", "a") as config:
        config.write(OVERRIDE)
    done = world.run("reprice", "--since", "1d")
    equal(done.returncode, 0, f"exit code ({done.error})")
    for part in ("3 would change", "$0.013500", "$0.003600", "Nothing was written",
                 "--since 1d --apply"):
        check(part in done.text, f"{part!r} is not in {done.text}")
    equal({r["cost_nanousd"] for r in world.rows()}, {before}, "costs after only looking")
    done = world.run("reprice", "--since", "1d", "--apply", "--json")
    result = json.loads(done.text)
    equal((result["applied"], result["changed"]), (True, 3), "result")
    equal(result["before_nanousd"], 3 * before, "before")
    equal({(r["cost_nanousd"], r["rates_source"]) for r in world.rows()},
          {(1_200_000, "override")}, "costs")
    # The daemon has not noticed, and goes on with the prices it started with.
    call_claude(world)
    rows = world.wait_rows(4)
    equal(sorted(r["cost_nanousd"] for r in rows), [1_200_000] * 3 + [before], "costs")
    equal(json.loads(world.run("reprice", "--since", "1d", "--apply", "--json").text)["changed"], 1,
          "rows changed by the second run")
    check("4 unchanged" in world.run("reprice", "--since", "1d").text, "there is still a difference")


def test_reprice_without_a_database(world):
    done = world.run("reprice", "--since", "7d")
    equal(done.returncode, 1, "exit code")
    check("no call has been metered" in done.error, done.error)


def script_answer(name, headers, body):
    return json.dumps({"id": name, "status": 200, "headers": headers,
                       "body": base64.b64encode(json.dumps(body).encode()).decode()}) + "\n"


def test_plan_use_stands_apart_and_tells_its_limits(world):
    script = world.directory / "plans.jsonl"
    script.write_text(
        script_answer("claude", [["content-type", "application/json"],
                                 ["anthropic-ratelimit-unified-status", "allowed"],
                                 ["anthropic-ratelimit-unified-5h-utilization", "0.37"],
                                 ["anthropic-ratelimit-unified-5h-reset", "4000000000"],
                                 ["anthropic-ratelimit-unified-7d-utilization", "0.12"]],
                      {"model": "claude-sonnet-4-5",
                       "usage": {"input_tokens": 1000, "output_tokens": 100}}) +
        script_answer("codex", [["content-type", "application/json"],
                                ["x-codex-plan-type", "plus"],
                                ["x-codex-primary-used-percent", "61"],
                                ["x-codex-primary-window-minutes", "300"]],
                      {"model": "gpt-5", "usage": {"input_tokens": 1000, "output_tokens": 100}}))
    world.start("--script", script)
    token = "sk-ant-oat01-" + "secretsecret" * 3
    world.call("POST", "/v1/messages", CLAUDE,
               headers={"authorization": f"Bearer {token}", "x-test-item": "claude"})
    world.call("POST", "/backend-api/codex/responses", {"model": "gpt-5", "input": "hi"},
               host="chatgpt.com", headers={"x-test-item": "codex"})
    call_claude(world, **{"x-api-key": "sk-ant-api03-secret"})
    rows = world.wait_rows(3)
    equal(sorted(r["billing_mode"] for r in rows), ["metered", "plan", "plan"], "billing modes")
    report = json.loads(world.run("report", "--json").text)["totals"]
    equal(report["cost_nanousd"], 1000 * 3_000 + 100 * 15_000, "metered spend")
    equal(report["plan_requests"], 2, "plan requests")
    equal(report["plan_cost_nanousd"], 1000 * 3_000 + 100 * 15_000 + 1000 * 1_250 + 100 * 10_000,
          "what the plan use was worth")
    text = world.run("report").text
    check("worth of plan use in 2 requests" in text and "plan use" in text, text)
    limits = eventually(lambda: json.loads(world.run("limits", "--json").text)["limits"],
                        "limits are told")
    found = {(l["provider"], l["window"]): l for l in limits}
    equal(set(found), {("anthropic", "5h"), ("anthropic", "7d"), ("openai", "codex-primary")},
          "windows")
    equal(found["anthropic", "5h"]["used_fraction"], 0.37, "used of five hours")
    equal(found["openai", "codex-primary"]["plan"], "plus", "plan")
    text = world.run("limits").text
    check("37%" in text and "61%" in text, text)
    for file in world.home.rglob("*"):
        if file.is_file() and token.encode() in file.read_bytes():
            check(False, f"the credential is in {file.name}")


def test_limits_of_nobody(world):
    done = world.run("limits")
    equal(done.returncode, 0, "exit code")
    check("No provider has told a limit yet" in done.text, done.text)
