"""Stand-ins for the tools that hold a system's proxy settings: `networksetup` of macOS and
`gsettings` of GNOME, as programs on PATH that keep their state in files. Each call is noted with
the daemon's health at that moment."""
import json
import sys

NETWORKSETUP = '''#!{python}
import fcntl, http.client, json, pathlib, sys
folder = pathlib.Path({folder!r})
words = sys.argv[1:]
with open(folder / "lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    services = json.loads((folder / "services.json").read_text())
    health = 0
    if words[0].startswith("-set"):
        try:
            port = json.loads(pathlib.Path({ports!r}).read_text())["api_port"]
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            link.request("GET", "/health")
            health = link.getresponse().status
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            pass
    with open(folder / "calls.jsonl", "a") as calls:
        calls.write(json.dumps({{"words": words, "health": health}}) + "\\n")
    if words[0] == "-listallnetworkservices":
        print("An asterisk (*) denotes that a network service is disabled.")
        for name, service in services.items():
            print(("*" if service.get("disabled") else "") + name)
        sys.exit()
    service = services.get(words[1])
    if not service:
        print(words[1] + " is not a recognized network service.")
        print("** Error: The parameters were not valid.")
        sys.exit(4)
    if service.get("broken") and words[0].startswith("-set"):
        print("** Error: Command requires admin privileges.")
        sys.exit(14)
    kind = "secure" if "secure" in words[0] else "web"
    if words[0] in ("-getwebproxy", "-getsecurewebproxy"):
        on, server, port = service[kind]
        print("Enabled: " + ("Yes" if on else "No"))
        print("Server: " + server)
        print("Port:", port)
        print("Authenticated Proxy Enabled: 0")
    elif words[0] == "-getproxybypassdomains":
        print("\\n".join(service["bypass"]) or
              f"There aren't any bypass domains set on {{words[1]}}.")
    elif words[0] == "-setproxybypassdomains":
        service["bypass"] = [] if words[2:] == ["Empty"] else words[2:]
    elif words[0] in ("-setwebproxystate", "-setsecurewebproxystate"):
        service[kind][0] = words[2] == "on"
    elif words[0] in ("-setwebproxy", "-setsecurewebproxy"):
        service[kind] = [True, words[2], int(words[3])]
    else:
        sys.exit("** Error: The command was not recognized")
    part = folder / "services.json.new"
    part.write_text(json.dumps(services))
    part.rename(folder / "services.json")
'''

GSETTINGS = '''#!{python}
import json, pathlib, sys
file = pathlib.Path({folder!r}) / "gnome.json"
values = json.loads(file.read_text())
verb, schema, key = sys.argv[1:4]
name = schema.removeprefix("org.gnome.system.proxy").lstrip(".") + "." + key
if verb == "get":
    print(values[name])
else:
    values[name] = sys.argv[4] if sys.argv[4].isdigit() else repr(sys.argv[4])
    file.write_text(json.dumps(values))
'''


class SystemProxy:
    """The tools of one world. Only what is given here is on PATH besides Python's own needs."""

    def __init__(self, world, networksetup=False, gsettings=False):
        self.folder = world.directory / "tools"
        self.folder.mkdir()
        self._ports = world.home / "effective-ports.json"
        if networksetup:
            self._install("networksetup", NETWORKSETUP)
        if gsettings:
            self._install("gsettings", GSETTINGS)
        plain = world.environment
        world.environment = lambda **more: {**plain(**more), "PATH": str(self.folder),
                                            "XDG_CONFIG_HOME": str(world.user_home / ".config")}

    def _install(self, name, text):
        file = self.folder / name
        file.write_text(text.format(python=sys.executable, folder=str(self.folder),
                                    ports=str(self._ports)))
        file.chmod(0o755)

    # macOS ---------------------------------------------------------------------------------

    def write_services(self, **services):
        (self.folder / "services.json").write_text(json.dumps(services))

    def services(self):
        return json.loads((self.folder / "services.json").read_text())

    def changes(self):
        """The calls that change something, oldest first."""
        file = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [call for call in calls if call["words"][0].startswith("-set")]

    # GNOME ---------------------------------------------------------------------------------

    def write_gnome(self, mode, host, port):
        (self.folder / "gnome.json").write_text(json.dumps({
            ".mode": repr(mode), "https.host": repr(host), "https.port": str(port)}))

    def gnome_mode(self):
        return json.loads((self.folder / "gnome.json").read_text())[".mode"].strip("'")


def service(is_on=False, server="", port=0, bypass=("*.local", "169.254/16"), **more):
    return {"web": [is_on, server, port], "secure": [is_on, server, port],
            "bypass": list(bypass), **more}
