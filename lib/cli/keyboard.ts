/** Listeners to keys. One read goes on for all, because a read of a terminal cannot be ended. */
const listeners = new Set<(key: string) => void>();
let isReading = false;

/** True if a person's keys can be read. */
export function hasKeyboard(): boolean {
  return Deno.stdin.isTerminal();
}

/**
 * Calls back with each character that is typed, at once and without showing it, until it is disposed. Ctrl-C stays a
 * signal; on Windows it is the character \x03.
 */
export function onKey(callback: (key: string) => void): Disposable {
  listeners.add(callback);
  if (listeners.size === 1) setRaw(true);
  if (!isReading) read();
  return {
    [Symbol.dispose]: () => {
      if (listeners.delete(callback) && listeners.size === 0) setRaw(false);
    },
  };
}

function setRaw(raw: boolean): void {
  // On Windows there is no mode in which Ctrl-C stays a signal.
  const options = { cbreak: Deno.build.os !== "windows" };
  try {
    Deno.stdin.setRaw(raw, raw ? options : undefined);
  } catch {
    // The terminal has gone: no key will come, and nothing is to be put back.
  }
}

async function read(): Promise<void> {
  isReading = true;
  const buffer = new Uint8Array(64);
  try {
    for (;;) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) return;
      const text = new TextDecoder().decode(buffer.subarray(0, count));
      for (const key of text) {
        for (const listener of [...listeners]) listener(key);
      }
    }
  } catch {
    // The terminal has gone.
  } finally {
    isReading = false;
  }
}
