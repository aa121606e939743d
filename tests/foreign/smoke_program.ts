// Program that the smoke story runs as a command; its first argument says what it does. It imports nothing, so that it
// runs wherever there is a Deno.

const behaviours = {
  /** Prints a line to each stream, and exits with a code. */
  async print(stdout = "", stderr = "", code = "0") {
    await write(Deno.stdout, `${stdout}\n`);
    await write(Deno.stderr, `${stderr}\n`);
    Deno.exit(Number(code));
  },
  /** Prints a line to each stream, and a last one once this file exists. */
  async wait(path = "", last = "") {
    await write(Deno.stdout, "ready\n");
    await write(Deno.stderr, "waiting\n");
    while (!exists(path)) await pause(20);
    await write(Deno.stdout, `${last}\n`);
  },
  /** Starts a child that sleeps as it does itself, and prints a line. The mark is in the arguments of both. */
  async sleep(mark = "", isChild = "") {
    if (isChild === "") {
      const path = import.meta.filename ?? "";
      const flags = ["run", "--allow-all", "--no-config", "--no-lock", path];
      new Deno.Command(Deno.execPath(), {
        args: [...flags, "sleep", mark, "child"],
        stdin: "null",
      }).spawn();
    }
    await write(Deno.stdout, "asleep\n");
    await pause(600_000);
  },
  /** Prints bytes: see `pattern`. */
  async flood(size = "0") {
    await write(Deno.stdout, pattern(Number(size)));
  },
};

/** Bytes that differ everywhere, and are the same each time. */
export function pattern(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) {
    words[at] = Math.imul(at + 1, 0x85eb_ca6b);
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Programs that the smoke story runs on the agent's host. */
export interface SmokeCommands {
  /** Prints a line to each stream, and exits with a code. */
  print(stdout: string, stderr: string, code: number): readonly string[];
  /** Prints the lines "ready" to stdout and "waiting" to stderr, and a last one to stdout once this file exists. */
  wait(path: string, last: string): readonly string[];
  /** Prints the line "asleep" and stays for longer than the story, with a child. The mark is in the arguments of both. */
  sleep(mark: string): readonly string[];
  /** Prints the bytes of `pattern`. */
  flood(size: number): readonly string[];
}

/** Commands that are this file, run by a Deno of the agent's host. */
export function smokeCommands(
  deno: readonly string[] = [Deno.execPath()],
  path: string = import.meta.filename ?? "",
): SmokeCommands {
  const flags = ["run", "--allow-all", "--no-config", "--no-lock", path];
  const command = (name: keyof typeof behaviours, ...args: string[]) => [
    ...deno,
    ...flags,
    name,
    ...args,
  ];
  return {
    print: (stdout, stderr, code) =>
      command("print", stdout, stderr, String(code)),
    wait: (path, last) => command("wait", path, last),
    sleep: (mark) => command("sleep", mark),
    flood: (size) => command("flood", String(size)),
  };
}

async function write(
  target: { write(bytes: Uint8Array): Promise<number> },
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  for (let at = 0; at < bytes.length;) {
    at += await target.write(bytes.subarray(at));
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  const [name, ...args] = Deno.args;
  await behaviours[name as keyof typeof behaviours](...args as []);
}
