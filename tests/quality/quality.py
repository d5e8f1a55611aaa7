"""Asks every question of questions/*.tsv about the lessons of materials/, by ResolveDuvidaStream of a real ponte-services, and judges the answers. README.md says by what."""
import argparse
import collections
import csv
import pathlib
import re
import sys

import grpc

import ponte_services

HERE = pathlib.Path(__file__).resolve().parent
FORMATS = {".md": "MARKDOWN", ".txt": "TEXT", ".srt": "SRT", ".vtt": "VTT"}
KINDS = ("answerable", "near_miss", "other_topic", "adversarial")
# What is counted, in percent at least.
GOALS = {"citations valid": 100, "unanswerable refused": 90, "right passage first": 80}

Answer = collections.namedtuple("Answer", "passages text final")
# Of one question. `first`: the right passage leads and it was answered; `quoted`: a citation of the answer stands in the right passage.
Verdict = collections.namedtuple("Verdict", "question refused first quoted citations wrong answer")


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def plain(text):
    return " ".join(text.split()).casefold()


class Lessons:
    """The materials as the service has them, and what it must be able to say about them."""

    def __init__(self, services, pb):
        self.files, self.kept = {}, {}
        for row in table(HERE / "materials.tsv"):
            path = HERE / "materials" / row["file"]
            kind = pb.MaterialFormat.Value("MATERIAL_FORMAT_" + FORMATS[path.suffix])
            made = services.call("chatbot.AddMaterial", title=row["title"], format=kind, content=path.read_text(encoding="utf-8"), idempotency_key="quality-" + row["file"])
            self.files[row["file"]] = made.material_id
            self.kept[made.material_id] = services.call("chatbot.GetMaterial", material_id=made.material_id)

    def times(self, material, begin, end):
        """Of the first and the last cue that bytes [begin, end) touch."""
        cues = [cue for cue in material.cues if cue.begin < end and begin < cue.end]
        return (cues[0].start_ms, cues[-1].end_ms) if cues else (-1, -1)

    def wrong(self, said, words):
        """What is not true of a passage or citation; "" when all is."""
        material = self.kept.get(said.material_id)
        if not material:
            return f"there is no material {said.material_id}"
        stands = material.text.encode()[said.begin:said.end]
        if said.begin >= said.end or stands != words.encode():
            return f"bytes {said.begin} to {said.end} are {stands.decode(errors='replace')!r}, not {words!r}"
        if said.title != material.title:
            return f"the title is {material.title!r}, not {said.title!r}"
        if (said.start_ms, said.end_ms) != self.times(material, said.begin, said.end):
            return f"{words!r} is at {self.times(material, said.begin, said.end)} ms, not {said.start_ms, said.end_ms}"
        return ""


def ask(services, question):
    parts = services.call("chatbot.ResolveDuvidaStream", duvida=question)
    kinds = [part.WhichOneof("part") for part in parts]
    assert len(kinds) >= 2 and kinds[0] == "sources" and kinds[-1] == "final" and set(kinds[1:-1]) <= {"text"}, f"{question!r}: {kinds}"
    return Answer(parts[0].sources.passages, "".join(part.text for part in parts[1:-1]), parts[-1].final)


def faults(lessons, answer):
    """Of each citation, and of each "[n]" that has none: what is wrong; "" for what is right."""
    numbered = {passage.number: passage for passage in answer.passages}
    text, at = answer.text.encode(), set()
    for citation in answer.final.citations:
        passage, mark = numbered.get(citation.number), f"[{citation.number}]".encode()
        at.add(citation.answer_offset)
        if not passage or passage.material_id != citation.material_id or not passage.begin <= citation.begin <= citation.end <= passage.end:
            yield f"[{citation.number}] is not in its passage"
        elif text[citation.answer_offset:citation.answer_offset + len(mark)] != mark:
            yield f"{mark.decode()} is not at byte {citation.answer_offset} of the answer"
        else:
            yield lessons.wrong(citation, citation.quote)
    for mark in re.finditer(rb"\[\d+\]", text):
        if mark.start() not in at:
            yield f"{mark[0].decode()} at byte {mark.start()} rests on nothing"


def judge(lessons, pb, question, answer):
    for passage in answer.passages:
        assert not lessons.wrong(passage, passage.text), f"{question['id']}: a source: {lessons.wrong(passage, passage.text)}"
    assert answer.final.finish_reason in (pb.FINISH_REASON_STOP, pb.FINISH_REASON_NOT_IN_MATERIAL) and answer.text, f"{question['id']}: {answer.final}"
    refused = answer.final.finish_reason == pb.FINISH_REASON_NOT_IN_MATERIAL

    def is_right(passage):
        return bool(question["phrase"]) and passage.material_id == lessons.files[question["material"]] and plain(question["phrase"]) in plain(passage.text)

    right = {passage.number for passage in answer.passages if is_right(passage)}
    checked = list(faults(lessons, answer))
    return Verdict(question, refused, not refused and bool(answer.passages) and is_right(answer.passages[0]), not refused and any(c.number in right for c in answer.final.citations),
                   len(checked), [fault for fault in checked if fault], answer)


def percent(part, whole):
    return f"{part} of {whole}" if whole else "-"


def print_table(title, verdicts):
    print(f"\n{title}\n\n| language | kind | questions | right passage first | quotes it | refused | citations valid |\n|---|---|---|---|---|---|---|")
    for language in ("pt", "en", "all"):
        for kind in KINDS:
            some = [v for v in verdicts if v.question["kind"] == kind and language in (v.question["language"], "all")]
            answers = kind == "answerable"
            first, quoted = (percent(sum(getattr(v, what) for v in some), len(some)) if answers else "-" for what in ("first", "quoted"))
            refused, cited = sum(v.refused for v in some), sum(v.citations for v in some)
            print(f"| {language} | {kind} | {len(some)} | {first} | {quoted} | {refused} | {percent(cited - sum(len(v.wrong) for v in some), cited)} |")


def counts(verdicts):
    """(reached, of how many) for each goal."""
    told = [v for v in verdicts if v.question["kind"] == "answerable"]
    untold = [v for v in verdicts if v.question["kind"] != "answerable"]
    cited = sum(v.citations for v in verdicts)
    return {"citations valid": (cited - sum(len(v.wrong) for v in verdicts), cited), "unanswerable refused": (sum(v.refused for v in untold), len(untold)),
            "right passage first": (sum(v.first for v in told), len(told))}


def print_misses(verdicts):
    for v in verdicts:
        answerable = v.question["kind"] == "answerable"
        miss = v.wrong or ("refused" if answerable and v.refused else "another passage first" if answerable and not v.first else "answered" if not answerable and not v.refused else
                           "quotes another passage" if answerable and not v.quoted else "")
        if miss:
            first = v.answer.passages[0] if v.answer.passages else None
            print(f"\n{v.question['id']} {v.question['kind']}: {v.question['question']}\n  {miss}; wanted: {v.question['phrase'] or 'a refusal'}")
            print(f"  first source: {first.title} > {first.heading}: {plain(first.text)[:160]}" if first else "  no sources")
            print(f"  answer: {' '.join(v.answer.text.split())[:400]}")


def keep(path, verdicts):
    """One line a question, for comparing one engine or version with another."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("id\tlanguage\tkind\trefused\tright_passage_first\tquotes_it\tcitations\tinvalid_citations\n")
        for v in sorted(verdicts, key=lambda v: v.question["id"]):
            row = [v.question["id"], v.question["language"], v.question["kind"], int(v.refused), int(v.first), int(v.quoted), v.citations, len(v.wrong)]
            file.write("\t".join(map(str, row)) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="tests/quality/run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("protoc", help=argparse.SUPPRESS)
    parser.add_argument("protos", help=argparse.SUPPRESS)
    parser.add_argument("--llm", default="embedded", help="the engine (default: embedded); model engines take their keys from the environment")
    parser.add_argument("--questions", metavar="FILE", action="append", type=pathlib.Path, help="only this file's (repeatable; default: all of questions/)")
    parser.add_argument("--verbose", action="store_true", help="list what missed")
    parser.add_argument("--keep", metavar="FILE", help="write the verdicts, a line for each question")
    options = parser.parse_args()
    modules, methods = ponte_services.generate(options.protoc, options.protos)
    pb, verdicts = modules["chatbot"], {}
    with ponte_services.Services(methods, auth=False, only=("chatbot",), more=("--llm", options.llm, "--chatbot-questions", "0")) as services:
        lessons = Lessons(services, pb)
        for path in options.questions or sorted((HERE / "questions").glob("*.tsv")):
            verdicts[path.stem] = [judge(lessons, pb, question, ask(services, question["question"])) for question in table(path)]
    everything = [v for some in verdicts.values() for v in some]
    for name, some in [*verdicts.items(), *([("all questions", everything)] if len(verdicts) > 1 else [])]:
        print_table(f"{options.llm}: {name}", some)
        print("\n" + "; ".join(f"{goal} {part} of {whole} ({100 * part / max(whole, 1):.1f} %)" for goal, (part, whole) in counts(some).items()))
    if options.verbose:
        print_misses(everything)
    if options.keep:
        keep(options.keep, everything)
    missed = [f"{goal}: {part} of {whole}, the goal is {GOALS[goal]} %" for goal, (part, whole) in counts(everything).items() if not whole or part * 100 < GOALS[goal] * whole]
    print("\n" + ("; ".join(missed) if missed else "all goals met"))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as e:
        sys.exit(f"a call failed: {ponte_services.failure_of(e)}")
