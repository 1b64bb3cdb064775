"""Icinga 2 with the file that `tocsin integrations show` prints: a problem and its recovery."""
import json

from checks import LIBRARIES, UNPACKED, need, server
from harness import BINARY, Child, user_and_group

KEY = "icinga-0123456789"

CONFIGURATION = """
library "methods"
const NodeName = "icinga"
object Endpoint NodeName {{}}
object Zone NodeName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{}}
object NotificationComponent "notification" {{}}
object CheckCommand "probe" {{ command = [ "{probe}" ] }}
object CheckCommand "alive" {{ command = [ "/bin/true" ] }}
object Host "shop1" {{ check_command = "alive", check_interval = 1s, retry_interval = 1s }}
object Service "checkout" {{
  host_name = "shop1"
  check_command = "probe"
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 1
}}
"""


def printed(tocsin):
    """What `tocsin integrations show` has for people to save."""
    shown = tocsin.tocsin.cli("integrations", "show", "icinga", "--key", KEY, "--base", tocsin.url, "-o", "json")
    return json.loads(shown)["deploy/icinga2/tocsin.conf"]


def problem_and_recovery(_):
    icinga = need(LIBRARIES / "icinga2/sbin/icinga2", "icinga2-bin")
    with server(f"  - {{id: icinga, source: icinga2, key: {KEY}}}") as tocsin:
        state, probe = tocsin.folder / "state", tocsin.folder / "probe.sh"
        state.write_text("0\n")
        probe.write_text(f"#!/bin/sh\nread code < {state}\n[ $code = 0 ] && echo 'OK - fine' || "
                         "echo 'CRITICAL - $(id) \"shop\" <down> & out'\nexit $code\n")
        probe.chmod(0o755)
        spool, config = tocsin.folder / "spool", tocsin.folder / "icinga2.conf"
        config.write_text(CONFIGURATION.format(probe=probe) + printed(tocsin).replace("/usr/local/bin/tocsin", str(BINARY))
                          .replace('"notify-icinga2"', f'"notify-icinga2", "--spool", "{spool}"'))
        folders = []
        for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir", "ConfigDir"):
            (tocsin.folder / name).mkdir()
            folders.append(f"-D{name}={tocsin.folder / name}")
        user = [f"-DRunAs{what}={name}" for what, name in zip(("User", "Group"), user_and_group())]
        with Child([icinga, "daemon", "-c", config, *folders, *user, f"-DIncludeConfDir={UNPACKED}/usr/share/icinga2/include"],
                   tocsin.folder / "icinga.log", env={"LD_LIBRARY_PATH": str(LIBRARIES)}, cwd=tocsin.folder):
            state.write_text("2\n")
            alert = tocsin.one(host="shop1", service="checkout")
            assert alert["severity"] == "SEVERITY_CRITICAL", alert
            texts = " ".join(text["value"] for text in alert["annotations"])
            assert '$(id) "shop" <down> & out' in texts, texts
            tocsin.paged("checkout")
            state.write_text("0\n")
            tocsin.recovers(alert, host="shop1", service="checkout")


CHECKS = [("a problem and its recovery", problem_and_recovery)]
