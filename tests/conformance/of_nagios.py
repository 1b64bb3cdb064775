"""Nagios 4: the end-to-end test of `tocsin notify-nagios`, in which Nagios itself runs the command."""
import of_script

CHECKS = [("a problem and a recovery, the server down in between", of_script.runs("test_nagios.py"))]
