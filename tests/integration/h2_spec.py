"""h2spec, a stranger's judgement of our HTTP/2: the gateway's front and sessions under a simple application (h2_server.c says why). It is built once, from the pinned module beside this file, into the folder of
dependencies. Open findings are listed here with their reason; one that is no longer open fails too, so that the list stays true."""
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

from harness import Process, certificate

HERE = os.path.dirname(os.path.abspath(__file__))
OPEN = {
    # A bad preface: on a plain connection HTTP/1.1 lives on the same port, and what does not begin as HTTP/2 is answered as that.
    "http2/3.5/2": {"plain"},
}
TESTS = 145


def build():
    folder = os.environ.get("PONTE_DEPS_DIR") or os.path.join(os.environ["PONTE_SOURCE_DIR"], "deps")
    out = os.path.join(folder, "h2spec", "h2spec")
    if not os.path.exists(out):
        print("building h2spec ...", flush=True)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run(["go", "build", "-mod=readonly", "-o", out + ".new", "github.com/summerwind/h2spec/cmd/h2spec"],
                       cwd=os.path.join(HERE, "h2spec"), env=dict(os.environ, GOTOOLCHAIN="local", GOFLAGS=""), check=True)
        os.rename(out + ".new", out)
    return out


def judge(h2spec, how, port):
    """The ids of the tests that failed, and how many there were."""
    with tempfile.NamedTemporaryFile(prefix="ponte-h2spec-") as report:
        args = [h2spec, "-h", "127.0.0.1", "-p", port, "-j", report.name] + (["-t", "-k"] if how == "tls" else [])
        output = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
        suites = xml.parse(report.name).getroot().iter("testsuite")
        failed, count = set(), 0
        for suite in suites:
            for number, case in enumerate(suite.iter("testcase"), 1):
                count += 1
                if case.find("failure") is not None or case.find("error") is not None:
                    failed.add(f"{suite.get('package')}/{number}")
    return failed, count, output


def main():
    h2spec, bad = build(), False
    with certificate() as files:
        server = Process("h2_server", files, 2)
        for how, port in zip(("plain", "tls"), server.said):
            failed, count, output = judge(h2spec, how, port)
            known = {test for test, where in OPEN.items() if how in where}
            print(f"{how}: {count - len(failed)} of {count} passed; open: {sorted(failed)}")
            if failed != known or count != TESTS:
                bad = True
                print(output)
                print(f"{how}: newly failed {sorted(failed - known)}, no longer open {sorted(known - failed)}, tests {count}")
        bad |= not server.stop()
    return bad


sys.exit(main())
