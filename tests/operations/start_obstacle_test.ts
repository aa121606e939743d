import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext } from "./support.ts";

const posix = Deno.build.os !== "windows";
const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

/** File to start, its mode, and the reason why it cannot be started. DIR stands for its folder. */
const files: [string, string | Uint8Array, number, string][] = [
  [
    "a script without its interpreter",
    "#!/usr/bin/python4 -u\nprint(1)\n",
    0o755,
    'the first line of "DIR/program" asks for the interpreter "/usr/bin/python4", which is not there; install it, or mend that line',
  ],
  [
    "a script with line ends of Windows",
    "#!/bin/sh\r\necho\r\n",
    0o755,
    'the first line of "DIR/program" ends as on Windows, so that it asks for the interpreter "/bin/sh\\r"; save the file with line ends of Unix',
  ],
  [
    "a script whose interpreter is a folder",
    "#!/etc\n",
    0o755,
    'its interpreter "/etc" cannot be started: "/etc" is a folder, not a program',
  ],
  [
    "a script whose interpreter is no program",
    "#!/etc/passwd\n",
    0o755,
    'its interpreter "/etc/passwd" cannot be started: the agent may not execute the file "/etc/passwd"',
  ],
  [
    "a file without the permission to execute it",
    "#!/bin/sh\n",
    0o644,
    'the agent may not execute the file "DIR/program", its mode is 0644; "chmod +x" makes it a program, or name the program that reads it',
  ],
];

for (const [what, content, mode, reason] of files) {
  // Deno starts a program directly, or by a shell; neither way may hide the reason.
  for (const umask of [undefined, "027"]) {
    Deno.test({
      name: `${what} is not started, and says why (umask ${
        umask ?? "as it is"
      })`,
      ignore: !posix,
      fn: async () => {
        await using folder = await TempFolder.make();
        const path = folder.at("program");
        await Deno.writeFile(path, bytesOf(content), { mode });
        await assertNotStarted(
          { argv: [path], ...umask === undefined ? {} : { umask } },
          `Cannot start "${path}": ${reason.replaceAll("DIR", folder.path)}`,
        );
      },
    });
  }
}

Deno.test({
  name: "a folder is not started as a program",
  ignore: !posix,
  fn: () =>
    assertNotStarted(
      { argv: ["/etc"] },
      'Cannot start "/etc": "/etc" is a folder, not a program; to start in it, give it as cwd',
    ),
});

Deno.test({
  name:
    "a path without a file is told apart from a name that PATH does not have",
  ignore: !posix,
  fn: async () => {
    await assertNotStarted(
      { argv: ["/no/such/program"] },
      'Cannot start "/no/such/program": there is no such program; look for its path on that host',
    );
    await assertNotStarted(
      { argv: ["no-such-program-7"], env: { PATH: "/usr/bin:/bin" } },
      'Cannot start "no-such-program-7": there is no such program in the folders of PATH, /usr/bin:/bin; give its full path, or install it',
    );
  },
});

Deno.test({
  name:
    "a file in PATH without the permission to execute it is told apart from a missing one",
  ignore: !posix,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.writeTextFile(folder.at("tool"), "", { mode: 0o644 });
    await assertNotStarted(
      { argv: ["tool"], env: { PATH: folder.path } },
      `Cannot start "tool": the agent may not execute the file "${
        folder.at("tool")
      }", its mode is 0644`,
    );
  },
});

Deno.test({
  name: "a file is no folder to start in",
  ignore: !posix,
  fn: () =>
    assertNotStarted(
      { argv: ["pwd"], cwd: "/etc/passwd" },
      'Cannot start "pwd": "/etc/passwd" is not a folder; choose another one with cwd',
    ),
});

Deno.test({
  name:
    "a folder that the user may not enter is named, at each depth (needs root)",
  ignore: !isRoot,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.chmod(folder.path, 0o755);
    await Deno.mkdir(folder.at("closed"), { mode: 0o700 });
    await Deno.mkdir(folder.at("closed", "open"), { mode: 0o755 });
    for (const cwd of [folder.at("closed"), folder.at("closed", "open")]) {
      await assertNotStarted(
        { argv: ["pwd"], user: "nobody", cwd },
        `Cannot start "pwd": the user "nobody" may not enter the folder "${
          folder.at("closed")
        }"; choose another folder with cwd, or another user`,
      );
    }
  },
});

Deno.test({
  name:
    "a program in a folder that the user may not enter names that folder (needs root)",
  ignore: !isRoot,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.chmod(folder.path, 0o700);
    const path = folder.at("program");
    await Deno.writeTextFile(path, "#!/bin/sh\n", { mode: 0o755 });
    await assertNotStarted(
      { argv: [path], user: "nobody", cwd: "/" },
      `Cannot start "${path}": the user "nobody" may not enter the folder "${folder.path}", in which the program is`,
    );
  },
});

Deno.test({
  name:
    "a program that only its owner may execute names the user and the mode (needs root)",
  ignore: !isRoot,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.chmod(folder.path, 0o755);
    const path = folder.at("program");
    await Deno.writeTextFile(path, "#!/bin/sh\n", { mode: 0o700 });
    await assertNotStarted(
      { argv: [path], user: "nobody", cwd: "/" },
      `Cannot start "${path}": the user "nobody" may not execute the file "${path}", its mode is 0700`,
    );
  },
});

const other = Deno.build.arch === "x86_64" ? "aarch64" : "x86_64";

/** File that the system gives to the shell, which cannot read it either, and the end of the outcome's message. */
const formats: [string, Uint8Array, string][] = [
  [
    "a program for another processor",
    elf({ machine: other === "aarch64" ? 183 : 62 }),
    `"PATH" is built for ${other}, and this host is ${Deno.build.arch}; install the build for ${Deno.build.arch}`,
  ],
  [
    "a program for Windows",
    new TextEncoder().encode("MZ\x90\0\x03\0"),
    '"PATH" is a program for Windows',
  ],
  [
    "a program that is cut short",
    elf({ machine: 62 }).slice(0, 20),
    '"PATH" is a program of which only the head is there',
  ],
  [
    "any other bytes",
    Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 10, 0x28),
    '"PATH" is neither a program for this system nor a script',
  ],
];

for (const [what, content, message] of formats) {
  Deno.test({
    name: `the outcome of starting ${what} says what the file is`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using folder = await TempFolder.make();
      const path = folder.at("program");
      await Deno.writeFile(path, content, { mode: 0o755 });
      const { outcome } = await finish(
        commandRun.run({ argv: [path] }, newContext()),
      );
      assertEquals(outcome.success, false);
      assertStringIncludes(
        outcome.message ?? "",
        `. ${message.replaceAll("PATH", path)}`,
      );
    },
  });
}

Deno.test({
  name: "a program for another C library names the loader that is missing",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("program");
    const machine = Deno.build.arch === "aarch64" ? 183 : 62;
    const content = elf({ machine, loader: "/lib/ld-musl-none.so.1" });
    await Deno.writeFile(path, content, { mode: 0o755 });
    await assertNotStarted(
      { argv: [path] },
      `Cannot start "${path}": it is made for a system with the loader "/lib/ld-musl-none.so.1", which is not there; install a build for this system`,
    );
  },
});

Deno.test({
  name:
    "a script without a line for its interpreter is run, and its exit code 127 is the whole message",
  ignore: !posix,
  fn: async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("program");
    await Deno.writeTextFile(path, "exit 127\n", { mode: 0o755 });
    const { outcome } = await finish(
      commandRun.run({ argv: [path] }, newContext()),
    );
    assertEquals(outcome.message, "The program ended with exit code 127");
  },
});

async function assertNotStarted(
  params: Parameters<typeof commandRun.run>[0],
  message: string,
): Promise<void> {
  const error = await assertRejects(
    () => finish(commandRun.run(params, newContext())),
    PiriError,
    message,
  );
  assertEquals(error.code, "NOT_STARTED");
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
}

/** Head of a program in the format of Linux, with one program header. */
function elf(
  { machine, loader = "" }: { machine: number; loader?: string },
): Uint8Array {
  const bytes = new Uint8Array(4_096);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true); // a shared object, as most programs
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, loader === "" ? 4 : 3, true);
  view.setBigUint64(72, 256n, true);
  view.setBigUint64(96, BigInt(loader.length + 1), true);
  view.setBigUint64(104, BigInt(loader.length + 1), true);
  bytes.set(new TextEncoder().encode(loader), 256);
  return bytes;
}
