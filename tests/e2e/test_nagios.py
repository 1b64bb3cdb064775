"""Nagios itself sends a problem and a recovery through `tocsin notify-nagios`, with the server down in between: nothing is
lost, and what was spooled arrives in order when the server is back."""
import subprocess

import organisation
from harness import BINARY, PATIENCE, PROGRAMS, Child, Tocsin, scratch, skip, user_and_group, wait_for

NAGIOS = PROGRAMS / "usr/sbin/nagios4"


def write_configuration(folder, tocsin):
    spool = folder / "spool"
    state = folder / "state"
    state.write_text("0\n")
    check = folder / "check.sh"
    check.write_text(f"#!/bin/sh\nread code < {state}\n: > {folder}/checked\n[ $code = 0 ] && echo 'OK - shop answers' || echo 'CRITICAL - $(id) shop \"down\"'\nexit $code\n")
    check.chmod(0o755)
    # Spools first, then tries to send: only when it has ended is it known that nobody has sent what is in the spool.
    command = folder / "notify.sh"
    command.write_text(f"#!/bin/sh\n{BINARY} notify-nagios --url {tocsin.url} --key {organisation.NAGIOS_KEY} --spool {spool} \"$@\"\n"
                       f": > {folder}/notified\n")
    command.chmod(0o755)
    notify = (f"{command} -t \"$NOTIFICATIONTYPE$\" -H \"$HOSTNAME$\" -s \"$SERVICEDESC$\" -S \"$SERVICESTATE$\" "
              "-o \"$SERVICEOUTPUT$\"")
    user, group = user_and_group()
    (folder / "objects.cfg").write_text(f"""
define timeperiod {{
  timeperiod_name always
  alias always
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
  sunday 00:00-24:00
}}
define command {{
  command_name notify
  command_line {notify}
}}
define command {{
  command_name check
  command_line {check}
}}
define command {{
  command_name alive
  command_line /bin/true
}}
define contact {{
  contact_name tocsin
  service_notification_period always
  host_notification_period always
  service_notification_options w,u,c,r
  host_notification_options d,u,r
  service_notification_commands notify
  host_notification_commands notify
}}
define host {{
  host_name shop1
  address 127.0.0.1
  check_command alive
  max_check_attempts 1
  check_period always
  notification_period always
  notification_interval 0
  contacts tocsin
}}
define service {{
  host_name shop1
  service_description checkout
  check_command check
  max_check_attempts 1
  check_interval 2
  retry_interval 2
  check_period always
  notification_period always
  notification_interval 0
  contacts tocsin
}}
""")
    (folder / "checkresults").mkdir()
    (folder / "nagios.cfg").write_text(f"""
log_file={folder}/nagios4.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
state_retention_file={folder}/retention.dat
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}/checkresults
query_socket={folder}/nagios.qh
lock_file={folder}/nagios.pid
command_file={folder}/nagios.cmd
check_external_commands=0
interval_length=1
enable_notifications=1
execute_service_checks=1
use_syslog=0
illegal_macro_output_chars=`~$&|'"<>
nagios_user={user}
nagios_group={group}
allow_empty_hostgroup_assignment=1
service_check_timeout={PATIENCE}
host_check_timeout={PATIENCE}
notification_timeout={PATIENCE}
""")
    return state, spool


def nagios_alert(tocsin):
    for alert in tocsin.call("AlertService/ListAlerts")["alerts"]:
        text = str(alert["summary"]["labels"])
        if "checkout" in text and "shop1" in text:
            return alert
    return None


def main():
    if not NAGIOS.exists():
        skip("nagios4 is not under build/programs; ./dev fetch-programs gets it")
    with scratch() as folder:
        config = folder / "organisation.yaml"
        config.write_text(organisation.yaml())
        tocsin = Tocsin(folder, config)
        with tocsin.start():
            state, spool = write_configuration(folder, tocsin)
            with Child([NAGIOS, folder / "nagios.cfg"], folder / "nagios-output.log"):
                wait_for("the first check", (folder / "checked").exists)
                tocsin.kill()  # the server is down when the problem begins
                state.write_text("2\n")
                wait_for("the problem in the spool", lambda: spool.exists() and any(
                    path.is_file() for path in spool.rglob("*") if "lock" not in path.name))
                wait_for("the notification to give up for now", (folder / "notified").exists)
                tocsin.start()
                assert nagios_alert(tocsin) is None, "nobody has sent it yet"
                drained = subprocess.run(
                    [str(BINARY), "notify-nagios", "--drain", "--url", tocsin.url, "--key", organisation.NAGIOS_KEY,
                     "--spool", str(spool)], capture_output=True, text=True, timeout=PATIENCE)
                assert drained.returncode == 0, drained.stderr
                alert = wait_for("the problem", lambda: nagios_alert(tocsin))
                assert alert["summary"]["firing"], alert
                assert alert["summary"]["severity"] == "SEVERITY_CRITICAL", alert
                state.write_text("0\n")
                wait_for("the recovery", lambda: not nagios_alert(tocsin)["summary"]["firing"])
                groups = tocsin.call("GroupService/ListGroups", includeResolved=True)["groups"]
                assert len(groups) == 1, groups
                wait_for("the group to resolve", lambda: tocsin.call("GroupService/GetGroup", id=groups[0]["id"])
                         ["group"]["state"] == "STATE_RESOLVED")
            tocsin.stop()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
