"""Alerts whose texts are scripts: the pages behind the links in messages, the only ones that the server shows, hold no markup of others,
and their policy lets no script run whatever came through."""
import html.parser
import json
import re

import organisation
from harness import Tocsin, http_request, scratch, wait_for

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "'><iframe src=javascript:alert(1)>",
    "</title><script>alert(1)</script>", "</body><script src=//evil.example></script>", "<a href=\"javascript:alert(1)\">x</a>",
    "{{constructor.constructor('alert(1)')()}}", "%3Cscript%3Ealert(1)%3C/script%3E", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr\u0000ipt>alert(1)</scr\u0000ipt>", "\u2028<script>alert(1)</script>", "<form action=//evil.example><button>ok</button>",
    "<meta http-equiv=refresh content=0;url=//evil.example>", "<base href=//evil.example>", "<style>*{background:url(//evil.example)}</style>",
]
OURS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "form", "button", "ul", "li", "br", "strong", "em", "input", "label"}


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its elements, with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def check(answer, payload):
    status, body, headers = answer
    assert status == 200, (payload, status, body[:300])
    page = Page(body.decode())
    tags = {tag for tag, _ in page.elements}
    assert tags <= OURS, (payload, tags - OURS)
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")], (payload, tag, attributes)
        assert "evil.example" not in str(attributes.values()), (payload, tag, attributes)
        assert not (tag == "meta" and "http-equiv" in attributes), (payload, attributes)
    assert [tag for tag, _ in page.elements].count("form") <= 1, payload
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe-inline" not in policy, policy
    assert "base-uri 'none'" in policy and "frame-ancestors 'none'" in policy, policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Type"].startswith("text/html")
    return page


def main():
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml(group_by="alertname, number"))
        with Tocsin(folder, config).start() as tocsin:
            for i, payload in enumerate(PAYLOADS):
                alert = {"labels": {"alertname": payload, "number": f"n{i}", "severity": "critical", "place": payload},
                         "annotations": {"summary": payload, "description": payload}, "generatorURL": f"javascript:{payload}"}
                status, body, _ = http_request(f"{tocsin.url}/v1/integrations/{organisation.GENERIC_KEY}", json.dumps([alert]).encode(),
                                               {"Content-Type": "application/json"})
                assert status == 202, (payload, body)
            links = wait_for("a link for each alert", lambda: (found := set(re.findall(r"http://127.0.0.1:8911(/ack/\S+)", tocsin.child.text())))
                             and len(found) >= len(PAYLOADS) and found, 60)
            told = "".join(check(http_request(tocsin.url + link), link).text for link in sorted(links))
            assert "alert(1)" in told, "the texts are shown, as texts"
            pressed = check(http_request(tocsin.url + sorted(links)[0], b"", method="POST"), "pressed")
            assert pressed.text
            assert tocsin.stop() == 0
    print(f"{len(PAYLOADS)} passed, 0 failed")


if __name__ == "__main__":
    main()
