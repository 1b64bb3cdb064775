"""Alertmanager and tocsin with the same alertmanager.yml and the same alerts: side_by_side.py."""
from checks import Missing, scratch
from side_by_side import report, side_by_side, why_no_alertmanager


def the_same_notifications(options):
    if why := why_no_alertmanager():
        raise Missing(why)
    with scratch() as folder:
        result = side_by_side(folder, options.minutes * 60)
        report(result)
        notifications, groups, differences, explained = result
        assert notifications > 50, f"Alertmanager told only {notifications} times: the script did not run"
        assert not differences, f"{len(differences)} of {groups} groups differ"
        return f"{notifications} notifications in {groups} groups, {len(explained)} differ on purpose"


CHECKS = [("an imported alertmanager.yml sends the same notifications", the_same_notifications)]
