"""Every text that `ponte` says has its Portuguese in cli/words.c, with the same conversions in the same order; and no translation is left over."""

import glob
import os
import re
import sys

LITERAL = r'"((?:[^"\\]|\\.)*)"'
TOKEN = re.compile(rf"{LITERAL}|PRI[du]\d+|/\*.*?\*/|//[^\n]*|'(?:[^'\\]|\\.)+'|\s+|\w+|.", re.S)
SAYS = ("cli_say", "cli_output_say", "cli_words", "cli_confirm", "prompt")
CONVERSION = re.compile(r"%%|%[-+ 0#]*[\d*]*(?:\.[\d*]+)?(?:hh?|ll?|z|j)?[a-zA-Z]")


def tokens(source):
    for t in TOKEN.finditer(source):
        if not t.group(0).isspace() and not t.group(0).startswith(("/*", "//", "\\")):
            yield t.group(0)


def joined(words):
    """Words and texts; adjacent literals (and PRId64 between them) are one text, marked by its quote."""
    text = None
    for word in words:
        if word[0] == '"' or (text is not None and word.startswith("PRI")):
            text = (text or '"') + (word[1:-1] if word[0] == '"' else word)
            continue
        if text is not None:
            yield text
        text = None
        yield word


def said(source):
    """The texts among the arguments of what speaks (what cli_say() puts into its format speaks for itself), and in the tables of commands."""
    words = list(joined(tokens(source)))
    for i, word in enumerate(words):
        if word in SAYS and words[i + 1:i + 2] == ["("]:
            depth, k = 1, i + 2
            while depth and k < len(words) and not (words[k] == "," and depth == 1 and word == "cli_say"):
                depth += (words[k] == "(") - (words[k] == ")")
                if words[k][0] == '"':
                    yield words[k][1:]
                k += 1
        if word in ("summary", "help") and words[i - 1] == "." and words[i + 1] == "=":
            yield words[i + 2][1:]
        # {"name", "VALUE" or NULL, "help", "choices" or NULL, 'l' or 0}
        if word == "{" and words[i + 2:i + 3] == [","] and words[i + 4:i + 5] == [","] and words[i + 6:i + 7] == [","] and words[i + 8:i + 9] == [","]:
            if words[i + 1][0] == words[i + 5][0] == '"' and words[i + 9][0] in "0'" and words[i + 10:i + 11] == ["}"]:
                yield words[i + 5][1:]


def is_language(text):
    """Not a bare pattern, and not a line of shell."""
    return re.search(r"[A-Za-z]", CONVERSION.sub("", text.replace("\\n", " "))) and not text.startswith("  ")


def main():
    texts = {}
    for path in sorted(glob.glob("cli/*.[ch]")):
        if not path.endswith("_test.c") and os.path.basename(path) != "words.c":
            with open(path, encoding="utf-8") as f:
                texts.update({text: path for text in said(f.read()) if is_language(text)})
    with open("cli/words.c", encoding="utf-8") as f:
        source = f.read()
    rows = list(joined(tokens(source[source.index("texts[] = {"):source.index("reasons[] = {")])))
    pairs = [(rows[i][1:], rows[i + 2][1:]) for i in range(len(rows) - 2) if rows[i][0] == rows[i + 2][0] == '"' and rows[i + 1] == ","]
    reasons = set()
    for path in ("lib/rpc/error.h", "gateway/refusal/refusal.h"):
        with open(path, encoding="utf-8") as f:
            reasons |= set(re.findall(r"^  X\((\w+), \w+[,)]", f.read(), re.M)) - {"NONE"}
    wrong = [f"{path}: not in cli/words.c: {text}" for text, path in texts.items() if text not in dict(pairs)]
    wrong += [f"cli/words.c: nobody says: {english}" for english, _ in pairs if english not in texts]
    wrong += [f"cli/words.c: other conversions: {a} / {b}" for a, b in pairs if CONVERSION.findall(a.replace("PRId64", "d")) != CONVERSION.findall(b.replace("PRId64", "d"))]
    wrong += [f"cli/words.c: twice: {a}" for a in dict(pairs) if [x for x, _ in pairs].count(a) > 1]
    wrong += [f"cli/words.c: no words for the reason {r}" for r in sorted(reasons - set(re.findall(r'\{"([A-Z_]+)", (?:true|false), "', source)))]
    if len(texts) < 150 or len(reasons) < 40:
        wrong.append(f"only {len(texts)} texts and {len(reasons)} reasons were found: this test is blind")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
