"""What lies in deploy/ for other products works as it is pasted: Netdata's function, Checkmk's and Zabbix' scripts with the server up and
down, Nagios' objects in Nagios' own eyes, the units in systemd's. `tocsin integrations show` prints lines that work. `tocsin send` and the
library's spools survive an outage of the real server."""
import json
import os
import re
import resource
import shutil
import subprocess

import organisation
from harness import BINARY, PATIENCE, PROGRAMS, ROOT, Receiver, Tocsin, free_port, scratch, user_and_group, wait_for

DEPLOY = ROOT / "deploy"


def run(arguments, folder, stdin=None, **environment):
    return subprocess.run([str(a) for a in arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE, cwd=folder,
                          env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", **environment})


def bodies(receiver):
    return [json.loads(request["body"]) for request in receiver.requests]


def netdata(folder, receiver):
    """As alarm-notify.sh calls it: the variables set, info and error defined."""
    calling = f"""
declare -A role_recipients_custom
info() {{ echo "$*"; }}; error() {{ echo "$*" >&2; }}
. {DEPLOY}/netdata/health_alarm_notify.conf
roles=sysadmin host=nd1 unique_id=1001 alarm_id=77 event_id=1 when=1795289900 name=disk_space chart=disk.var family="$FAMILY"
status=CRITICAL old_status=CLEAR value=-5 old_value=10 src=s duration=60 non_clear_duration=120 units=% info='disk "full" $(id)'
value_string=95% old_value_string=10% calc_expression=e calc_param_values=p total_warnings=1 total_critical=0
custom_sender "${{role_recipients_custom[sysadmin]}} OTHER"
"""
    for family in ("var", ""):
        done = run(["bash", "-c", calling], folder, TOCSIN_URL=receiver.url, TOCSIN_SPOOL=f"{folder}/netdata", FAMILY=family)
        assert done.returncode == 0, done
    assert [request["path"] for request in receiver.requests] == 2 * ["/v1/integrations/KEY", "/v1/integrations/OTHER"]
    for body in bodies(receiver):
        assert (body["status"], body["value"], body["info"], body["chart"]) == ("CRITICAL", "-5", 'disk "full" $(id)', "disk.var"), body


def zabbix_and_checkmk(folder, receiver):
    receiver.requests.clear()
    down = f"http://127.0.0.1:{free_port()}"
    message = (DEPLOY / "zabbix/messages.txt").read_text().split("--- message\n")[1]
    for macro, value in {"{EVENT.ID}": "10528", "{EVENT.VALUE}": "1", "{EVENT.NAME}": "disk full", "{HOST.NAME}": "app-7"}.items():
        message = message.replace(macro, value)
    spool = folder / "zabbix"
    script = DEPLOY / "zabbix/tocsin.sh"
    done = run([script, "zkey", "disk full", message], folder, TOCSIN_URL=down, TOCSIN_SPOOL=str(spool))
    assert done.returncode == 0 and "spooled, 1 wait" in done.stderr, done
    done = run([script, "zkey", "disk full", message], folder, TOCSIN_URL=receiver.url, TOCSIN_SPOOL="/proc/nowhere")
    assert done.returncode == 0, ("no disk, and so sent at once", done)
    done = run([script, "zkey", "disk full", message], folder, TOCSIN_URL=down, TOCSIN_SPOOL="/proc/nowhere")
    assert done.returncode == 1 and "lost" in done.stderr, ("Zabbix shall try again", done)
    (body,) = bodies(receiver)
    assert (body["event_id"], body["event_value"], body["host_name"], body["event_name"]) == ("10528", "1", "app-7", "disk full"), body
    assert body["event_recovery_id"] == "{EVENT.RECOVERY.ID}", "the source knows placeholders"

    receiver.requests.clear()
    key = folder / "key"
    key.write_text("ckey\n")
    variables = {"NOTIFY_WHAT": "SERVICE", "NOTIFY_NOTIFICATIONTYPE": "PROBLEM", "NOTIFY_HOSTNAME": "mysrv01",
                 "NOTIFY_SERVICEDESC": "Filesystem /", "NOTIFY_SERVICESTATE": "CRIT", "NOTIFY_SERVICEOUTPUT": "99% 'used'",
                 "OMD_ROOT": str(folder), "TOCSIN_KEY_FILE": str(key), "TOCSIN_SPOOL": str(folder / "checkmk")}
    done = run([DEPLOY / "checkmk/tocsin"], folder, TOCSIN_URL=receiver.url, **variables)
    assert done.returncode == 0, done
    assert receiver.requests[0]["path"] == "/v1/integrations/ckey"
    assert bodies(receiver)[0]["NOTIFY_SERVICEOUTPUT"] == "99% 'used'"
    assert (DEPLOY / "checkmk/tocsin").read_text().splitlines()[1:3] == ["# tocsin", "# Bulk: no"], "what Checkmk reads"


def icinga(folder, receiver):
    """Its parser is not at hand: the command gets what the definitions' `env` names, and all of that arrives."""
    receiver.requests.clear()
    text = (DEPLOY / "icinga2/tocsin.conf").read_text()
    names = re.findall(r"^    ([A-Z0-9]+) = \"\$", text, re.MULTILINE)
    assert {"NOTIFICATIONTYPE", "SERVICEDESC", "HOSTSTATE", "TIMET"} <= set(names), names
    given = {name: f"--{name} $(id) \"'" for name in names}
    done = run([BINARY, "notify-icinga2", "-H", "app-11", "--spool", folder / "icinga"], folder, TOCSIN_URL=receiver.url,
               TOCSIN_INTEGRATION_KEY="ikey", ICINGAWEB2URL="https://icinga.example.com", **given)
    assert done.returncode == 0, done
    assert bodies(receiver) == [{**given, "HOSTNAME": "app-11", "ICINGAWEB2URL": "https://icinga.example.com"}], bodies(receiver)


def parsers(folder):
    passed = 0
    nagios = PROGRAMS / "usr/sbin/nagios4"
    if nagios.exists():
        shutil.copy(DEPLOY / "nagios/tocsin.cfg", folder)
        (folder / "objects.cfg").write_text("""
define command {
  command_name alive
  command_line /bin/true
}
define host {
  host_name h1
  address 127.0.0.1
  check_command alive
  max_check_attempts 1
  check_period tocsin-always
  notification_period tocsin-always
  contact_groups tocsin
}
define service {
  host_name h1
  service_description s1
  check_command alive
  max_check_attempts 1
  check_period tocsin-always
  notification_period tocsin-always
  contact_groups tocsin
}
""")
        (folder / "checkresults").mkdir()
        user, group = user_and_group()
        (folder / "nagios.cfg").write_text(f"cfg_file={folder}/tocsin.cfg\ncfg_file={folder}/objects.cfg\nlog_file={folder}/nagios.log\n"
                                           f"check_result_path={folder}/checkresults\nobject_cache_file={folder}/objects.cache\n"
                                           f"temp_file={folder}/t\ntemp_path={folder}\nlock_file={folder}/nagios.lock\n"
                                           f"command_file={folder}/nagios.cmd\nstatus_file={folder}/status.dat\n"
                                           f"nagios_user={user}\nnagios_group={group}\n")
        done = run([nagios, "-v", folder / "nagios.cfg"], folder)
        assert done.returncode == 0 and "Total Errors:   0" in done.stdout, done.stdout[-2000:]
        passed += 1
    else:
        print("not run: nagios4, which is not under build/programs; ./dev fetch-programs gets it")
    if shutil.which("systemd-analyze"):
        units = folder / "units"
        units.mkdir()
        for name in ("tocsin-drain.service", "tocsin-drain.timer"):
            text = (DEPLOY / "systemd" / name).read_text().replace("/usr/local/bin/tocsin", str(BINARY)).replace("=nagios", "=root")
            (units / name).write_text(text)
        done = run(["systemd-analyze", "verify", "--man=no", units / "tocsin-drain.timer"], folder)
        said = [line for line in done.stderr.splitlines() if "tocsin-drain" in line]
        assert not said, said
        passed += 1
    else:
        print("not run: systemd-analyze, which is not here")
    for script in (DEPLOY / "checkmk/tocsin", DEPLOY / "zabbix/tocsin.sh", DEPLOY / "netdata/health_alarm_notify.conf"):
        assert run(["bash", "-n", script], folder).returncode == 0
        passed += 1
    return passed


def integrations(tocsin, folder):
    listed = tocsin.cli("integrations")
    assert "nagios" in listed and f"{tocsin.url}/v1/integrations/KEY" in listed, listed
    shown = tocsin.cli("integrations", "show", "nagios")
    assert "put the key where KEY stands" in shown and "notify-nagios" in shown and "curl" in shown, shown
    wrong = run([BINARY, "integrations", "show", "nagios", "--key", "wrong"], folder, TOCSIN_SERVER=tocsin.grpc, TOCSIN_TOKEN=tocsin.token())
    assert wrong.returncode == 2 and "is not that of integration nagios" in wrong.stderr, wrong
    missing = run([BINARY, "integrations", "show", "nope"], folder, TOCSIN_SERVER=tocsin.grpc, TOCSIN_TOKEN=tocsin.token())
    assert missing.returncode == 1 and "`tocsin integrations list`" in missing.stderr, missing
    for name, key in (("nagios", organisation.NAGIOS_KEY), ("generic", organisation.GENERIC_KEY), ("stream", organisation.STREAM_KEY)):
        fields = json.loads(tocsin.cli("integrations", "show", name, "--key", key, "-o", "json"))
        pasted = fields["setup"] + fields.get("deploy/nagios/tocsin.cfg", "")
        assert key in pasted and "{" + "key}" not in pasted and "{tocsin-" not in pasted, fields
        if name != "stream" and not shutil.which("curl"):
            continue
        done = run(["sh", "-c", fields["try"]], folder)
        assert done.returncode == 0 and "error" not in done.stdout, (fields["try"], done)
    sources = tocsin.cli("integrations", "sources")
    assert "Nagios" in sources and "stream" in sources, sources
    assert json.loads(run([BINARY, "integrations", "sources", "-o", "json"], folder).stdout)["nagios"] == "Nagios"


def outage(tocsin, folder):
    """The library, and `send` on top of it, while the real server is away."""
    spool = str(folder / "send")
    tocsin.kill()
    for number in range(3):
        done = run([BINARY, "send", f"alertname=Outage{number}", f"--key={organisation.STREAM_KEY}", "--spool", spool,
                    f"--server=127.0.0.1:1,{tocsin.grpc}"], folder)
        assert done.returncode == 0 and f"spooled, {number + 1} wait" in done.stdout, done
    tocsin.start()
    done = run([BINARY, "drain-spool", spool], folder)
    assert done.returncode == 0 and "sent 3, rejected 0, waiting 0" in done.stdout, done
    alerts = tocsin.cli("alerts", "--all")
    assert all(f"Outage{number}" in alerts for number in range(3)), alerts
    done = run([BINARY, "send", "alertname=Direct", f"--key={organisation.STREAM_KEY}", "--explain", f"--server=127.0.0.1:1,{tocsin.grpc}"],
               folder)
    assert done.returncode == 0 and "new, durable as journal entry" in done.stdout and "tocsin explain" in done.stdout, done
    full = folder / "full"
    done = subprocess.run([BINARY, "send", "alertname=NoDisk", f"--key={organisation.STREAM_KEY}", "--spool", full, f"--server={tocsin.grpc}"],
                          capture_output=True, text=True, timeout=PATIENCE, restore_signals=False,  # SIGXFSZ stays ignored
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert done.returncode == 0 and "sent, durable; not spooled" in done.stdout, done
    assert not list((full / "new").iterdir()) and "NoDisk" in tocsin.cli("alerts", "--all"), "as on a full disk"


def main():
    with scratch() as folder, Receiver() as receiver:
        (folder / "bin").mkdir()
        (folder / "bin/tocsin").symlink_to(BINARY)
        passed = parsers(folder)
        netdata(folder, receiver)
        zabbix_and_checkmk(folder, receiver)
        icinga(folder, receiver)
        config = folder / "organisation.yaml"
        with Tocsin(folder, config) as tocsin:
            config.write_text(organisation.yaml(group_wait="0s", step_delay="10m", public_url=tocsin.url))
            tocsin.start()
            integrations(tocsin, folder)
            outage(tocsin, folder)
            assert tocsin.stop() == 0
    print(f"{passed + 5} passed, 0 failed")


if __name__ == "__main__":
    main()
