"""Texts for macOS that another program can read here: the golden property lists."""
import pathlib
import plistlib

from rig.check import check, equal

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "setup" / "macos"
PREFIX = "com.haltonlabs.meter"


def test_agents_are_property_lists_that_say_what_they_must(world):
    agents = {}
    for file in FOLDER.glob("*.plist"):
        agent = plistlib.loads(file.read_bytes(), fmt=plistlib.FMT_XML)
        equal(agent["Label"] + ".plist", file.name, "label")
        equal(agent["ProgramArguments"][0], "/opt/halton & co/bin/halton-meter", "program")
        name = agent["Label"].removeprefix(PREFIX).lstrip(".") or "daemon"
        equal(agent["ProgramArguments"][1:], [name], "verb")
        equal(agent["StandardOutPath"], f"/Users/ada/.halton-meter/{name}.out.log", "stdout")
        equal(agent["StandardErrorPath"], f"/Users/ada/.halton-meter/{name}.err.log", "stderr")
        agents[name] = agent
    equal(sorted(agents), ["daemon", "edge", "userenv", "watchdog"], "agents")

    edge = agents["edge"]
    check(edge["KeepAlive"] is True and edge["RunAtLoad"] is True, "the edge is not kept alive")
    equal(edge["Sockets"], {"edge": {"SockFamily": "IPv4", "SockNodeName": "127.0.0.1",
                                     "SockServiceName": "8081", "SockType": "stream"}}, "sockets")
    check(agents["userenv"]["RunAtLoad"] is True, "userenv does not run at login")
    equal(agents["daemon"]["ExitTimeOut"], 30, "time that the daemon has to end")
    for name in ("daemon", "watchdog", "userenv"):
        check("KeepAlive" not in agents[name], f"{name} has a KeepAlive key")
        check("Sockets" not in agents[name], f"{name} has sockets")
    for name in ("daemon", "watchdog"):
        check("RunAtLoad" not in agents[name], f"{name} runs at login")
