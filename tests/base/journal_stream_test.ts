import { assertEquals, assertMatch } from "@std/assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { isJournalStream } from "../../lib/base/journal_stream.ts";
import { formatter } from "../../lib/base/log.ts";
import { LOG_LEVELS } from "../../lib/base/log_options.ts";
import { TempFolder } from "../support/temp_folder.ts";

const stream = () => ({ dev: 5, ino: 77 });

Deno.test("standard error is the journal if its device and inode are those of the variable", () => {
  assertEquals(isJournalStream("5:77", stream), true);
  for (const other of [undefined, "", "5:78", "4:77", "5:77 ", "5"]) {
    assertEquals(isJournalStream(other, stream), false);
  }
});

Deno.test("standard error that is none is not the journal", () => {
  const gone = () => {
    throw new Error("EBADF");
  };
  assertEquals(isJournalStream("5:77", gone), false);
});

/** A record of each level as a line. */
function linesOf(format: "text" | "json", isJournal: boolean): string[] {
  return LOG_LEVELS.map((level) =>
    formatter(format, isJournal)({
      category: ["piri", "agent"],
      level,
      message: ["it ", "says\nso", ""],
      rawMessage: "it {what}",
      properties: { what: "says\nso" },
      timestamp: 0,
    })
  );
}

Deno.test("the journal gets a priority, and neither the time nor the level in words", () => {
  assertEquals(
    linesOf("text", true),
    [7, 7, 6, 4, 3, 2].map((priority) =>
      `<${priority}>piri·agent: it says\\u000aso\n`
    ),
  );
});

Deno.test("JSON lines get a priority for the journal, too, and are whole behind it", () => {
  const [, , line = ""] = linesOf("json", true);

  assertMatch(line, /^<6>\{/);
  assertEquals(JSON.parse(line.slice(3)).level, "INFO");
});

Deno.test("a stream other than the journal gets the time and the level, and no priority", () => {
  const [first = ""] = linesOf("text", false);

  assertMatch(first, /^1970-01-01T00:00:00\.000Z \[TRC\] piri·agent: it says/);
});

/** Log of a program whose environment has a JOURNAL_STREAM. */
async function logUnder(named: string): Promise<string> {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("log_program.ts", import.meta.url).href,
      "returns",
    ],
    env: { JOURNAL_STREAM: named },
  }).output();
  return new TextDecoder().decode(stderr);
}

Deno.test("a program that inherits the variable and logs elsewhere logs as ever", async () => {
  assertMatch(await logUnder("1:2"), /^\d{4}-/);
});

Deno.test(
  "a program whose standard error is the stream of the variable logs for the journal",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    await using folder = await TempFolder.make();
    const path = await folder.write("journal", "");
    const { dev, ino } = await Deno.stat(path);
    const file = openSync(path, "a");
    const program = new URL("log_program.ts", import.meta.url).href;
    const child = spawn(Deno.execPath(), ["run", "-A", program, "returns"], {
      env: { ...Deno.env.toObject(), JOURNAL_STREAM: `${dev}:${ino}` },
      stdio: ["ignore", "ignore", file],
    });
    await once(child, "exit");
    closeSync(file);

    assertMatch(await Deno.readTextFile(path), /^<\d>piri/);
  },
);
