"""The configuration as its users meet it: docs/configuration.md holds every key, the example of deploy/ passes --check, and what is wrong is found there.

`config_test.py --write` brings the page up to date with the programs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "deploy" / "gateway.yaml"
# RFC 7517 appendix A.1: a public key.
KEY = {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "kid": "1"}


def keys_of(program):
    text = subprocess.run([os.environ[program], "--help"], check=True, capture_output=True, text=True).stdout
    return text[text.index("\nKeys of the file"):].split("\n\n", 1)[1]


def page_with(text, title, keys):
    before, after = text.split(f"## {title}\n\n```yaml\n", 1)
    return before + f"## {title}\n\n```yaml\n" + keys + "```" + after.split("```", 1)[1]


def check_page():
    old = PAGE.read_text()
    new = page_with(page_with(old, "Keys of ponte-gateway", keys_of("PONTE_GATEWAY")), "Keys of ponte-services", keys_of("PONTE_SERVICES"))
    if "--write" in sys.argv:
        PAGE.write_text(new)
    elif old != new:
        sys.exit(f"{PAGE} does not hold what --help says; run {__file__} --write with the programs' paths in PONTE_GATEWAY and PONTE_SERVICES")


def make_files(folder):
    (folder / "tls").mkdir()
    for name in "gateway school client internal-ca".split():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", f"/CN={name}.example",
                        "-addext", f"subjectAltName=DNS:{name}.example", "-keyout", folder / "tls" / f"{name}.key", "-out", folder / "tls" / f"{name}.pem"],
                       check=True, capture_output=True)
    (folder / "web").mkdir()
    (folder / "jwks.json").write_text(json.dumps({"keys": [KEY]}))
    (folder / "api-keys").write_text("0" * 64 + " robot orders clerk\n")


def check(folder, text):
    path = folder / "gateway.yaml"
    path.write_text(text)
    run = subprocess.run([os.environ["PONTE_GATEWAY"], "--config", path, "--check"], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


# (what, text of the example, what it becomes, what must be said)
BROKEN = [
    ("a key of another certificate", "tls/gateway.key", "tls/school.key", ": listen[0].tls"),
    ("a certificate that is not there", "tls/school.pem", "tls/none.pem", ": listen[0].tls"),
    ("no certificate", "tls/gateway.pem", "jwks.json", ": listen[0].tls"),
    ("a file of the cluster", "tls/internal-ca.pem", "tls/none.pem", ": clusters[0].tls"),
    ("no certificates of authorities", "tls/internal-ca.pem", "jwks.json", ": clusters[0].tls"),
    ("a key of another client", "tls/client.key", "tls/school.key", ": clusters[0].tls"),
    ("no key set", "jwks_file: {}/jwks.json", "jwks_file: {}/api-keys", ": auth"),
    ("no API keys", "api_keys: {}/api-keys", "api_keys: {}/jwks.json", ": auth"),
    ("no folder", "web: {}/web", "web: {}/none", ": web: "),
    ("no expression", "preview-[0-9]+", "preview-[0-9", ": cors.origins[2]: "),
    ("an unknown cluster", "cluster: orders", "cluster: order", ": routes[1].cluster: there is no cluster \"order\""),
    ("a misspelt key", "balance:", "balanse:", ": clusters[0]: unknown key \"balanse\"; did you mean \"balance\"?"),
    ("a number without a unit", "grace: 20s", "grace: 20", ": grace: \"20\" is not allowed; it takes a duration"),
]


def check_example():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        text = EXAMPLE.read_text().replace("/etc/ponte", name)
        code, said = check(folder, text)
        assert code == 0 and said.startswith("config ok: 2 listeners, 3 clusters, 3 routes, authentication on"), said
        for what, old, new, wanted in BROKEN:
            old, new = old.replace("{}", name), new.replace("{}", name)
            assert old in text, what
            line = 1 + text[:text.index(old)].count("\n")
            code, said = check(folder, text.replace(old, new, 1))
            assert code == 2 and wanted in said, (what, code, said)
            where = said.split("gateway.yaml:")[1].split(":")[0]
            assert abs(int(where) - line) <= 3, (what, line, said)


check_page()
check_example()
