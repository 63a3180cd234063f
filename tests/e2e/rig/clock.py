"""Another wall clock for one running process. The program is static, so nothing can be preloaded;
but it reads the clock through the code that the kernel maps into every process (the vDSO), and that
can be written over: the new code asks the kernel and adds to the answer. Monotonic time stays true.
"""
import os
import pathlib
import platform
import struct

from .check import Skipped

# clock_gettime: push rdi; push rsi; mov eax, 228; syscall; pop rsi; pop rdi; test edi, edi (is it
# CLOCK_REALTIME?); jnz +7; add qword [rsi], imm32; ret.
GETTIME = bytes.fromhex("5756b8e40000000f055e5f85ff7507488106")
TAIL = bytes.fromhex("c3")
# gettimeofday(rdi = struct timeval, rsi = NULL): push rdi; mov eax, 96; syscall; pop rdi;
# add qword [rdi], imm32; ret.
TIMEOFDAY = bytes.fromhex("57b8600000000f055f488107")
# time(NULL or pointer): push rdi; xor edi, edi; mov eax, 201; syscall; pop rdi; add rax, imm32, and
# then test rdi, rdi; jz +3; mov [rdi], rax; ret.
TIME = bytes.fromhex("5731ffb8c90000000f055f4805")
TIME_TAIL = bytes.fromhex("4885ff7403488907c3")


def symbols(image):
    """Names and offsets of the functions of an ELF image in memory."""
    offset = struct.unpack_from("<Q", image, 0x20)[0]
    size, count = struct.unpack_from("<HH", image, 0x36)
    dynamic = None
    for number in range(count):
        kind, _, at, _, _, length = struct.unpack_from("<IIQQQQ", image, offset + number * size)
        if kind == 2:
            dynamic = (at, length)
    tags = dict(struct.unpack_from("<QQ", image, dynamic[0] + at)
                for at in range(0, dynamic[1], 16))
    strings, table, found = tags[5], tags[6], {}
    at = table
    while at + 24 <= strings or strings < table and at + 24 <= len(image):
        name, _, _, _, value, length = struct.unpack_from("<IBBHQQ", image, at)
        end = image.index(b"\0", strings + name)
        if value and length:
            found[image[strings + name:end].decode(errors="replace")] = value
        at += 24
        if at >= min(x for x in (strings, tags.get(4, len(image)), tags.get(0x6ffffef5, len(image)),
                                 len(image)) if x > table):
            break
    return found


def shift(pid, seconds):
    """From now on the process finds it `seconds` later than it is. Raises Skipped where that
    cannot be done."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Skipped("clocks are shifted on Linux and x86_64 only")
    line = next(l for l in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
                if l.endswith("[vdso]"))
    begin, end = (int(word, 16) for word in line.split()[0].split("-"))
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    except PermissionError:
        raise Skipped("the memory of another process cannot be written here") from None
    try:
        image = os.pread(memory, end - begin, begin)
        found = symbols(image)
        amount = struct.pack("<i", seconds)
        for name, code, tail in (("clock_gettime", GETTIME, TAIL),
                                 ("gettimeofday", TIMEOFDAY, TAIL), ("time", TIME, TIME_TAIL)):
            place = found.get(f"__vdso_{name}")
            if place is None:
                raise Skipped(f"no {name} in this kernel's vDSO")
            os.pwrite(memory, code + amount + tail, begin + place)
    except OSError as error:
        raise Skipped(f"the vDSO cannot be written here: {error.strerror}") from None
    finally:
        os.close(memory)
