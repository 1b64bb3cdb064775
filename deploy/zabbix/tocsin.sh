#!/bin/sh
# Zabbix' alert script for tocsin.
#
# 1. Save this in AlertScriptsPath of zabbix_server.conf (Debian: /usr/lib/zabbix/alertscripts) and make it executable.
# 2. Put the address of your server below. `tocsin integrations show NAME --key KEY` prints this file and messages.txt with the
#    address and the key filled in.
# 3. install -d -o zabbix -g zabbix -m 700 /var/spool/tocsin
#    An event is on this disk before anything is sent.
# 4. Make the media type of messages.txt; give a user this medium, "Send to" being the key that you declared for an integration
#    with `source: zabbix`: "KEY"; and make an action that sends to that user, with recovery and update operations.
# 5. deploy/systemd/tocsin-drain.timer sends what had to wait while the server was away.
#
# Zabbix tries again after another exit code than 0: that is when the event could neither be sent nor spooled.
exec tocsin notify-zabbix \
  --url "${TOCSIN_URL:-http://tocsin.example.com:8911}" \
  --spool "${TOCSIN_SPOOL:-/var/spool/tocsin}" \
  -- "$@"
