import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { Disconnected } from "../../../lib/base/errors.ts";
import { FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { floodBytes } from "../../support/program.ts";
import { command } from "../fake_manager.ts";
import { see, start } from "./start.ts";

const MEGABYTE = 1_048_576;

/** Runs `cat` with an input, and returns the parameters that were sent. */
async function paramsWith(
  args: readonly string[],
  options: Surroundings & { manager?: FakeManager },
): Promise<Record<string, unknown>> {
  const manager = options.manager ?? new FakeManager();
  manager.commands = [command()];
  const { code, stderr } = await see(
    ["run", "web-1", "--detach", ...args, "--", "cat"],
    { ...options, manager },
  );
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(manager.runs.at(-1)?.params ?? "");
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

for (const flag of ["--stdin", "--stdin-file"]) {
  for (const path of ["input", "-"]) {
    Deno.test(`short text of ${flag} ${path} travels with the command`, async () => {
      const text = "grüße\n";
      const options = { files: { input: text }, stdin: text };

      assertEquals(await paramsWith([flag, path], options), {
        argv: ["cat"],
        stdin: text,
      });
    });
  }
}

const LARGE: readonly [string, Uint8Array][] = [
  ["text of 64 KiB", new Uint8Array(65_536).fill(120)],
  ["bytes that are no text", Uint8Array.of(0xff, 0, 1)],
  ["text that JSON makes long", new Uint8Array(60_000).fill(1)],
  ["3 MiB of any bytes", floodBytes(3 * MEGABYTE)],
];

for (const [what, bytes] of LARGE) {
  for (const path of ["input", "-"]) {
    Deno.test(`${what} from ${path} are sent first, and the command names their hash`, async () => {
      const manager = new FakeManager();
      const options = { manager, files: { input: bytes }, stdin: bytes };
      const sha256 = sha256Of(bytes);

      assertEquals(await paramsWith(["--stdin", path], options), {
        argv: ["cat"],
        stdin_blob: sha256,
      });
      assertEquals(manager.blobs.kept.get(sha256), bytes);
    });
  }
}

Deno.test("a file that the Manager has already is not sent again", async () => {
  const manager = new FakeManager();
  const input = floodBytes(MEGABYTE);
  manager.blobs.kept.set(sha256Of(input), input);
  const params = await paramsWith(["--stdin", "input"], {
    manager,
    files: { input },
  });

  assertEquals(params["stdin_blob"], sha256Of(input));
  assertEquals(manager.blobs.pieces, []);
});

Deno.test("no request carries more than 4 MiB of input", async () => {
  const manager = new FakeManager();
  const stdin = floodBytes(9 * MEGABYTE);
  await paramsWith(["--stdin", "-"], { manager, stdin });

  const most = 4_194_304;
  assertEquals(manager.blobs.pieces, [most, most, stdin.length - 2 * most]);
});

Deno.test("a Manager that goes away while input is sent gets the rest when it is back", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const input = floodBytes(15 * MEGABYTE);
  const broken = Promise.withResolvers<void>();
  manager.blobs.onPiece = (number) => {
    const breaks: readonly number[] = [2, 3];
    const actions = new Map(breaks.map((each) => [each, () => {
      broken.resolve();
      throw new Disconnected("Cannot reach the Manager: reset");
    }]));
    actions.get(number)?.();
  };
  const { code, terminal } = await start(
    ["run", "web-1", "--detach", "--stdin", "-", "--", "cat"],
    { manager, stdin: input },
  );
  await broken.promise;
  await terminal.clock.advance(10_000);

  assertEquals(await code, 0);
  assertEquals([...manager.blobs.kept.keys()], [sha256Of(input)]);
});

Deno.test("a Manager that stays away while input is sent is told as such after a minute", async () => {
  const manager = new FakeManager();
  manager.blobs.onPiece = () => {
    manager.down = true;
    throw new Disconnected("Cannot reach the Manager: reset");
  };
  const { code, terminal } = await start(
    ["run", "web-1", "--stdin", "-", "--", "cat"],
    { manager, stdin: floodBytes(MEGABYTE) },
  );
  await terminal.clock.advance(70_000);

  assertEquals(await code, 3);
  assertStringIncludes(
    terminal.stderr.text,
    "error: Cannot send the input: the Manager has been away for 60 s",
  );
  assertEquals(manager.runs, []);
});

const WRONG: readonly [readonly string[], string][] = [
  [
    ["--stdin", "a", "--stdin-file", "b", "--", "cat"],
    'Cannot use "--stdin" and "--stdin-file": they are one flag',
  ],
  [
    ["--op", "command.Run", "--stdin", "a"],
    "Cannot run: --stdin goes with a program, and not with --op",
  ],
  [
    ["--env-file=-", "--stdin=-", "--", "cat"],
    'Cannot run: "-" is given twice',
  ],
];

for (const [args, message] of WRONG) {
  Deno.test(`run ${args.join(" ")} is refused before anything is sent`, async () => {
    const { code, stderr, manager } = await see(["run", "web-1", ...args], {
      stdin: floodBytes(MEGABYTE),
    });

    assertEquals([code, manager.runs, manager.blobs.pieces], [2, [], []]);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("an input that is not there is named", async () => {
  const { code, stderr } = await see(
    ["run", "web-1", "--stdin", "nosuch", "--", "cat"],
  );

  assertEquals([code, stderr], [
    5,
    'error: Cannot read "nosuch": there is no such file\n',
  ]);
});

Deno.test("the help shows --stdin and not its former name", async () => {
  const { stdout } = await see(["run", "--help"]);

  assertStringIncludes(stdout, "--stdin FILE");
  assertEquals(stdout.includes("stdin-file"), false);
});
