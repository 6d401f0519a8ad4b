// Keeps the screen awake where the browser allows it: only over a secure connection (loopback or TLS).

export class WakeLock {
  constructor() {
    /** Whether the screen may sleep in mid-set. */
    this.maySleep = !("wakeLock" in navigator);
    this._lock = null;
    if (this.maySleep) return;
    document.addEventListener("visibilitychange", () => this._ask());
    this._ask();
  }

  async _ask() {
    if (document.visibilityState !== "visible") return;
    try {
      this._lock = await navigator.wakeLock.request("screen");
      this.maySleep = false;
    } catch {
      // a browser that saves its battery says no: the page says so
      this.maySleep = true;
    }
  }
}
