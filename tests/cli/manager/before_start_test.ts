import { assertEquals } from "@std/assert";
import { byteCalls } from "../../../lib/files/byte_calls.ts";
import { floodBytes } from "../../support/program.ts";
import { hashOf, signedRelease } from "../../support/signed_release.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import type { Surroundings } from "../fake_terminal.ts";
import { start } from "./start.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

const LARGE = floodBytes(300_000);

/** Subcommands that send something before anything is started. */
interface Sending {
  readonly args: readonly string[];
  readonly doing: string;
  readonly fate: string;
  readonly surroundings?: Surroundings;
}

const RUN: Sending = {
  args: ["run", "web-1", "--stdin", "-", "--", "cat"],
  doing: "sending the input",
  fate: "nothing was started",
  surroundings: { stdin: LARGE },
};

/** Sends a file of a folder. */
function putting(file: string): Sending {
  return {
    args: ["put", file, "web-1:/srv/file"],
    doing: "sending the files",
    fate:
      "nothing was started; what was sent is kept, and the same command sends the rest",
  };
}

/** Sends a release, whose manifest comes first. */
function adding(): Sending {
  const files = signedRelease("0.3.0", LARGE);
  const sum = hashOf(files.get("manifest") ?? new Uint8Array());
  const text = (name: string) => new TextDecoder().decode(files.get(name));
  return {
    args: ["release", "add", "rel"],
    doing: "sending the release",
    fate: "it is not whole at the Manager; the same command sends the rest",
    surroundings: {
      files: {
        "rel/SHA256SUMS": `${sum}  piri-0.3.0.json\n`,
        "rel/piri-0.3.0.json": text("manifest"),
        "rel/piri-0.3.0.json.minisig": text("signature"),
      },
    },
  };
}

/** Starts to send to a Manager that never answers, and returns once it has begun. */
async function startSending({ args, surroundings }: Sending) {
  const manager = new FakeManager();
  const begun = Promise.withResolvers<void>();
  manager.blobs.onPiece = () => {
    begun.resolve();
    return new Promise(() => {});
  };
  const started = await start(args, { manager, ...surroundings });
  await begun.promise;
  return started;
}

const SIGNALS = [
  ["SIGINT", ""],
  ["SIGTERM", " by SIGTERM"],
  ["SIGHUP", " by SIGHUP"],
] as const;

for (const name of ["run", "put", "release add"]) {
  const withSending = async (test: (sending: Sending) => Promise<void>) => {
    await using temp = await TempFolder.make();
    const all = [RUN, adding(), putting(await temp.write("file", LARGE))];
    const sending = all.find(({ args }) => args.join(" ").startsWith(name));
    if (sending === undefined) throw new TypeError(name);
    await test(sending);
  };

  for (const [signal, cause] of SIGNALS) {
    Deno.test(`${name} that ${signal} ends while it sends says that nothing was started, and exits with 7`, () =>
      withSending(async (sending) => {
        const { manager, terminal, code } = await startSending(sending);
        await terminal.signal(signal);

        assertEquals(await code, 7);
        assertEquals(
          terminal.stderr.text,
          `error: Stopped ${sending.doing}${cause}: ${sending.fate}\n`,
        );
        assertEquals(manager.runs, []);
        assertEquals(terminal.isListening, false);
      }));
  }
}

for (const flags of [[], ["--detach"]]) {
  const text = flags.length === 0 ? "is ended" : "goes on";
  Deno.test(`${["run", ...flags].join(" ")} whose output nobody reads ${text} while it sends`, async () => {
    const [name = "", ...rest] = RUN.args;
    const sending = { ...RUN, args: [name, ...flags, ...rest] };
    const { terminal, code } = await startSending(sending);
    terminal.stdout.closed = true;
    await terminal.clock.advance(1_000);
    const seen = terminal.stderr.text;
    await terminal.interrupt();

    assertEquals(await code, 7);
    assertEquals(
      seen,
      flags.length === 0
        ? "error: Cannot write to standard output: it is closed; nothing was started\n"
        : "",
    );
  });
}

Deno.test("run that a signal ends while its input does not come says so", async () => {
  const { terminal, code } = await start(RUN.args, { stdinHangs: true });
  await terminal.signal("SIGTERM");

  assertEquals(await code, 7);
  assertEquals(
    terminal.stderr.text,
    "error: Stopped sending the input by SIGTERM: nothing was started\n",
  );
});
