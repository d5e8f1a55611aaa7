"""What Ponte's services are measured beside, each on a port of its own: grpc-go, grpcio and Go's net/http with JSON. Built into the folder of dependencies at first use."""
import filecmp
import os
import re
import shutil
import subprocess
import sys

import peers

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATORS = ["google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/grpc/cmd/protoc-gen-go-grpc"]
PROTOS = ["service.proto", "echo.proto"]
GO_AT_LEAST = 1, 24


def sources():
    go = os.path.join(HERE, "grpc-go")
    return [os.path.join(go, name) for name in sorted(os.listdir(go))] + [os.path.join(HERE, name) for name in PROTOS]


def need_go():
    """Debian 12's Go is older than grpc-go's module, and says something else about it."""
    version = subprocess.run(["go", "env", "GOVERSION"], cwd="/", stdout=subprocess.PIPE, text=True, check=True).stdout.strip() if shutil.which("go") else "not here"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < GO_AT_LEAST:
        raise SystemExit(f"the grpc-go peer needs Go {'.'.join(map(str, GO_AT_LEAST))} or newer in PATH; Go is {version}")


def go_program():
    """grpc-go-peer, built again when a source has changed."""
    build = os.path.join(peers.folder(), "grpc-go")
    program = os.path.join(build, "grpc-go-peer")
    os.makedirs(os.path.join(build, "pb"), exist_ok=True)
    if os.path.exists(program) and all(os.path.exists(os.path.join(build, os.path.basename(s))) and filecmp.cmp(s, os.path.join(build, os.path.basename(s)), shallow=False)
                                       for s in sources()):
        return program
    need_go()
    peers.say("building the grpc-go peer ...")
    for source in sources():
        shutil.copy(source, build)
    environment = dict(os.environ, GOFLAGS="-mod=readonly", GOBIN=os.path.join(build, "bin"), CGO_ENABLED="1")
    subprocess.run(["go", "install", *GENERATORS], cwd=build, env=environment, check=True)
    environment["PATH"] = environment["GOBIN"] + os.pathsep + environment["PATH"]
    module = ["--go_opt=module=ponte/bench", "--go-grpc_opt=module=ponte/bench"]
    subprocess.run(["protoc", "-I", build, "--go_out", build, "--go-grpc_out", build, *module, *PROTOS], cwd=build, env=environment, check=True)
    subprocess.run(["go", "build", "-o", program, "."], cwd=build, env=environment, check=True)
    return program


def python_messages(folder):
    """echo_pb2.py and service_pb2.py, for the Python peer and for the benchmark itself."""
    subprocess.run(["protoc", "-I", HERE, "--python_out", folder, *PROTOS], check=True)


def python_path(messages):
    """With the driver of PostgreSQL, which only the peer needs."""
    drivers = os.path.join(peers.folder(), "python")
    if not os.path.isdir(drivers):
        peers.say("fetching psycopg ...")
        requirements = os.path.join(HERE, "grpc-python", "requirements.txt")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", drivers, "--requirement", requirements], check=True)
    return os.pathsep.join([messages, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"), drivers])


def python_command(*arguments):
    return [sys.executable, os.path.join(HERE, "grpc-python", "server.py"), *arguments]
