// The clients of gRPC-Web over HTTP; client_improbable.mjs says what a driver is. This file runs in Node and in browsers.
import { FetchTransport } from "nice-grpc-web";
import { connectDriver } from "./client_connect.mjs";
import { grpcWebDriver } from "./client_grpc_web.mjs";
import { grpc, improbableDriver } from "./client_improbable.mjs";
import { niceDriver } from "./client_nice.mjs";
import { protobufTsDriver } from "./client_protobuf_ts.mjs";

// Over XMLHttpRequest a stream of bytes can only be had when it is over, and grpc-web reads it so: what comes before the end is not seen.
const atEnd = (driver) => Object.assign(driver, { atEnd: true });

export const drivers = {
  "grpc-web, text": grpcWebDriver("text"),
  "grpc-web, binary": atEnd(grpcWebDriver("binary")),
  "@improbable-eng/grpc-web, fetch": improbableDriver(() => grpc.FetchReadableStreamTransport({})),
  "nice-grpc-web, fetch": niceDriver(() => FetchTransport()),
  "@connectrpc/connect-web": connectDriver,
  "@protobuf-ts/grpcweb-transport, text": protobufTsDriver("text"),
  "@protobuf-ts/grpcweb-transport, binary": protobufTsDriver("binary"),
};
