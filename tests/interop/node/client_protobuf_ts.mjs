// @protobuf-ts/grpcweb-transport, text or binary; client_improbable.mjs says what a driver is.
import { GrpcStatusCode, GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { decode, encode, headersOf, isStream, lookup } from "./codec.mjs";

export const protobufTsDriver = (format) => async (url, method, { metadata, requests, step, timeoutMs }) => {
  const transport = new GrpcWebFetchTransport({ baseUrl: url, format });
  const info = {
    name: method.name,
    service: { typeName: method.parent.typeName },
    serverStreaming: isStream.response(method),
    clientStreaming: false,
    I: { toBinary: (value) => encode(method.input, value) },
    O: { fromBinary: (bytes) => decode(method.output, bytes) },
  };
  const aborter = new AbortController();
  const result = { messages: [], code: 0, message: "" };
  const handle = { cancel: () => aborter.abort() };
  const find = (m) => lookup((name) => [m?.[name]].flat()[0]);
  const options = transport.mergeOptions({ meta: headersOf(metadata), timeout: timeoutMs, abort: aborter.signal });
  const call = info.serverStreaming ? transport.serverStreaming(info, requests[0], options) : transport.unary(info, requests[0], options);
  step?.(handle);
  try {
    if (info.serverStreaming) {
      for await (const message of call.responses) {
        result.messages.push(message);
        step?.(handle, message);
      }
    } else {
      result.messages.push(await call.response);
    }
    const [headers, trailers] = await Promise.all([call.headers, call.trailers]);
    Object.assign(result, { headers: find(headers), trailers: find(trailers) });
  } catch (e) {
    if (!(e instanceof RpcError)) throw e;
    // This client hands grpc-message over as it is on the wire.
    Object.assign(result, { code: GrpcStatusCode[e.code], message: decodeURIComponent(e.message), trailers: find(e.meta) });
    await Promise.allSettled([call.headers, call.trailers, call.status, call.response]);
  }
  return result;
};
