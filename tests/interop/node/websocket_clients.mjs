// The two clients behind one function: (url, method descriptor, {metadata, requests, step}) -> {headers, messages, code, message, trailers}. `headers` and `trailers` look a
// name up; -bin values come as bytes. With `requests` they are sent and the sending is finished; with `step(handle, reply)` the caller drives the call.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import improbable from "@improbable-eng/grpc-web";
import { ClientError, Metadata, createChannel, createClient, WebsocketTransport } from "nice-grpc-web";
import WebSocket from "ws";

const { grpc } = improbable;
globalThis.WebSocket = WebSocket; // improbable's transport takes the browser's

const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const streams = (method) => ({
  requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
  responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
});

// ---- @improbable-eng/grpc-web ----

function messageClass(schema) {
  return class {
    constructor(value) {
      this.value = value;
    }
    static deserializeBinary(bytes) {
      return new this(fromBinary(schema, bytes));
    }
    serializeBinary() {
      return toBinary(schema, this.value);
    }
    toObject() {
      return this.value;
    }
  };
}

function improbableMetadata(values = {}) {
  const m = new grpc.Metadata();
  for (const [key, value] of Object.entries(values)) m.set(key, typeof value === "string" ? value : Buffer.from(value).toString("base64"));
  return m;
}

const improbableLookup = (metadata) => (name) => {
  const value = metadata?.get(name)?.[0];
  return value !== undefined && name.endsWith("-bin") ? bytesOf(value) : value;
};

function callImprobable(url, method, { metadata, requests, step }) {
  const Request = messageClass(method.input);
  const definition = {
    methodName: method.name,
    service: { serviceName: method.parent.typeName },
    ...streams(method),
    requestType: Request,
    responseType: messageClass(method.output),
  };
  return new Promise((resolve) => {
    const result = { messages: [] };
    const client = grpc.client(definition, { host: url, transport: grpc.WebsocketTransport() });
    const handle = {
      send: (request) => client.send(new Request(create(method.input, request))),
      finish: () => client.finishSend(),
      cancel() {
        client.close();
        resolve(result);
      },
    };
    client.onHeaders((headers) => (result.headers = improbableLookup(headers)));
    client.onMessage((message) => {
      result.messages.push(message.value);
      step?.(handle, message.value);
    });
    client.onEnd((code, message, trailers) => resolve({ ...result, code, message, trailers: improbableLookup(trailers) }));
    client.start(improbableMetadata(metadata));
    requests?.forEach(handle.send);
    if (requests) handle.finish();
    step?.(handle);
  });
}

// ---- nice-grpc-web ----

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

async function callNice(url, method, { metadata, requests, step }) {
  const kinds = streams(method);
  const definition = {
    it: {
      path: `/${method.parent.typeName}/${method.name}`,
      ...kinds,
      requestSerialize: (value) => toBinary(method.input, create(method.input, value)),
      requestDeserialize: (bytes) => fromBinary(method.input, bytes),
      responseSerialize: (value) => toBinary(method.output, value),
      responseDeserialize: (bytes) => fromBinary(method.output, bytes),
      options: {},
    },
  };
  const aborter = new AbortController();
  const result = { messages: [], code: 0, message: "" };
  const sent = queue();
  const handle = { send: sent.put, finish: sent.end, cancel: () => aborter.abort() };
  const client = createClient(definition, createChannel(url, WebsocketTransport()));
  const options = {
    metadata: Metadata(metadata),
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
}

export const drivers = { "@improbable-eng/grpc-web": callImprobable, "nice-grpc-web": callNice };
