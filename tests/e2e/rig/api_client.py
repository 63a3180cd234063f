"""The daemon's API as its own description has it: every answer is held against it."""
import http.client
import json
import re
import socket

from .check import Failed, check

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
KNOWN_WORDS = {"$ref", "type", "format", "description", "properties", "required", "items",
               "additionalProperties", "anyOf", "enum", "minimum", "maximum"}


def is_type(value, name):
    if name == "null":
        return value is None
    if name == "boolean":
        return isinstance(value, bool)
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "array": list, "object": dict}[name])


def validate(value, schema, document, at="answer"):
    """JSON Schema, as far as our description uses it. Stricter in one thing: what a shape does not
    name is no part of it. A word that is not known here is a failure and not a yes."""
    unknown = set(schema) - KNOWN_WORDS
    check(not unknown, lambda: f"the validator does not know {unknown} at {at}")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return validate(value, document["components"]["schemas"][name], document, at)
    if "anyOf" in schema:
        problems = []
        for choice in schema["anyOf"]:
            try:
                return validate(value, choice, document, at)
            except Failed as failed:
                problems.append(str(failed))
        raise Failed(f"{at} fits none of {len(problems)}: {problems}")
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        check(any(is_type(value, name) for name in names), lambda: f"{at} is {value!r}, no {names}")
    if value is None:
        return None
    if "enum" in schema:
        check(value in schema["enum"], lambda: f"{at} is {value!r}")
    if schema.get("format") == "date-time":
        check(TIME.match(value), lambda: f"{at} is {value!r}, no time in our one form")
    if schema.get("format") == "date":
        check(DATE.match(value), lambda: f"{at} is {value!r}, no day")
    if "items" in schema:
        for number, item in enumerate(value):
            validate(item, schema["items"], document, f"{at}[{number}]")
    if isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            check(name in value, lambda: f"{at}.{name} is missing")
        for name, member in value.items():
            if name in properties:
                validate(member, properties[name], document, f"{at}.{name}")
            else:
                check("additionalProperties" in schema, lambda: f"{at}.{name} is nowhere described")
                validate(member, schema["additionalProperties"], document, f"{at}.{name}")
    return None


class Api:
    def __init__(self, world):
        self.world = world
        self.document = json.loads(world.get_api("/v1/openapi.json")[1])
        self.validated = set()

    def template_of(self, path):
        """The described path that this one is, a slug being any number of parts."""
        path = path.split("?")[0]
        if path in self.document["paths"]:
            return path
        found = []
        for template in self.document["paths"]:
            pattern = re.escape(template).replace(r"\{slug\}", ".+").replace(r"\{id\}", "[^/]+")
            if re.fullmatch(pattern, path):
                found.append(template)
        check(found, lambda: f"{path} is nowhere described")
        return max(found, key=lambda template: len(template.replace("{slug}", "")))

    def ask(self, path, method="GET", body=None, headers=None, template=None, token=None):
        """Status, headers and the body; JSON is parsed, and all of it is as it is described."""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body) if not isinstance(body, str) else body
        if token:
            headers["X-Halton-Token"] = token
        connection = http.client.HTTPConnection("127.0.0.1", self.world.api_port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        template = template or self.template_of(path)
        operation = self.document["paths"][template].get(method.lower())
        check(operation, lambda: f"{method} {template} is nowhere described")
        described = operation["responses"].get(str(answer.status))
        check(described, lambda: f"{method} {path} was answered {answer.status}, which is nowhere "
                                 f"described: {data[:300]!r}")
        kind = answer.getheader("Content-Type", "").split(";")[0]
        check(kind in described["content"], lambda: f"{path}: {kind}, wanted {described['content']}")
        for name, wanted in (("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
                             ("Cross-Origin-Resource-Policy", "same-origin"),
                             ("Referrer-Policy", "no-referrer")):
            check(answer.getheader(name) == wanted, lambda: f"{path}: {name} is missing")
        if kind == "application/json":
            data = json.loads(data)
            validate(data, described["content"][kind]["schema"], self.document, path)
        self.validated.add((method, template, answer.status))
        return answer.status, answer.headers, data

    def get(self, path, **named):
        status, _, data = self.ask(path, **named)
        check(status == 200, lambda: f"{path} was answered {status}: {data}")
        return data


class Live:
    """A reader of the live feed."""

    def __init__(self, port, headers=""):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.sendall(f"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
        self.raw = b""
        self.text = b""
        while b"\r\n\r\n" not in self.raw:
            self._receive()
        self.head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        self.status = int(self.head.split()[1])

    def _receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the live feed ended")
        self.raw += piece

    def _unchunk(self):
        while True:
            size, mark, rest = self.raw.partition(b"\r\n")
            if not mark or len(rest) < int(size, 16) + 2:
                return
            self.text += rest[:int(size, 16)]
            self.raw = rest[int(size, 16) + 2:]

    def next(self, name=None):
        """The next event (of that name): its name, id and data."""
        while True:
            self._unchunk()
            while b"\n\n" in self.text:
                block, self.text = self.text.split(b"\n\n", 1)
                fields = dict(line.split(": ", 1) for line in block.decode().split("\n")
                              if ": " in line and not line.startswith(":"))
                if "event" in fields and name in (None, fields["event"]):
                    return fields["event"], fields.get("id"), json.loads(fields["data"])
            self._receive()

    def close(self):
        self.socket.close()
