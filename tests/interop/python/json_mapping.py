"""json_mapping.py PROTOC TESTDATA PROTO PEER - lib/pb's JSON against the reference implementation (Python protobuf's json_format): the same texts are read by
both, and what both read must be the same message, and the same JSON again."""
import json
import random
import subprocess
import sys
import tempfile

from google.protobuf import json_format

# Where we differ on purpose: (text, whether we read it). The conformance suite of protobuf and the specification are on our side, or we are stricter.
EXCEPTIONS = {
    '{"anInt32": "1e3"}': True,  # the suite: Int32FieldQuotedExponentialValue
    '{"anInt32": "5.0"}': True,
    '{"anInt64": 9007199254740993.0}': True,  # Python rounds it
    '{"aColor": "1"}': False,  # a name or a number, not a number as a text
    '{"aFloat": " 1"}': False,
    '{"anInt32": "+1"}': False,
    '{"anInt32": "0_1"}': False,
    '{"anInt32": "01"}': False,
    '{"aDouble": "1_0"}': False,
    '{"aDouble": "nan"}': False,
    '{"aDouble": "1."}': False,
    '{"aDouble": NaN}': False,  # no JSON
    '{"aDouble": Infinity}': False,
    '{"aString": "\\u0000"}': False,  # a NUL would end protobuf-c's texts
    '{"at": "2024-01-01T00:00:60Z"}': False,
    '{"at": "2024-1-1T00:00:00Z"}': False,
    '{"at": "2024-01-01T0:0:0Z"}': False,
    '{"took": "1 s"}': False,
    '{"took": "+1s"}': False,
    '{"took": "1_0s"}': False,
    '{"mask": "a,,b"}': False,
    '{"mask": "a,"}': False,
    '{"aBytes": "a b="}': False,  # Python skips what is no base64
    '{"byNumber": {"1": {}, "1.0": {}}}': False,
    '{"byNumber": {"1.0": {}}}': True,
    '{"byNumber": {"01": {}}}': False,
    '{"value": 1e400}': False,
    '{"nothing": null}': True,
    '{"nothing": []}': False,  # Python takes an empty list for an empty object
    '{"aMessage": []}': False,
    "[]": False,
    '{"anInt32":1,"an_int32":1}': False,  # one field by two names
    '{"aColor": true}': False,
    '{"took": "1.0000000001s"}': False,  # Python cuts what is below a nanosecond
}
for field in ("aDouble", "aFloat", "maybeDouble"):
    EXCEPTIONS[f'{{"{field}": "inf"}}'] = False
    EXCEPTIONS[f'{{"{field}": true}}'] = False
    EXCEPTIONS[f'{{"{field}": -0.0}}'] = True  # packed as absent: protobuf-c does not tell it from 0

INTEGERS = ["0", "-0", "1", "-1", "1.0", "1.5", "1e3", "1E+2", "1e-1", "100e-2", "2147483647", "2147483648", "-2147483648", "-2147483649",
            "4294967295", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
            "-9223372036854775809", "18446744073709551615", "18446744073709551616", "01", "-", "+1", "1.", ".5", "0x1", "true", "null", '"1"', '""',
            '" 1"', '"-7"', '"x"', "[1]", "{}"]
FLOATS = ["0", "-0.0", "1", "1.5", "0.1", "1e21", "1e-7", "3.4028234e38", "3.5e38", "1e308", "1e309", "5e-324", '"NaN"', '"Infinity"', '"-Infinity"',
          '"1.5"', '"inf"', '"x"', '""', "true", "null"]
VALUES = {
    "aDouble": FLOATS, "aFloat": FLOATS, "anInt32": INTEGERS, "anInt64": INTEGERS, "aUint32": INTEGERS, "aUint64": INTEGERS, "aSint32": INTEGERS,
    "aSint64": INTEGERS, "aFixed32": INTEGERS, "aFixed64": INTEGERS, "aSfixed32": INTEGERS, "aSfixed64": INTEGERS,
    "maybeInt64": [v for v in INTEGERS if v != "{}"], "oneNumber": INTEGERS, "maybeDouble": FLOATS,
    "aBool": ["true", "false", "null", "1", '"true"', "tru", "[]"], "maybeBool": ["true", "false", "null", '"x"'],
    "aString": ['""', '"a"', '"\\n\\u00e9\\ud83d\\ude00"', '"é😀"', '"\\x41"', "1", "null", "[]", '"a'],
    "aBytes": ['""', '"AA=="', '"AAA="', '"AAAA"', '"AA"', '"-_"', '"_-8="', '"/+8="', '"A"', "1", "null"],
    "aColor": ['"COLOR_RED"', '"COLOR_NEGATIVE"', '"COLOR_GREEN"', "0", "1", "-1", "99", "1.0", "2147483648", "true", "null"],
    "aMessage": ["{}", '{"anInt32": 1}', '{"aMessage": {"aBool": true}}', "[]", "null", "1", '{"noSuch": 1}'],
    "manyInt64": ["[]", '[1, "2"]', "[null]", "1", "{}", "null", "[1,]", "[[1]]"],
    "manyMessages": ["[]", "[{}]", "[{}, null]", '[{"aBool": true}]'],
    "manyBools": ["[true, false]", "[1]"], "manyBytes": ['["AA==", ""]', "[1]"], "manyStrings": ['["", "a"]', "[1]"],
    "manyColors": ['["COLOR_RED", 3, 0]', '["x"]'], "manyDoubles": ['[1, "NaN", 0.1]', "[null]"],
    "oneText": ['""', '"a"', "null"], "oneBool": ["false", "true"], "oneMessage": ["{}", "null"],
    "byName": ["{}", '{"a": "1", "": 2}', '{"a": null}', '{"a": 1, "a": 2}', "[]", "null", '{"a": {}}'],
    "byNumber": ['{"-1": {}}', '{"x": {}}', '{"2147483648": {}}', '{"1": {"anInt32": 1}}'],
    "byBool": ['{"true": "a", "false": "b"}', '{"yes": "a"}', '{"True": "a"}'], "colors": ['{"a": "COLOR_RED"}', '{"a": 1}', '{"a": "x"}'],
    "at": ['"1970-01-01T00:00:00Z"', '"2024-02-29T23:59:59.123456789Z"', '"2024-02-29T23:59:59.5+02:30"', '"0001-01-01T00:00:00Z"',
           '"9999-12-31T23:59:59.999999999Z"', '"2023-02-29T00:00:00Z"', '"2024-01-01T00:00:00"', '"2024-01-01t00:00:00Z"', '"2024-01-01 00:00:00Z"',
           '"2024-01-01T00:00:00.1234567890Z"', '"x"', '""', "0", "{}", "null", '"1969-12-31T23:59:59.000000001Z"', '"2000-02-29T00:00:00-23:59"'],
    "took": ['"0s"', '"1.5s"', '"-1.5s"', '"-0.5s"', '"315576000000s"', '"315576000001s"', '"1.0000000001s"', '"1"', '"s"', '"x"', "1", "null",
             '"0.000000001s"'],
    "mask": ['""', '"a"', '"fooBar,baz.quxQuux"', '"foo_bar"', "[]", "null"], "nothing": ["{}", "[]", '{"a": 1}'],
    "manyTimes": ['["1970-01-01T00:00:00Z"]', "[null]"], "maybeText": ['""', '"a"', "null", "1"], "maybeBytes": ['"AA=="', "null"],
    "object": ["{}", '{"a": [1, null, "x", true, {"b": {}}]}', "[]", "null", "1"], "value": ["1", "null", '"x"', "[]", "{}", "true", "[null, {}]"],
    "list": ["[]", "[1, [2], {}]", "{}", "null"], "manyValues": ["[null, 1]", "[[]]"], "oddName1x": ['"a"'], "note": ['{"text": "a"}', '{"texts": 1}'],
}
WHOLE = ["{}", " { } ", "[]", "null", "1", '"x"', "", "{", "{}}", "{} {}", "{,}", '{"aBool":true,}', '{"aBool" true}', "{aBool:true}", "{'aBool':true}",
         '{"an_int32":1}', '{"anInt32":1,"an_int32":1}', '{"anInt32":1,"anInt32":1}', '{"oneText":"a","oneNumber":1}', '{"oneText":null,"oneNumber":1}',
         '{"oneNumber":1,"oneText":null}', '{"noSuch":1}', '{"":1}', '{"odd__name_1x":"a"}', '{"many_messages":[{"a_message":{"by_name":{"x":1}}}]}']


def random_cases(rng, count):
    """Messages that are right, made of the right values of one field each, two or three at a time and nested."""
    good = {name: [v for v in values if f'{{"{name}": {v}}}' not in EXCEPTIONS][:3] for name, values in VALUES.items()}
    for _ in range(count):
        names = rng.sample(sorted(good), 3)
        if sum(name.startswith("one") for name in names) > 1:
            continue
        body = ",".join(f'"{name}":{rng.choice(good[name])}' for name in names)
        yield f'{{"manyMessages":[{{}},{{{body}}}],"byNumber":{{"7":{{{body}}}}},{body}}}' if rng.random() < 0.5 else f"{{{body}}}"


def main():
    protoc, testdata, proto, peer = sys.argv[1:5]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([protoc, f"-I{testdata}", f"-I{proto}", f"--python_out={folder}", "ponte/test/v1/rules.proto", "ponte/test/v1/common.proto",
                        "buf/validate/validate.proto", "ponte/options/v1/options.proto"], check=True)
        sys.path.insert(0, folder)
        from ponte.test.v1 import rules_pb2

        cases = list(WHOLE) + list(EXCEPTIONS)
        cases += [f'{{"{name}": {value}}}' for name, values in VALUES.items() for value in values]
        cases += random_cases(random.Random(1), 500)
        cases = [c for c in dict.fromkeys(cases) if c]
        answers = subprocess.run([peer], input="\n".join(cases) + "\n", capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
        assert len(answers) == len(cases), (len(answers), len(cases))
        failures = []
        both = 0
        for case, answer in zip(cases, answers):
            ok = answer.startswith("ok ")
            if case in EXCEPTIONS:
                if ok != EXCEPTIONS[case]:
                    failures.append(f"{case}: {answer}")
                continue
            try:
                want = json_format.Parse(case, rules_pb2.AllTypes())
            except (json_format.ParseError, TypeError, AttributeError, ValueError, OverflowError) as error:  # not all of its refusals are ParseErrors
                if ok:
                    failures.append(f"{case}: only we read it: {answer} ({error})")
                continue
            if not ok:
                failures.append(f"{case}: only Python reads it: {answer}")
                continue
            both += 1
            text, packed = answer[3:].rsplit(" ", 1)
            got = rules_pb2.AllTypes.FromString(bytes.fromhex(packed))
            # As bytes, since NaN is never equal to itself.
            if got.SerializeToString(deterministic=True) != want.SerializeToString(deterministic=True):
                failures.append(f"{case}: another message: {answer}")
            elif json.loads(text) != json.loads(json_format.MessageToJson(want)):
                failures.append(f"{case}: other JSON: {text}, {json_format.MessageToJson(want, indent=None)}")
        print(f"{len(cases)} texts, {both} read by both")
        print("\n".join(failures))
        sys.exit(1 if failures or both < 400 else 0)


main()
