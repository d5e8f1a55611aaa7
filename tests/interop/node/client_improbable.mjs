// @improbable-eng/grpc-web with any of its transports. A driver is (url, method descriptor, {metadata, requests, step, timeoutMs}) -> {headers, messages, code, message, trailers}:
// `headers` and `trailers` look a name up. With `requests` they are sent and the sending is finished; `step(handle, reply)` comes at the start and with every reply.
import improbable from "@improbable-eng/grpc-web";
import { decode, encode, headersOf, isStream, lookup } from "./codec.mjs";

export const { grpc } = improbable;

function messageClass(schema) {
  return class {
    constructor(value) {
      this.value = value;
    }
    static deserializeBinary(bytes) {
      return new this(decode(schema, bytes));
    }
    serializeBinary() {
      return encode(schema, this.value);
    }
    toObject() {
      return this.value;
    }
  };
}

export const improbableDriver = (transport) => (url, method, { metadata, requests, step, timeoutMs }) => {
  const Request = messageClass(method.input);
  const definition = {
    methodName: method.name,
    service: { serviceName: method.parent.typeName },
    requestStream: isStream.request(method),
    responseStream: isStream.response(method),
    requestType: Request,
    responseType: messageClass(method.output),
  };
  // This client has no deadlines of its own.
  const sent = new grpc.Metadata({ ...headersOf(metadata), ...(timeoutMs && { "grpc-timeout": `${timeoutMs}m` }) });
  const find = (m) => lookup((name) => m?.get(name)?.[0]);
  return new Promise((resolve) => {
    const result = { messages: [] };
    const client = grpc.client(definition, { host: url, transport: transport() });
    const handle = {
      send: (request) => client.send(new Request(request)),
      finish: () => client.finishSend(),
      cancel() {
        client.close();
        resolve(result);
      },
    };
    client.onHeaders((headers) => (result.headers = find(headers)));
    client.onMessage((message) => {
      result.messages.push(message.value);
      step?.(handle, message.value);
    });
    client.onEnd((code, message, trailers) => resolve({ ...result, code, message, trailers: find(trailers) }));
    client.start(sent);
    requests?.forEach(handle.send);
    if (requests) handle.finish();
    step?.(handle);
  });
};
