"""Recorded WebSocket sessions go client -> edge -> daemon -> provider, message by message; the rows
of each must add up to what an independent reader counted, and no message may change on the way."""
import collections
import json

from corpus_replay import corpus_folder
from rig.check import check, eventually
from rig.socket_client import DEFLATE, SocketClient

REALTIME = ("api.openai.com", "/v1/realtime?model=recorded")
PLACES = {
    "openai": REALTIME,
    # The same protocol at a host of the customer's own, and behind a gateway.
    "azure": REALTIME,
    "xai": ("api.x.ai", "/v1/realtime"),
    "gemini": ("generativelanguage.googleapis.com",
               "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"),
}
# How both ends write their frames, dealt out by turns.
FORMS = [("", {}), ("deflate", {}), ("fragment ping", {"fragments": 3, "ping": True}),
         ("deflate no-context", {"fragments": 2}), ("deflate fragment ping", {"ping": True})]


def load_sessions(folder):
    with open(folder / "corpus-realtime.jsonl") as lines:
        return [json.loads(line) for line in lines]


def place_of(item):
    is_google = any('"setup"' in frame["text"][:20] for frame in item["frames"])
    return PLACES["gemini" if is_google else item["provider"]
                  if item["provider"] in PLACES else "openai"]


def play(world, item, number):
    """Both sides of the recording; what went wrong, or None."""
    words, form = FORMS[number % len(FORMS)]
    headers = {"user-agent": item["id"], "x-test-item": item["id"], "x-test-socket": words}
    if "deflate" in words:
        headers["sec-websocket-extensions"] = DEFLATE
    client = SocketClient.open(world, *place_of(item), headers=headers)
    for at, recorded in enumerate(item["frames"]):
        if recorded["direction"] == "sent":
            client.send(recorded["text"], **form)
        elif client.receive() != recorded["text"]:
            return f"message {at} was changed on the way"
    if client.receive() is not None:
        return "messages behind the last one"
    client.drop()
    return None


def judge(expected, rows):
    answers = [row for row in rows if row["request_kind"] == "realtime"]
    usage = expected["usage_raw"] or []
    ends = [u for u in usage if "transcription" not in u["event"]]
    wanted = {"answers": len(ends), "transcriptions": len(usage) - len(ends)}
    failed = sum(row["status"] == "error" for row in rows)
    found = {"answers": len(answers), "transcriptions": len(rows) - len(answers) - failed}
    for column, field in (("input_tokens", "input_tokens"), ("output_tokens", "output_tokens"),
                          ("cache_read_tokens", "cache_read_tokens"),
                          ("thinking_tokens", "reasoning_tokens")):
        found[column] = sum(row[column] for row in answers)
        wanted[column] = expected.get(field) or 0
    if expected.get("model"):
        found["models"], wanted["models"] = {row["model"] for row in answers}, {expected["model"]}
    found["whole"] = all(row["tokens_complete"] for row in answers)
    wanted["whole"] = True
    return None if found == wanted else f"found {found}, wanted {wanted}"


def test_every_recorded_session(world):
    folder = corpus_folder()
    items = load_sessions(folder)
    expectations = {}
    with open(folder / "expected.jsonl") as lines:
        for line in lines:
            expected = json.loads(line)
            expectations[expected["id"]] = expected
    script = world.directory / "sessions.jsonl"
    with open(script, "w") as out:
        for item in items:
            out.write(json.dumps({"id": item["id"], "frames": item["frames"]}) + "\n")
    world.start("--script", script)
    wrong, rows = [], collections.defaultdict(list)
    for number, item in enumerate(items):
        problem = play(world, item, number)
        if problem:
            wrong.append(f"{item['id']}: {problem}")
    done = eventually(lambda: len(world.provider.ledger("socket")) == len(items) and
                      world.provider.ledger("socket"), "every session stands in the ledger")
    wrong += [f"{e['item']}: the provider did not get what was recorded: {e['problem']}"
              for e in done if not e["completed"]]
    check(world.daemon.stop() == 0, "the daemon ends in order")
    for row in world.rows():
        rows[row["user_agent"]].append(row)
    matched = collections.Counter()
    for item in items:
        problem = judge(expectations[item["id"]], rows[item["id"]])
        if problem:
            wrong.append(f"{item['id']} ({item['provider']}): {problem}")
        else:
            matched[item["provider"]] += 1
    totals = collections.Counter(item["provider"] for item in items)
    world.notes.append(", ".join(f"{p} {matched[p]} / {totals[p]}" for p in sorted(totals)))
    check(not wrong, lambda: f"{world.notes[0]}; {len(wrong)} wrong:\n  " + "\n  ".join(wrong[:40]))


test_every_recorded_session.limit_s = 120
