"""A flipped bit below the mark and a deleted segment are noticed at start, and said plainly."""
import pathlib
import shutil
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, scratch


def refusal(data):
    done = subprocess.run([str(BINARY), "serve", f"--data={data}", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0"],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def segments(data):
    return sorted(path for path in pathlib.Path(data, "journal").iterdir() if path.name != "mark" and not path.name.endswith(".dropped"))


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        tocsin = Tocsin(folder, config)
        with tocsin.start():
            for i in range(50):
                tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Damage", f"instance=i{i}", "service=web")
            tocsin.stop()
        verified = subprocess.run([str(BINARY), "verify", f"--data={tocsin.data}"], capture_output=True, text=True)
        assert verified.returncode == 0, verified.stderr

        flipped = folder / "flipped"
        shutil.copytree(tocsin.data, flipped)
        segment = segments(flipped)[0]
        content = bytearray(segment.read_bytes())
        place = content.find(b"Damage")  # inside an entry's body, long before the mark
        assert place > 0
        content[place] ^= 0x04
        segment.write_bytes(content)
        said = refusal(flipped)
        assert segment.name in said and "recover --accept-loss" in said, said
        print(said)

        deleted = folder / "deleted"
        shutil.copytree(tocsin.data, deleted)
        segments(deleted)[0].unlink()
        said = refusal(deleted)
        assert "recover --accept-loss" in said, said
        print(said)

        recovered = subprocess.run([str(BINARY), "recover", "--accept-loss", f"--data={flipped}"], capture_output=True,
                                   text=True)
        assert recovered.returncode == 0, recovered.stderr
        again = Tocsin(folder)
        again.data = flipped
        with again.start():
            again.stop()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
