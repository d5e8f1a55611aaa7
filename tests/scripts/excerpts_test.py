"""excerpts_test.py DOC.md... -- a block of code that begins with a comment of a file's path stands in that file, word for word."""

import pathlib
import re
import sys

BLOCK = re.compile(r"^```\w+\n(?:// |# |/\* )(\S+?\.\w+)(?: \*/)?\n(.*?)\n```$", re.DOTALL | re.MULTILINE)


def main():
    bad = 0
    for doc in sys.argv[1:]:
        found = BLOCK.findall(pathlib.Path(doc).read_text(encoding="utf-8"))
        bad += not found
        for path, text in found:
            if text not in pathlib.Path(path).read_text(encoding="utf-8"):
                print(f"{doc}: this does not stand in {path}:\n{text}\n")
                bad += 1
    return bad != 0


sys.exit(main())
