"""A power cut for the real binary. The shim has recorded what every write, resize, creation, rename and unlink changed; the process has been
killed, so the files hold all of it. `cut` undoes what no sync has covered, and leaves a part of it standing, as a disk may:

  nothing   only what was synced is there
  prefix    of each file, and of each folder, the first few of what was not synced
  torn      of each file any of its writes, each with any of its sectors; of each folder the first few

Strictly by POSIX: a name is there after a power cut once its folder was synced, the bytes once the file was. Folders that were made stay."""
import os
import pathlib
import struct

HEAD = struct.Struct("10Q")
SECTOR = 512


def read_log(path):
    """(sequence, kind, inode, offset, old size, new size, path, to, old bytes, new bytes), without a record that was cut off."""
    content = pathlib.Path(path).read_bytes()
    at = 0
    while at + HEAD.size <= len(content):
        sequence, kind, inode, offset, old_size, new_size, *sizes = HEAD.unpack_from(content, at)
        at += HEAD.size
        if at + sum(sizes) > len(content):
            return
        parts = []
        for size in sizes:
            parts.append(content[at:at + size])
            at += size
        yield (sequence, chr(kind), inode, offset, old_size, new_size, parts[0].decode(), parts[1].decode(), parts[2], parts[3])


def unsynced(log):
    """By inode, what no sync has covered: of files, of folders."""
    files, folders = {}, {}
    for record in read_log(log):
        kind, inode, upto = record[1], record[2], record[3]
        if kind in "WT":
            files.setdefault(inode, []).append(record)
        elif kind in "CRU":
            folders.setdefault(inode, []).append(record)
        else:
            pending = files if kind == "S" else folders
            if inode in pending:
                pending[inode] = [each for each in pending[inode] if each[0] > upto]
    return files, folders


def undo(file, pending):
    for _, kind, _, offset, old_size, _, _, _, old, _ in reversed(pending):
        if old:
            os.pwrite(file, old, offset)
        os.ftruncate(file, old_size)


def tear(randomness, old, new):
    """Any of the sectors are new, the others as they were."""
    out = bytearray(new)
    for at in range(0, len(new), SECTOR):
        if randomness.random() < 0.5:
            before = old[at:at + SECTOR]
            out[at:at + SECTOR] = before + bytes(min(SECTOR, len(new) - at) - len(before))
    return bytes(out)


def redo(file, kept, mode, randomness):
    for _, kind, _, offset, _, new_size, _, _, old, new in kept:
        if kind == "T":
            os.ftruncate(file, new_size)
        else:
            os.pwrite(file, tear(randomness, old, new) if mode == "torn" else new, offset)


def keep(pending, mode, randomness):
    if mode == "nothing":
        return []
    if mode == "prefix":
        return pending[:randomness.randint(0, len(pending))]
    return [each for each in pending if randomness.random() < 0.5]


def undo_names(pending, grave):
    for sequence, kind, _, _, _, _, path, to, _, _ in reversed(pending):
        buried = grave / str(sequence)
        if kind == "C":
            pathlib.Path(path).unlink(missing_ok=True)
        elif kind == "R" and os.path.exists(to):
            # When the server died before the rename itself, `from` is still there and `to` is what it was.
            if not os.path.exists(path):
                os.rename(to, path)
                if buried.exists():
                    os.link(buried, to)
        elif kind == "U" and buried.exists() and not os.path.exists(path):
            os.link(buried, path)


def cut(shim, mode, randomness):
    """Returns how many changes there were that no sync had covered. The server must be dead."""
    files, folders = unsynced(shim.log)
    places = {}
    for root in (shim.grave, shim.data):
        for path in root.rglob("*"):
            if path.is_file():
                places[path.stat().st_ino] = path
    for inode, pending in files.items():
        if not pending or inode not in places:
            continue
        file = os.open(places[inode], os.O_RDWR)
        undo(file, pending)
        redo(file, keep(pending, mode, randomness), mode, randomness)
        os.close(file)
    for pending in folders.values():
        kept = 0 if mode == "nothing" else randomness.randint(0, len(pending))
        undo_names(pending[kept:], shim.grave)
    shim.log.unlink()
    for path in shim.grave.iterdir():
        path.unlink()
    return sum(map(len, files.values())) + sum(map(len, folders.values()))
