"""The judge itself: what quality.py must notice in an answer. usage: judge_test.py PROTOC PROTO_ROOT"""
import sys

import ponte_services
import quality

TEXT = "Água é vida.\nA folha cai no outono.\n"
CUES = [(0, 14, 1000, 2000), (15, 37, 2500, 4000)]


class Kept(quality.Lessons):
    """Two materials, one with times, that no service has."""

    def __init__(self, pb):  # pylint: disable=super-init-not-called
        self.files = {"a.vtt": "A", "b.md": "B"}
        self.kept = {"A": pb.Material(material_id="A", title="Aula", text=TEXT, cues=[pb.Cue(begin=b, end=e, start_ms=s, end_ms=t) for b, e, s, t in CUES]),
                     "B": pb.Material(material_id="B", title="Notes", text="Leaves fall.")}


def main():
    pb = ponte_services.generate(*sys.argv[1:3])[0]["chatbot"]
    lessons = Kept(pb)
    first = pb.Passage(number=1, material_id="A", title="Aula", begin=0, end=37, start_ms=1000, end_ms=4000, text=TEXT[:-1])
    second = pb.Passage(number=2, material_id="B", title="Notes", begin=0, end=12, start_ms=-1, end_ms=-1, text="Leaves fall.")
    answer, right = "É no outono [1].", {"number": 1, "material_id": "A", "title": "Aula", "begin": 17, "end": 37, "start_ms": 2500, "end_ms": 4000, "quote": "folha cai no outono.",
                                         "answer_offset": 13}
    # reason, what differs from the right citation, the answer's text, how many faults
    rows = [
        ("right", {}, answer, 0),
        ("over two cues", {"begin": 9, "end": 36, "quote": TEXT.encode()[9:36].decode(), "start_ms": 1000}, answer, 0),
        ("another quote", {"quote": "folha cai no verão!!"}, answer, 1),
        ("a letter's case", {"quote": "Folha cai no outono."}, answer, 1),
        ("a byte too early", {"begin": 16, "end": 36}, answer, 1),
        ("counted in characters", {"begin": 15, "end": 35}, answer, 1),
        ("empty", {"end": 17, "quote": ""}, answer, 1),
        ("backwards", {"begin": 37, "end": 17}, answer, 1),
        ("behind its passage", {"end": 39}, answer, 1),
        ("another passage's number", {"number": 2}, answer, 1),
        ("no passage of that number", {"number": 3}, answer, 1),
        ("another material", {"material_id": "B"}, answer, 1),
        ("another title", {"title": "Notes"}, answer, 1),
        ("the passage's time, not the words'", {"start_ms": 1000}, answer, 1),
        ("no time", {"start_ms": -1, "end_ms": -1}, answer, 1),
        ("its mark is elsewhere", {"answer_offset": 12}, answer, 2),
        ("its mark is not there", {}, "É no outono.", 1),
        ("a mark without a citation", {}, answer + " Sim [2].", 1),
    ]
    failures = 0
    for reason, change, text, wanted in rows:
        final = pb.Final(finish_reason=pb.FINISH_REASON_STOP, citations=[pb.Citation(**{**right, **change})])
        found = [fault for fault in quality.faults(lessons, quality.Answer([first, second], text, final)) if fault]
        if len(found) != wanted:
            failures += 1
            print(f"{reason}: {len(found)} faults, not {wanted}: {found}")
    failures += check_verdicts(pb, lessons, first, second)
    print(f"{len(rows)} answers, {failures} wrong")
    return 1 if failures else 0


def check_verdicts(pb, lessons, first, second):
    """What counts as the right passage first."""
    stop, no = pb.FINISH_REASON_STOP, pb.FINISH_REASON_NOT_IN_MATERIAL
    # reason, passages, finish, the question's material and phrase, first, refused
    rows = [
        ("right", [first, second], stop, "a.vtt", "A  FOLHA cai", True, False),
        ("over a line's end", [first, second], stop, "a.vtt", "vida. A folha", True, False),
        ("second", [second, first], stop, "a.vtt", "a folha cai", False, False),
        ("refused", [first], no, "a.vtt", "a folha cai", False, True),
        ("the words, in another material", [first], stop, "b.md", "a folha cai", False, False),
        ("no passages", [], no, "a.vtt", "a folha cai", False, True),
        ("not answerable", [first], stop, "", "", False, False),
    ]
    failures = 0
    for reason, passages, finish, material, phrase, is_first, refused in rows:
        question = {"id": "x", "language": "pt", "kind": "answerable" if phrase else "near_miss", "material": material, "phrase": phrase, "question": "?"}
        verdict = quality.judge(lessons, pb, question, quality.Answer(passages, "Sim.", pb.Final(finish_reason=finish)))
        if (verdict.first, verdict.refused) != (is_first, refused):
            failures += 1
            print(f"{reason}: {verdict}")
    return failures


sys.exit(main())
