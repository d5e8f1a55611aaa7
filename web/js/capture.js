// Microphone -> 20 ms frames of 16 kHz mono. The AudioContext itself resamples.

export const SAMPLE_RATE = 16000;
export const FRAME_SAMPLES = SAMPLE_RATE / 50;

/** Names of the microphones; without permission browsers hide the labels. */
export async function microphones() {
  const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return devices.filter((d) => d.kind === 'audioinput' && d.deviceId && d.deviceId !== 'default');
}

/** Which text explains why getUserMedia failed. */
export function captureProblem(error) {
  const problems = {
    NotAllowedError: 'mic_denied', SecurityError: 'mic_denied', NotFoundError: 'mic_missing', OverconstrainedError: 'mic_missing',
    NotReadableError: 'mic_busy', AbortError: 'mic_busy',
  };
  return problems[error.name] ?? 'mic_missing';
}

export class Capture {
  #context;
  #stream;

  /** onFrame(Float32Array of FRAME_SAMPLES), onEnded() when the microphone is unplugged. */
  async start({ deviceId, onFrame, onEnded }) {
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { deviceId: deviceId ? { exact: deviceId } : undefined, channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    try {
      this.#context = new AudioContext({ sampleRate: SAMPLE_RATE });
      await this.#context.audioWorklet.addModule(new URL('./capture-worklet.js', import.meta.url));
      const node = new AudioWorkletNode(this.#context, 'ponte-capture', {
        numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit', processorOptions: { frameSamples: FRAME_SAMPLES },
      });
      node.port.onmessage = (event) => onFrame(event.data);
      this.#stream.getAudioTracks()[0].onended = onEnded;
      this.#context.createMediaStreamSource(this.#stream).connect(node);
      await this.#context.resume();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  pause(paused) {
    return paused ? this.#context.suspend() : this.#context.resume();
  }

  async stop() {
    this.#stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
    if (this.#context && this.#context.state !== 'closed') await this.#context.close();
  }
}

/** Decodes any file the browser can play to 16 kHz mono. */
export async function decodeFile(file) {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
  const audio = await context.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(audio.length);
  for (let c = 0; c < audio.numberOfChannels; c++) {
    const channel = audio.getChannelData(c);
    for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / audio.numberOfChannels;
  }
  return mono;
}
