"""One streamed call with `requests` or `httpx`, tried again when it breaks, as the SDKs do."""
import json
import sys
import time

URL = "https://api.anthropic.com/v1/messages"
BODY = {"model": "claude-sonnet-4-5", "max_tokens": 64, "stream": True,
        "messages": [{"role": "user", "content": "Answer with one word."}]}


def call_requests():
    import requests
    with requests.post(URL, json=BODY, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        return b"".join(answer.iter_content(None)).decode()


def call_httpx():
    import httpx
    with httpx.stream("POST", URL, json=BODY, timeout=60) as answer:
        answer.raise_for_status()
        return "".join(answer.iter_text())


def text_of(stream):
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    if events[-1]["type"] != "message_stop":
        raise OSError("the stream has no end")
    return "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")


call = {"requests": call_requests, "httpx": call_httpx}[sys.argv[1]]
for attempt in range(5):
    try:
        print(text_of(call()))
        sys.exit(0)
    except Exception as error:  # whatever the library throws
        print(f"attempt {attempt}: {type(error).__name__}: {error}", file=sys.stderr)
        time.sleep(0.5)
sys.exit(1)
