// What all clients share, in Node and in browsers: bytes of messages and of -bin metadata, and lookups of metadata by name.
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
export const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
// As a header carries it.
export const headerValue = (value) => (typeof value === "string" ? value : base64Of(value));
export const headersOf = (metadata = {}) => Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, headerValue(value)]));

// `find(name)` gives a header's text or nothing; the lookup gives -bin values as bytes.
export const lookup = (find) => (name) => {
  const value = find(name) ?? undefined;
  return value !== undefined && name.endsWith("-bin") ? bytesOf(value) : value;
};

// The services of grpc/testing/test.proto, from the bytes of a descriptor set.
export function servicesOf(set) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  return { test: registry.getService("grpc.testing.TestService"), unimplemented: registry.getService("grpc.testing.UnimplementedService") };
}

export const encode = (schema, value) => toBinary(schema, create(schema, value));
export const decode = fromBinary;
export const pathOf = (method) => `/${method.parent.typeName}/${method.name}`;
export const isStream = {
  request: (method) => method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
  response: (method) => method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
};
