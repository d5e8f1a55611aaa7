// @connectrpc/connect-web's gRPC-Web transport; client_improbable.mjs says what a driver is.
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { headersOf, isStream, lookup } from "./codec.mjs";

export const connectDriver = async (url, method, { metadata, requests, step, timeoutMs }) => {
  const client = createClient(method.parent, createGrpcWebTransport({ baseUrl: url }));
  const aborter = new AbortController();
  const result = { messages: [], code: 0, message: "" };
  const handle = { cancel: () => aborter.abort() };
  const find = (headers) => lookup((name) => headers.get(name));
  const options = {
    headers: headersOf(metadata),
    timeoutMs,
    signal: aborter.signal,
    onHeader: (headers) => (result.headers = find(headers)),
    onTrailer: (trailers) => (result.trailers = find(trailers)),
  };
  try {
    const reply = client[method.localName](requests[0], options);
    step?.(handle);
    if (isStream.response(method)) {
      for await (const message of reply) {
        result.messages.push(message);
        step?.(handle, message);
      }
    } else {
      result.messages.push(await reply);
    }
  } catch (e) {
    const error = ConnectError.from(e);
    Object.assign(result, { code: error.code, message: error.rawMessage, trailers: find(error.metadata) });
  }
  return result;
};
