"""Prints the runnable blocks of a page as one script; refuses a page whose other blocks are not accounted for."""

import re
import sys

text = open(sys.argv[1]).read()
blocks = re.findall(r"^( *)```(\w*)( runnable)?\n(.*?)^\1```$", text, re.M | re.S)
assert len(blocks) * 2 == len(re.findall(r"^ *```", text, re.M)), "a block has no end"
listed = re.search(r"^Not run by the tests: .+", text, re.M)
if any(not runnable for _, _, runnable, _ in blocks) and not listed:
    sys.exit(f"{sys.argv[1]} has blocks that are not run, and does not list them with the reason")
if not any(runnable for _, _, runnable, _ in blocks):
    sys.exit(f"{sys.argv[1]} has no block that runs")
for number, (indent, kind, runnable, body) in enumerate(blocks):
    if runnable:
        assert kind == "sh", f"a runnable block of {kind}"
        print(f"# block {number}")
        print(re.sub(f"^{indent}", "", body, flags=re.M))
