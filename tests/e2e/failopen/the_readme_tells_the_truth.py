"""README's section "Use it" is typed into terminals of a new user, line by line, on a real
supervisor; what is printed has the form that README shows."""
import pathlib
import re

from rig.check import check, equal
from rig.systemd import PROGRAM, Machine

IN_CAGE = True
README = pathlib.Path(__file__).resolve().parents[3] / "README.md"
HEADING = "## Use it"


def read_transcript():
    """(command, lines that README shows after it) of the section's console blocks."""
    text = README.read_text()
    section = text[text.index(HEADING):]
    section = section[:section.find("\n## ", 5)]
    steps = []
    for block in re.findall(r"```console\n(.*?)```", section, re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif line.strip():
                steps[-1][1].append(line)
    return steps


def to_form(line):
    """What differs from run to run is made equal: numbers, times, lengths of blanks and of lines
    of a table."""
    line = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?", "TIME", line)
    line = re.sub(r"/home/\w+|~", "HOME", line)
    line = re.sub(r"\d+(?:[.,]\d+)*", "N", line)
    line = re.sub(r"[─═━-]{3,}", "---", line)
    return re.sub(r"\s+", " ", line).strip()


def test_use_it(world):
    steps = read_transcript()
    commands = [command for command, _ in steps]
    for word in ("init --apps", "status", "doctor", "stop", "curl", "start", "report", "uninstall"):
        check(any(word in command for command in commands), f"{HEADING} does not show {word}")
    machine = Machine(world)
    machine.add_provider()
    user = machine.add_user("you")
    user.log_in()
    problems = []
    for command, shown in steps:
        # A new terminal for each line: what `init` did to those is there.
        done = user.run("bash", "-ic", command, limit_s=120, environment=user.environment(
            PATH="/usr/local/bin:/usr/bin:/bin", COLUMNS="100"))
        printed = [to_form(line) for line in (done.text + done.error).splitlines()
                   if line.strip() and "job control" not in line and "ioctl" not in line]
        world.count()
        at = 0
        for line in shown:
            wanted = to_form(line)
            if wanted == "...":
                continue
            if wanted not in printed[at:]:
                problems.append(f"`{command}` ({done.returncode}) did not print {line!r}: "
                                f"{(done.text + done.error)[-1500:]}")
                break
            at = printed.index(wanted, at) + 1
        if not shown and done.returncode != 0:
            problems.append(f"`{command}` ended with {done.returncode}: {done.error[-500:]}")
    world.count(0, len(problems))
    check(not problems, lambda: "\n".join(problems))
    equal(user.run("pgrep", "-u", str(user.uid), "-f", PROGRAM).text.split(), [],
          "processes after the last line")
