"""amtool: the end-to-end test with every command."""
import of_script

CHECKS = [("every command", of_script.runs("test_amtool.py"))]
