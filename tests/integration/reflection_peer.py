"""A grpcio server with reflection v1alpha and nothing newer, for the tests of `ponte call`: health, and every protobuf type that Python knows. It prints its port
and stays until stdin ends.

With --one-by-one a question is answered with one file only, as the protocol allows: whoever wants the imports asks for them. Its list of services would turn a terminal red.
"""
import os
import sys
from concurrent import futures

sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from google.rpc import status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc


class OneByOne(reflection_pb2_grpc.ServerReflectionServicer):
    def ServerReflectionInfo(self, request_iterator, context):
        pool = descriptor_pool.Default()
        for request in request_iterator:
            if request.WhichOneof("message_request") == "list_services":
                yield reflection_pb2.ServerReflectionResponse(list_services_response={"service": [{"name": "odd.\033[31mService"}]})
                continue
            try:
                if request.WhichOneof("message_request") == "file_by_filename":
                    file = pool.FindFileByName(request.file_by_filename)
                else:
                    file = pool.FindFileContainingSymbol(request.file_containing_symbol)
            except KeyError:
                yield reflection_pb2.ServerReflectionResponse(error_response={"error_code": 5, "error_message": "unknown"})
                continue
            proto = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(proto)
            yield reflection_pb2.ServerReflectionResponse(file_descriptor_response={"file_descriptor_proto": [proto.SerializeToString()]})


server = grpc.server(futures.ThreadPoolExecutor(4))
health_servicer = health.HealthServicer()
health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
if "--one-by-one" in sys.argv:
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(OneByOne(), server)
else:
    reflection.enable_server_reflection(("grpc.health.v1.Health", reflection.SERVICE_NAME), server)
print(server.add_insecure_port("127.0.0.1:0"), status_pb2.DESCRIPTOR.name, flush=True)
server.start()
sys.stdin.read()
