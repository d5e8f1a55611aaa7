// The clients that have a WebSocket transport; client_improbable.mjs says what a driver is.
import { WebsocketTransport } from "nice-grpc-web";
import WebSocket from "ws";
import { grpc, improbableDriver } from "./client_improbable.mjs";
import { niceDriver } from "./client_nice.mjs";

globalThis.WebSocket = WebSocket; // improbable's transport takes the browser's

export const drivers = {
  "@improbable-eng/grpc-web": improbableDriver(() => grpc.WebsocketTransport()),
  "nice-grpc-web": niceDriver(() => WebsocketTransport()),
};
