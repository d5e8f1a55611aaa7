// Runs on the audio thread: gathers the 128-sample blocks into 20 ms frames and hands them over without a copy.

class Capture extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.size = options.processorOptions.frameSamples;
    this.frame = new Float32Array(this.size);
    this.used = 0;
  }

  process([input]) {
    const channel = input[0];
    if (!channel) return true; // the source has nothing to say yet
    for (let from = 0; from < channel.length;) {
      const n = Math.min(this.size - this.used, channel.length - from);
      this.frame.set(channel.subarray(from, from + n), this.used);
      this.used += n;
      from += n;
      if (this.used === this.size) {
        this.port.postMessage(this.frame, [this.frame.buffer]);
        this.frame = new Float32Array(this.size);
        this.used = 0;
      }
    }
    return true;
  }
}

registerProcessor('ponte-capture', Capture);
