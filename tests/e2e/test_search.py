"""`tocsin search` against the real server: by service, label, person, text, state and time, open and closed, page by page, and after
a restart."""
import json
import subprocess

import organisation
from harness import BINARY, Tocsin, scratch, wait_for


def found(tocsin, *arguments):
    """The labels `instance` of what is found, to the end, page by page."""
    names, cursor = [], ""
    while True:
        page = json.loads(tocsin.cli("search", *arguments, "--limit", "3", "-o", "json",
                                     *(["--cursor", cursor] if cursor else [])))
        for hit in page["hits"]:
            labels = {label["name"]: label["value"] for label in hit["group"]["labels"]} if "group" in hit else {}
            names.append(labels.get("instance", "incident"))
        cursor = page["nextCursor"]
        if not cursor:
            return names


def send(tocsin, instance, *more):
    tocsin.cli("send", f"--key={organisation.STREAM_KEY}", "alertname=Search", f"instance={instance}", *more)
    wait_for(f"a group of {instance}", lambda: found(tocsin, f"instance={instance}"))


def check(tocsin):
    groups = [f"i{n}" for n in reversed(range(10))]
    assert found(tocsin, "kind:group") == groups, "newest opened first"
    assert found(tocsin, "service=web") == ["i9", "i6", "i3", "i0"]
    assert found(tocsin, "label:rack=r1") == ["i8", "i5", "i2"], "a label of its alert, not of the group"
    assert found(tocsin, "state:closed") == ["i7", "i4"]
    assert found(tocsin, "state:open", "service=web", "since:1h") == ["i9", "i6", "i3", "i0"]
    assert found(tocsin, "text:disk full", "kind:group") == ["i5"]
    assert found(tocsin, 'text:"VENDOR called"') == ["i5", "i2"]
    assert found(tocsin, "person:admin", "kind:group") == ["i7", "i5", "i4", "i2"], "who wrote the notes and resolved"
    assert found(tocsin, "person:nobody") == []
    assert found(tocsin, "until:1h") == []
    assert found(tocsin, "--to", "2020-01-01 00:00") == []


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(group_by="instance", group_wait="0s", step_delay="1h"))
        with Tocsin(folder, config).start() as tocsin:
            for n in range(10):
                send(tocsin, f"i{n}", *(["service=web"] if n % 3 == 0 else [f"rack=r{n % 3 - 1}"]))
            ids = {labels["value"]: group["id"] for group in tocsin.call("GroupService/ListGroups")["groups"]
                   for labels in group["labels"] if labels["name"] == "instance"}
            tocsin.cli("note", f"G{ids['i5']}", "the Disk was full; vendor called")
            tocsin.cli("note", f"G{ids['i2']}", "vendor called, no answer")
            for name in ("i4", "i7"):
                tocsin.cli("resolve", f"G{ids[name]}")
            wait_for("the last of it to be found", lambda: found(tocsin, "state:closed") == ["i7", "i4"])
            check(tocsin)
            table = tocsin.cli("search", "service=web")
            assert f"G{ids['i9']}" in table and "instance=i9" in table, table
            tocsin.kill()
            tocsin.start()
            check(tocsin)
            wrong = subprocess.run([str(BINARY), "search", "servce:web", f"--server={tocsin.grpc}",
                                    f"--token-file={tocsin.data}/admin.token"], capture_output=True, text=True)
            assert wrong.returncode == 2 and "there is no servce:" in wrong.stderr, (wrong.returncode, wrong.stderr)
            assert tocsin.stop() == 0
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
