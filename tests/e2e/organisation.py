"""The organisation of the end-to-end tests: two people, one policy of two steps, an incident rule."""

STREAM_KEY = "e2e-stream-key-0123456789"
NAGIOS_KEY = "e2e-nagios-key-0123456789"
GENERIC_KEY = "e2e-generic-key-0123456789"


def yaml(smtp_port=None, twilio=None, public_url="http://127.0.0.1:8911", step_delay="5s", extra_users="", webhook=None,
         group_wait="1s", group_by="alertname"):
    """`smtp_port` and `twilio` (a FakeTwilio) make mail and SMS real; without them people have terminals, or `webhook`."""
    def method(kind, address, other):
        if webhook:
            return f"{{kind: webhook, address: '{webhook}/{other}'}}"
        return f"{{kind: {kind}, address: '{address}'}}"

    ann = method("email", "ann@example.com", "ann") if smtp_port else method("terminal", "ann", "ann")
    bob = method("sms", "+15005550100", "bob") if twilio else method("terminal", "bob", "bob")
    text = f"""
name: end-to-end
public_url: '{public_url}'
fallback_user: bob
users:
  - {{id: ann, name: Ann, time_zone: Europe/Vienna, contact_methods: [{ann}]}}
  - {{id: bob, name: Bob, time_zone: America/New_York, contact_methods: [{bob}]}}
{extra_users}
teams:
  - {{id: ops, name: Operations, members: [ann, bob]}}
schedules:
  - id: primary
    team: ops
    time_zone: Europe/Vienna
    layers:
      - {{id: always, rotation: {{type: weekly, start: '2024-01-01 09:00'}}, participants: [[{{user: ann}}]]}}
policies:
  - id: default
    team: ops
    steps:
      - {{delay: {step_delay}, targets: [{{schedule: primary}}]}}
      - {{delay: {step_delay}, targets: [{{user: bob}}]}}
services:
  - {{id: web, name: Web shop, team: ops, matchers: ['service="web"']}}
integrations:
  - {{id: default, source: prometheus}}
  - {{id: stream, source: stream, key: {STREAM_KEY}}}
  - {{id: nagios, source: nagios, key: {NAGIOS_KEY}}}
  - {{id: generic, source: generic, key: {GENERIC_KEY}}}
route: {{policy: default, group_by: [{group_by}], group_wait: {group_wait}, group_interval: 2s}}
limits: {{bundle_window: 0s, terminal: [], email: [], sms: [], webhook: []}}
incident_rules:
  - {{id: critical, when: {{severity: critical}}, severity: 2, title: '{{{{service}}}} is down', join_window: 10m}}
"""
    if smtp_port:
        text += f"smtp: {{url: 'smtp://127.0.0.1:{smtp_port}', from: 'tocsin@example.com', require_tls: false}}\n"
    if twilio:
        text += (f"twilio: {{url: '{twilio.url}', account_sid: '{twilio.sid}', auth_token: '{twilio.auth_token}', "
                 f"from: '+15005550006'}}\n")
    return text
