import { assertEquals, assertRejects } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { shellArguments } from "../../lib/operations/shell_start.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext, textOf } from "./support.ts";

const posix = Deno.build.os !== "windows";
const PRINT = ["/usr/bin/printf", "%s\\0"] as const;

/** Every byte that an argument can have. */
const ALL_BYTES = Uint8Array.from({ length: 255 }, (_, at) => at + 1);

/** Arguments that are hard to pass. Each is followed by what must not touch it. */
const HARD: readonly Uint8Array[] = [
  ALL_BYTES,
  ALL_BYTES.toReversed(),
  latin1("caf\xe9.txt"),
  latin1("\xe9\n\n\n"),
  latin1("\n\xe9"),
  latin1("-n\xe9"),
  latin1("%s\\101\xe9'\"$HOME`id`"),
  latin1("\xff."),
  latin1("\xc3"),
  latin1(""),
  latin1("plain"),
  new TextEncoder().encode("h\u00e4 \u{1f600}"),
  latin1("\xef\xbb\xbf\xff"),
  latin1("*\xe9"),
  latin1("\x81\x82\x83\x84\x85\x86\x87\x88"),
];

Deno.test({
  name: "arguments as bytes reach the program as they are",
  ignore: !posix,
  fn: async () => {
    const { stdout } = await finish(commandRun.run(
      { argv_base64: base64(...PRINT, ...HARD) },
      newContext(),
    ));
    assertEquals(stdout, lines(HARD));
  },
});

for (const locale of ["C", "C.UTF-8", "ja_JP.SJIS"]) {
  for (const shell of shellsOfThisHost()) {
    Deno.test(`${shell} passes all bytes on in the locale ${locale}`, async () => {
      const argvBytes = [...PRINT.map(latin1), ...HARD];
      const { stdout } = await new Deno.Command(shell, {
        args: shellArguments({
          argv: ["printf"],
          argvBytes,
          env: { "odd.name": "1", LC_ALL: locale },
          umask: 0o027,
        }),
        env: { LC_ALL: locale },
        clearEnv: true,
      }).output();
      assertEquals(stdout, lines(HARD));
    });
  }
}

Deno.test({
  name: "a file whose name is not UTF-8 can be removed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.make();
    const name = latin1("caf\xe9.txt");
    const act = async (program: string) =>
      await finish(commandRun.run(
        { argv_base64: base64(program, name), cwd: folder.path },
        newContext(),
      ));
    const list = async () => {
      const { stdout } = await finish(
        commandRun.run({ argv: ["ls"], cwd: folder.path }, newContext()),
      );
      return stdout;
    };
    await act("touch");
    assertEquals(await list(), latin1("caf\xe9.txt\n"));
    await act("rm");
    assertEquals(await list(), latin1(""));
  },
});

Deno.test({
  name: "a program whose own name is not UTF-8 is started",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.make();
    const name = latin1("./caf\xe9");
    await finish(commandRun.run({
      argv_base64: base64("ln", "-s", "/bin/echo", name),
      cwd: folder.path,
    }, newContext()));
    const { stdout } = await finish(commandRun.run(
      { argv_base64: base64(name, "hello"), cwd: folder.path },
      newContext(),
    ));
    assertEquals(textOf(stdout), "hello\n");
  },
});

Deno.test("arguments as bytes that are all UTF-8 are passed without a shell", async () => {
  await assertRejects(
    () =>
      finish(commandRun.run(
        { argv_base64: base64("no-such-program-\u00e4") },
        newContext(),
      )),
    PiriError,
    'Cannot start "no-such-program-\u00e4": there is no such program',
  );
});

Deno.test({
  name:
    "a missing program is reported as not started, also with arguments that are no text",
  ignore: !posix,
  fn: async () => {
    const error = await assertRejects(
      () =>
        finish(commandRun.run(
          { argv_base64: base64("no-such-program-7", latin1("\xe9")) },
          newContext(),
        )),
      PiriError,
      'Cannot start "no-such-program-7": there is no such program',
    );
    assertEquals(error.code, "NOT_STARTED");
  },
});

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function base64(...words: readonly (string | Uint8Array)[]): string[] {
  return words.map((word) => encodeBase64(word));
}

/** Arguments as PRINT prints them. */
function lines(words: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [...word, 0]));
}

function shellsOfThisHost(): string[] {
  const known = ["/bin/sh", "/bin/dash", "/bin/bash", "/bin/ash", "/bin/ksh"];
  return known.filter((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
