// XMLHttpRequest for Node, over fetch: as much of it as gRPC-Web clients use. (https://xhr.spec.whatwg.org)
export class XMLHttpRequest {
  #aborter = new AbortController();
  #headers = {};
  #answer;
  readyState = 0;
  status = 0;
  statusText = "";
  responseType = "";
  responseText = "";
  response = "";
  timeout = 0;
  withCredentials = false;
  upload = {};

  #listeners = [];

  #tell(type) {
    this[`on${type}`]?.();
    for (const [wanted, listener] of this.#listeners) if (wanted === type) listener.call(this);
  }
  #turn(state) {
    this.readyState = state;
    this.#tell("readystatechange");
  }
  addEventListener(type, listener) {
    this.#listeners.push([type, listener]);
  }
  open(method, url) {
    Object.assign(this, { method, url });
    this.#turn(1);
  }
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }
  overrideMimeType() {}
  getResponseHeader(name) {
    return this.#answer?.headers.get(name) ?? null;
  }
  getAllResponseHeaders() {
    return [...(this.#answer?.headers ?? [])].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }
  abort() {
    this.#aborter.abort();
  }
  async send(body) {
    const timer = this.timeout > 0 && setTimeout(() => this.#aborter.abort("timeout"), this.timeout);
    try {
      this.#answer = await fetch(this.url, { method: this.method, headers: this.#headers, body, signal: this.#aborter.signal });
      this.status = this.#answer.status;
      this.#turn(2);
      await this.#read();
      this.#turn(4);
      this.#tell("load");
    } catch {
      if (this.#aborter.signal.aborted && this.#aborter.signal.reason !== "timeout") return;
      this.status = 0;
      this.#turn(4);
      this.#tell(this.#aborter.signal.reason === "timeout" ? "timeout" : "error");
    } finally {
      clearTimeout(timer);
    }
    this.#tell("loadend");
  }
  async #read() {
    if (this.responseType === "arraybuffer") {
      this.response = await this.#answer.arrayBuffer();
      return;
    }
    for await (const piece of this.#answer.body) {
      this.responseText += Buffer.from(piece).toString("latin1"); // gRPC-Web's text is ASCII
      this.response = this.responseText;
      this.#turn(3);
    }
  }
}
