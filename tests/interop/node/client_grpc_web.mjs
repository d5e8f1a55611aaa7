// Google's grpc-web, text or binary, over XMLHttpRequest; client_improbable.mjs says what a driver is.
import grpcWeb from "grpc-web";
import { decode, encode, headersOf, isStream, lookup, pathOf } from "./codec.mjs";

export const grpcWebDriver = (format) => (url, method, { metadata, requests, step, timeoutMs }) => {
  const streams = isStream.response(method);
  const descriptor = new grpcWeb.MethodDescriptor(
    pathOf(method),
    streams ? grpcWeb.MethodType.SERVER_STREAMING : grpcWeb.MethodType.UNARY,
    Object,
    Object,
    (value) => encode(method.input, value),
    (bytes) => decode(method.output, bytes),
  );
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const sent = { ...headersOf(metadata), ...(timeoutMs && { deadline: String(Date.now() + timeoutMs) }) };
  return new Promise((resolve) => {
    const result = { messages: [], code: 0, message: "" };
    const find = (m) => lookup((name) => m?.[name]);
    const take = (message) => {
      result.messages.push(message);
      step?.(handle, message);
    };
    const fail = (e) => {
      Object.assign(result, { code: e.code, message: e.message, trailers: result.trailers ?? find(e.metadata) });
      resolve(result);
    };
    const call = streams
      ? client.serverStreaming(url + pathOf(method), requests[0], sent, descriptor)
      : client.rpcCall(url + pathOf(method), requests[0], sent, descriptor, (e, message) => (e ? fail(e) : take(message)));
    const handle = {
      cancel() {
        call.cancel();
        resolve(result);
      },
    };
    call.on("metadata", (headers) => (result.headers = find(headers)));
    call.on("status", (status) => {
      Object.assign(result, { code: status.code, message: status.details, trailers: find(status.metadata) });
      if (status.code !== 0) resolve(result);
    });
    if (streams) call.on("data", take);
    if (streams) call.on("error", fail);
    call.on("end", () => resolve(result));
    step?.(handle);
  });
};
