import { sentence, say } from "./toasts.js";

const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"]; // what phones take as it is, first
const BITS = 32_000;
const LONGEST = 15 * 60;

/** A voice note: recorded here, with its level and its length, then sent like a file or thrown away. */
export function recorder() {
  return {
    able: false,
    on: false,
    level: 0,
    seconds: 0,
    init() {
      this.able = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
    },
    get clock() {
      return `${Math.floor(this.seconds / 60)}:${String(this.seconds % 60).padStart(2, "0")}`;
    },
    async start() {
      try {
        this.stream = await navigator.mediaDevices.getUserMedia({
          audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true },
        });
      } catch (error) {
        return say(this.$root.dataset[error.name === "NotFoundError" ? "sayNone" : "sayRefused"], "error");
      }
      const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
      this.media = new MediaRecorder(this.stream, { mimeType, audioBitsPerSecond: BITS });
      this.parts = [];
      this.media.addEventListener("dataavailable", (event) => event.data.size && this.parts.push(event.data));
      this.media.addEventListener("stop", () => this.ended());
      this.media.start(1000);
      this.isWanted = false;
      this.seconds = 0;
      this.on = true;
      this.timer = setInterval(() => this.tick(), 1000);
      this.listen();
      this.$nextTick(() => this.$refs.done.focus());
    },
    tick() {
      this.seconds += 1;
      if (this.seconds >= LONGEST) this.finish();
    },
    /** How loud it is, 0 to 1, for the eye only. */
    listen() {
      this.sound = new AudioContext();
      const analyser = this.sound.createAnalyser();
      analyser.fftSize = 512;
      this.sound.createMediaStreamSource(this.stream).connect(analyser);
      const wave = new Uint8Array(analyser.fftSize);
      const look = () => {
        if (!this.on) return;
        analyser.getByteTimeDomainData(wave);
        const loud = Math.sqrt(wave.reduce((sum, value) => sum + ((value - 128) / 128) ** 2, 0) / wave.length);
        this.level = Math.min(1, loud * 4);
        setTimeout(look, 100);
      };
      look();
    },
    cancel() {
      this.stop(false);
    },
    finish() {
      this.stop(true);
    },
    stop(isWanted) {
      if (!this.on) return;
      this.isWanted = isWanted;
      this.on = false;
      clearInterval(this.timer);
      this.media.stop();
      this.sound.close();
      for (const track of this.stream.getTracks()) track.stop(); // the light of the microphone goes out
    },
    ended() {
      if (!this.isWanted) return;
      const type = this.media.mimeType.split(";")[0];
      const name = `voice.${{ "audio/ogg": "ogg", "audio/webm": "webm" }[type] ?? "m4a"}`;
      const file = new File(this.parts, name, { type });
      if (!file.size) return say(sentence("sayError"), "error");
      this.$root.closest("form").dispatchEvent(new CustomEvent("recorder:spoken", { detail: { file } }));
    },
  };
}
