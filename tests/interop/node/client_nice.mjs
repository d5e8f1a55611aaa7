// nice-grpc-web with any of its transports; client_improbable.mjs says what a driver is.
import { ClientError, Metadata, createChannel, createClient } from "nice-grpc-web";
import { decode, encode, isStream, pathOf } from "./codec.mjs";

// What the caller of `step` sends, as the iterable that nice-grpc wants.
function queue() {
  const items = [];
  let wake = () => {};
  let done = false;
  return {
    put: (item) => (items.push(item), wake()),
    end: () => ((done = true), wake()),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (items.length > 0) yield items.shift();
        if (done) return;
        await new Promise((resolve) => (wake = resolve));
      }
    },
  };
}

export const niceDriver = (transport) => async (url, method, { metadata, requests, step, timeoutMs }) => {
  const kinds = { requestStream: isStream.request(method), responseStream: isStream.response(method) };
  const definition = {
    it: {
      path: pathOf(method),
      ...kinds,
      requestSerialize: (value) => encode(method.input, value),
      requestDeserialize: (bytes) => decode(method.input, bytes),
      responseSerialize: (value) => encode(method.output, value),
      responseDeserialize: (bytes) => decode(method.output, bytes),
      options: {},
    },
  };
  const aborter = new AbortController();
  const result = { messages: [], code: 0, message: "" };
  const sent = queue();
  const handle = { send: sent.put, finish: sent.end, cancel: () => aborter.abort() };
  const client = createClient(definition, createChannel(url, transport()));
  const options = {
    metadata: Metadata({ ...metadata, ...(timeoutMs && { "grpc-timeout": `${timeoutMs}m` }) }), // its deadlines are the caller's own
    signal: aborter.signal,
    onHeader: (header) => (result.headers = (name) => header.get(name)),
    onTrailer: (trailer) => (result.trailers = (name) => trailer.get(name)),
  };
  requests?.forEach(handle.send);
  if (requests) handle.finish();
  const reply = client.it(kinds.requestStream ? sent : requests[0], options);
  step?.(handle);
  try {
    if (kinds.responseStream) {
      for await (const message of reply) {
        result.messages.push(message);
        step?.(handle, message);
      }
    } else {
      result.messages.push(await reply);
    }
  } catch (e) {
    if (e instanceof ClientError) Object.assign(result, { code: e.code, message: e.details });
    else if (e.name !== "AbortError") throw e;
  } finally {
    handle.finish();
  }
  return result;
};
