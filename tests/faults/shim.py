"""Steers shim.c, which is preloaded into a server: faults at system calls, a wall clock that jumps, and what a power cut needs."""
import mmap
import os
import pathlib
import struct
import subprocess

from ground import ROOT, Missing

SOURCE = pathlib.Path(__file__).with_name("shim.c")
LIBRARY = ROOT / "build/faults/shim.so"
OPERATIONS = ["sync", "write", "rename", "open", "read", "allocate", "unlink", "malloc", "thread", "compact"]
FIELDS = ["count", "first", "many", "action", "value", "hits"]
KILL_BEFORE, KILL_AFTER, FAIL, SHORT, DELAY = range(1, 6)
ALWAYS = -1


def library():
    """The shim, compiled when it is older than its source."""
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < SOURCE.stat().st_mtime:
        LIBRARY.parent.mkdir(parents=True, exist_ok=True)
        made = LIBRARY.with_suffix(".new")
        try:
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(SOURCE), "-ldl"], check=True)
        except FileNotFoundError as error:
            raise Missing("there is no C compiler for the shim") from error
        made.rename(LIBRARY)
    return LIBRARY


class Shim:
    """One page, shared with the server that has `env` in its environment; `record`: keeps what power.cut needs in `log`; `elsewhere`: a folder
    beside the data that can hang."""

    def __init__(self, folder, data, record=False, elsewhere=None):
        self.page = pathlib.Path(folder) / "shim.control"
        self.page.write_bytes(bytes(4096))
        with open(self.page, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)
        self.data = pathlib.Path(data)
        self.log = pathlib.Path(folder) / "shim.record" if record else None
        self.env = {"LD_PRELOAD": str(library()), "FAULTS_CONTROL": str(self.page), "FAULTS_DATA": str(data)}
        self.hangs = False
        if elsewhere:
            self.env["FAULTS_ELSEWHERE"] = str(elsewhere)
        if record:
            self.env["FAULTS_LOG"] = str(self.log)
            self.grave.mkdir()

    @property
    def grave(self):
        return pathlib.Path(f"{self.log}.grave")

    def _place(self, field, operation):
        return 8 * (FIELDS.index(field) * len(OPERATIONS) + OPERATIONS.index(operation))

    def _set(self, place, value):
        struct.pack_into("q", self.map, place, value)

    def read(self, field, operation):
        return struct.unpack_from("q", self.map, self._place(field, operation))[0]

    def count(self, operation):
        return self.read("count", operation)

    def arm(self, operation, action, value=0, first=None, many=ALWAYS):
        """From the `first` of these operations on, counted from 1 since the start (None: from the next), `many` of them."""
        for field, number in (("action", action), ("value", value), ("many", many), ("first", first or self.count(operation) + 1)):
            self._set(self._place(field, operation), number)

    def disarm(self):
        for operation in OPERATIONS:
            self._set(self._place("first", operation), 0)

    def start_counting_anew(self):
        """For the next server."""
        self.map[0:4096] = bytes(4096)
        self.hang(self.hangs)

    def set_wall(self, seconds):
        """The wall clock, by how much it is off."""
        self._set(8 * len(FIELDS) * len(OPERATIONS), int(seconds * 1_000_000_000))

    def lie(self):
        """From now on a sync says yes and does nothing."""
        self._set(8 * (len(FIELDS) * len(OPERATIONS) + 1), 1)

    def hang(self, hangs=True):
        """What is elsewhere does not answer, or answers again; also for servers that start later."""
        self.hangs = hangs
        self._set(8 * (len(FIELDS) * len(OPERATIONS) + 2), int(hangs))

    def hung(self):
        """How many calls have waited since the start."""
        return struct.unpack_from("q", self.map, 8 * (len(FIELDS) * len(OPERATIONS) + 3))[0]


def environment(shim):
    return {**os.environ, **shim.env}
