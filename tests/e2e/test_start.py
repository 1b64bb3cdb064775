"""A server that cannot start says why and ends with 1, whatever it had begun: a configuration that is refused, a port that
another server has. The other server goes on undisturbed."""
import subprocess

import organisation
from harness import BINARY, PATIENCE, Tocsin, free_port, scratch


def refused(folder, http, grpc, config):
    done = subprocess.run([str(BINARY), "serve", f"--data={folder}", f"--http={http}", f"--grpc={grpc}",
                           f"--config={config}"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "not started: " in done.stderr, done.stderr
    return done.stderr


def main():
    with scratch() as folder:
        good = folder / "organisation.yaml"
        good.write_text(organisation.yaml())
        bad = folder / "bad.yaml"
        bad.write_text("nonsense: 1\n")
        free = lambda: f"127.0.0.1:{free_port()}"
        assert "nonsense" in refused(folder / "a", free(), free(), bad)
        with Tocsin(folder, good).start() as tocsin:
            assert "--grpc: cannot listen on " + tocsin.grpc in refused(folder / "b", free(), tocsin.grpc, good)
            assert "Address already in use" in refused(folder / "c", tocsin.http, free(), good)
            for _ in range(10):
                assert tocsin.cli("groups").startswith("no open groups")
            tocsin.stop()


if __name__ == "__main__":
    main()
