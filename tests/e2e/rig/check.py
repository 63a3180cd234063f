"""Checks that say what was found."""
import time


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failed(message() if callable(message) else message)


def equal(found, wanted, what="value"):
    if found != wanted:
        raise Failed(f"{what}: found {shorten(found)}, wanted {shorten(wanted)}")


def equal_bytes(found, wanted, what):
    if found == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b),
              min(len(found), len(wanted)))
    raise Failed(f"{what}: {len(found)} bytes, wanted {len(wanted)}; they part at byte {at}: "
                 f"found ...{found[max(0, at - 30):at + 40]!r}, "
                 f"wanted ...{wanted[max(0, at - 30):at + 40]!r}")


def shorten(value):
    text = repr(value)
    return text if len(text) <= 400 else text[:400] + f"... ({len(text)} characters)"


def eventually(question, what, limit_s=15, pause_s=0.02):
    """Asks again and again until the answer is true; returns it. Exceptions count as no."""
    end = time.monotonic() + limit_s
    last = None
    while True:
        try:
            answer = question()
            if answer:
                return answer
            last = answer
        except (OSError, ValueError, KeyError) as error:
            last = error
        if time.monotonic() > end:
            raise Failed(f"not within {limit_s} s: {what} (last: {shorten(last)})")
        time.sleep(pause_s)
