"""Mails that are alerts, by the real binary and a real mail client: the beginning and the end meet, rules decide, who writes to nobody is
told so, and what was answered 250 survives kill -9."""
import email.message
import smtplib

import organisation
from harness import PATIENCE, Receiver, Tocsin, free_port, scratch, wait_for

KEY = "mail-key-0123456789"


def write(port, subject, text="hello", to=f"{KEY}@tocsin.example.com"):
    mail = email.message.EmailMessage()
    mail["From"] = "Monitoring <mon@example.com>"
    mail["To"] = to
    mail["Subject"] = subject
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.send_message(mail)


def alerts(server):
    return server.cli("alerts", "-o", "json", "source=mail")


def main():
    with scratch() as folder, Receiver() as people:
        text = organisation.yaml(webhook=people.url, group_wait="0s")
        text = text.replace("integrations:\n", f"""integrations:
  - id: mails
    source: generic
    key: {KEY}
    labels: {{source: mail}}
    mail_rules:
      - {{subject: 'newsletter', action: ignore}}
      - {{subject: 'backup of (?P<host>\\S+) failed', key: 'backup/{{{{host}}}}', severity: critical, labels: {{host: '{{{{host}}}}'}}}}
""", 1)
        config = folder / "o.yaml"
        config.write_text(text)
        port = free_port()
        with Tocsin(folder, config=config, flags=[f"--smtp=127.0.0.1:{port}", "--allow_webhooks_to=127.0.0.0/8"]) as server:
            server.start()
            write(port, "[FIRING:1] Disk full on db1", "97 % used")
            wait_for("the alert of the mail", lambda: "Disk full on db1" in alerts(server))
            assert "97 % used" in alerts(server)
            wait_for("somebody to be paged for it", lambda: any("disk full" in str(r["body"]).lower() for r in people.requests))
            write(port, "[RESOLVED] Disk full on db1")
            wait_for("the alert to be over", lambda: "Disk full on db1" not in alerts(server) or "resolved" in alerts(server))
            write(port, "", "x" + "\u0436" * 400)
            wait_for("the alert of a mail without a subject", lambda: "mail without a subject" in alerts(server))
            write(port, "our Newsletter")
            write(port, "Backup of db7 failed")
            wait_for("the rule's label", lambda: '"db7"' in alerts(server))
            assert "newsletter" not in alerts(server).lower()
            try:
                write(port, "x", to="nobody@tocsin.example.com")
                raise AssertionError("a mail to nobody was taken")
            except smtplib.SMTPRecipientsRefused as refused:
                assert next(iter(refused.recipients.values()))[0] == 550
            write(port, "Last words before the crash", to=f"ops+{KEY}@tocsin.example.com")
            server.kill()
            server.start()
            wait_for("the alert after the crash", lambda: "last words before the crash" in alerts(server).lower())
    print("ok")


if __name__ == "__main__":
    main()
