// A program that tests run as a child; its first argument says what it does. It is Deno itself, so it runs everywhere.
// It imports nothing, so it starts fast.

/** Longest wait for a file, in milliseconds: no test lasts as long. */
const MAX_WAIT_MS = 600_000;

const behaviours = {
  /** Prints a text and a line end, and exits with a code. */
  async printAndExit(text = "", code = "0") {
    await print(`${text}\n`);
    Deno.exit(Number(code));
  },
  /** Prints `count` lines, each in two pieces. */
  async printLines(text = "", count = "1") {
    for (let i = 1; i <= Number(count); i++) {
      await print(`${text} `);
      await wait(0.001);
      await print(`${i}\n`);
    }
  },
  /** Prints "ready", and "done" once this file exists. */
  async waitForFile(path = "") {
    await print("ready\n");
    while (isAwaited(path)) await wait(0.02);
    await print("done\n");
  },
  /** Waits for the first file, writes its process id into the second one, and does nothing for a minute. */
  async answerWithPid(path = "", answer = "") {
    while (isAwaited(path)) await wait(0.02);
    Deno.writeTextFileSync(answer, `${Deno.pid}\n`);
    await wait(60);
  },
  /** Prints 1, 2, 3 and so on, one number a line, until this file exists. */
  async countUntilFile(path = "") {
    for (let i = 1; isAwaited(path); i++) {
      await print(`${i}\n`);
      await wait(0.002);
    }
  },
  /** Prints to both streams. */
  async printBoth(stdout = "", stderr = "") {
    await print(stdout);
    await print(stderr, Deno.stderr);
  },
  /** Prints its environment as JSON. */
  async printEnv() {
    await print(JSON.stringify(Deno.env.toObject()));
  },
  /**
   * Prints the values of these variables in nine forms, its input, and the contents of the files that variables whose name
   * begins with FILE name; waits for a file; then prints the values as an error, and fails.
   */
  async tellSecrets(path = "", ...variables: string[]) {
    const values = variables.map((name) => {
      const value = Deno.env.get(name) ?? "";
      return name.startsWith("FILE") ? Deno.readTextFileSync(value) : value;
    });
    for (const value of values) await print(`${formsOf(value).join("\n")}\n`);
    await print(`input: ${await new Response(Deno.stdin.readable).text()}\n`);
    await print("ready\n");
    while (isAwaited(path)) await wait(0.02);
    await print(`failed with ${values.join()}\n`, Deno.stderr);
    Deno.exit(3);
  },
  /** Prints its folder. */
  async printCwd() {
    await print(Deno.cwd());
  },
  /** Prints the numbers of its user and its group. */
  async printUser() {
    await print(`${Deno.uid()}:${Deno.gid()}`);
  },
  /** Prints its input. */
  async copyStdin() {
    await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
  },
  /** Reads its input, and makes this file when it ends. */
  async markEndOfStdin(path = "") {
    for await (const _piece of Deno.stdin.readable);
    Deno.writeTextFileSync(path, "ended");
  },
  /** Prints the SHA-256 of its input. */
  async hashStdin() {
    const bytes = await new Response(Deno.stdin.readable).arrayBuffer();
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    const digits = [...new Uint8Array(hash)]
      .map((byte) => byte.toString(16).padStart(2, "0"));
    await print(`${digits.join("")}\n`);
  },
  /** Prints "ready", and does the same as hashStdin once this file exists. */
  async hashStdinAfter(path = "") {
    await print("ready\n");
    while (isAwaited(path)) await wait(0.02);
    await behaviours.hashStdin();
  },
  /** Prints `size` bytes to one stream: see `floodBytes`. */
  async floodStdout(size = "0", stream = "stdout") {
    const target = stream === "stderr" ? Deno.stderr : Deno.stdout;
    await write(target, floodBytes(Number(size)));
  },
  /** Does the same as floodStdout, to both streams at a time. */
  async floodBoth(size = "0") {
    const bytes = floodBytes(Number(size));
    await Promise.all([write(Deno.stdout, bytes), write(Deno.stderr, bytes)]);
  },
  /** Prints the numbers up to `last`, one a line, then an error to stderr, and fails. */
  async countAndFail(last = "1", error = "") {
    for (let from = 1; from <= Number(last); from += 10_000) {
      const count = Math.min(10_000, Number(last) - from + 1);
      await print(
        Array.from({ length: count }, (_, i) => `${from + i}\n`).join(""),
      );
    }
    await print(`${error}\n`, Deno.stderr);
    Deno.exit(1);
  },
  /** Prints one line after the other until it is ended. */
  async printForEver() {
    for (;;) await print(`${"x".repeat(1_023)}\n`);
  },
  /** Does the same as printForEver, and keeps the count of printed bytes in a file. */
  async countPrinted(path = "") {
    for (let count = 1_024;; count += 1_024) {
      await print(`${"x".repeat(1_023)}\n`);
      Deno.writeTextFileSync(path, String(count));
    }
  },
  /** Ends itself by a signal. */
  async endBySignal(signal = "SIGTERM") {
    Deno.kill(Deno.pid, signal as Deno.Signal);
    await wait(60);
  },
  /** Prints "ready" and does nothing for `seconds`. */
  async sleep(seconds = "60") {
    await print("ready\n");
    await wait(Number(seconds));
  },
  /** Does the same as sleep, but ignores SIGTERM. */
  async sleepIgnoringTerm(seconds = "60") {
    Deno.addSignalListener("SIGTERM", () => {});
    await print("ready\n");
    await wait(Number(seconds));
  },
  /** Does the same as sleep, but reports each SIGTERM, and ends on the second. */
  async countTerms(seconds = "60") {
    let count = 0;
    Deno.addSignalListener("SIGTERM", () => {
      Deno.stdout.writeSync(new TextEncoder().encode(`SIGTERM ${++count}\n`));
      if (count === 2) Deno.exit(2);
    });
    await print("ready\n");
    await wait(Number(seconds));
  },
  /**
   * Starts children with this behaviour, waits until each is ready, prints their process ids, and waits for their end.
   */
  async forkGrandchildren(count = "1", ...behaviour: string[]) {
    const children = await Promise.all(
      Array.from({ length: Number(count) }, () => startReady(behaviour)),
    );
    await print(`${children.map(({ pid }) => pid).join(" ")}\n`);
    await Promise.all(children.map(({ status }) => status));
  },
  /** Starts a child with this behaviour that inherits the output, and exits at once. */
  async leaveBehind(...behaviour: string[]) {
    const [name, ...args] = program(...behaviour as [BehaviourName]);
    const child = new Deno.Command(name, { args, stdin: "null" }).spawn();
    await print(`${child.pid}\n`);
    Deno.exit(0);
  },
};

/** A text as it is, in JSON, in a URL, as hex digits, and as base64 at three alignments and in both alphabets. */
function formsOf(text: string): string[] {
  const base64 = (before: string) =>
    btoa(
      String.fromCharCode(...new TextEncoder().encode(before + text)),
    );
  const hex = [...new TextEncoder().encode(text)]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    text,
    JSON.stringify({ text }),
    encodeURIComponent(text),
    hex,
    hex.toUpperCase(),
    base64(""),
    base64("x"),
    base64("xy"),
    base64("").replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
  ];
}

/** Name of a behaviour. */
export type BehaviourName = keyof typeof behaviours;

/** Command line that starts the program. */
export function program(
  behaviour: BehaviourName,
  ...args: string[]
): [string, ...string[]] {
  const path = import.meta.filename ?? "";
  const flags = ["--allow-all", "--no-config", "--no-lock"];
  return [Deno.execPath(), "run", ...flags, path, behaviour, ...args];
}

/** Makes `size` bytes that differ everywhere, and are the same each time. */
export function floodBytes(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) {
    words[i] = Math.imul(i + 1, 0x9e37_79b1);
  }
  return new Uint8Array(words.buffer, 0, size);
}

async function startReady(behaviour: string[]): Promise<Deno.ChildProcess> {
  const [name, ...args] = program(...behaviour as [BehaviourName]);
  const child = new Deno.Command(name, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await child.stdout.getReader().read();
  return child;
}

function print(text: string, target = Deno.stdout): Promise<void> {
  return write(target, new TextEncoder().encode(text));
}

async function write(
  target: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await target.write(bytes.subarray(at));
  }
}

/**
 * True while a file is still to come. Exits with code 1 once nobody will write it: the test has removed its folder, or
 * was killed and has not.
 */
function isAwaited(path: string): boolean {
  if (exists(path)) return false;
  if (!exists(dirname(path)) || performance.now() > MAX_WAIT_MS) Deno.exit(1);
  return true;
}

/** The folder of a path. */
function dirname(path: string): string {
  return path.replace(/[\\/][^\\/]*$/, "");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

if (import.meta.main) {
  const [name, ...args] = Deno.args;
  await behaviours[name as BehaviourName](...args as []);
}
