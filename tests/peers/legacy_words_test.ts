import { assertEquals, assertThrows } from "@std/assert";
import { translateLegacy } from "../../lib/agent/runner/legacy_command.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { legacyCommand } from "../../lib/manager/command/legacy_command.ts";

/** Type and parameters that a legacy agent is sent. */
function told(operation: string, params: unknown): [string, unknown] {
  const { type, data } = legacyCommand(operation, JSON.stringify(params));
  return [type, JSON.parse(data)];
}

/** Operation and parameters that a legacy Manager's command means here. */
function done(type: string, data: unknown): [string, unknown] {
  const { operation, params } = translateLegacy(type, JSON.stringify(data));
  return [operation, JSON.parse(params)];
}

/** Reason for which such a command is refused. */
function complaint(type: string, data: unknown): string {
  return assertThrows(() => done(type, data), PiriError).message;
}

Deno.test("a program, a line, an echo and a file are translated into legacy words", () => {
  assertEquals(told("command.Run", { argv: ["a", "b"], user: "root" }), [
    "command.Run",
    { "[args]": [["a", "b"]], user: "root", shell: false },
  ]);
  assertEquals(
    told("command.Run", { shell: "a | b", env: { A: "1" }, stdin: "x" }),
    [
      "command.Run",
      { "[args]": ["a | b"], env: { A: "1" }, stdin: "x", shell: true },
    ],
  );
  assertEquals(told("echo.Echo", { text: "hi" }), [
    "echo.Echo",
    { "[args]": ["hi"] },
  ]);
  assertEquals(told("file.Fetch", { source: "a", path: "/b", mode: "0600" }), [
    "file.Installed",
    { "[args]": ["/b", "a"], mode: "0600" },
  ]);
});

Deno.test("parents of file.Fetch are refused for a legacy agent, and are left out if they are false", () => {
  const params = { source: "a", path: "/b" };
  for (const parents of [true, "true"]) {
    const error = assertThrows(
      () => told("file.Fetch", { ...params, parents }),
      PiriError,
      "legacy agents make no parent folders",
    );
    assertEquals(error.code, "UNSUPPORTED");
  }
  assertEquals(told("file.Fetch", { ...params, parents: false }), [
    "file.Installed",
    { "[args]": ["/b", "a"] },
  ]);
});

Deno.test("parameters that legacy agents do not have are refused, with the next step", () => {
  for (
    const [params, reason] of [
      [{ argv: ["a"], umask: "027" }, '"umask"; set it within a shell line'],
      [{ shell: "a", umask: "027" }, '"umask"; set it within a shell line'],
      [
        { argv_base64: ["YQ=="] },
        '"argv_base64"; give argv, or a shell line with the bytes in printf',
      ],
    ] as const
  ) {
    const error = assertThrows(() => told("command.Run", params), PiriError);
    assertEquals(
      error.message,
      `Cannot run "command.Run": a legacy agent has no parameter ${reason}`,
    );
    assertEquals(error.code, "INVALID_ARGUMENT");
  }
});

Deno.test("commands in legacy words already, and those that are not ours, stay unchanged", () => {
  assertEquals(told("command.Run", { command: "ls", shell: true }), [
    "command.Run",
    { "[args]": [], command: "ls", shell: true },
  ]);
  assertEquals(told("state", { "[args]": ["base"] }), [
    "state",
    { "[args]": ["base"] },
  ]);
  assertEquals(told("apt.Installed", { name: "vim" }), [
    "apt.Installed",
    { "[args]": [], name: "vim" },
  ]);
});

Deno.test("a legacy command.Run is a line for the shell, unless it says otherwise", () => {
  assertEquals(done("command.Run", { "[args]": ["ls | wc"] }), [
    "command.Run",
    { shell: "ls | wc" },
  ]);
  assertEquals(done("command.Run", { command: "ls", shell: false }), [
    "command.Run",
    { argv: ["ls"] },
  ]);
  assertEquals(done("command.Run", { command: ["ls", "-l"], shell: false }), [
    "command.Run",
    { argv: ["ls", "-l"] },
  ]);
  assertEquals(done("command.Run", { command: ["echo $0", "x"] }), [
    "command.Run",
    { argv: ["/bin/sh", "-c", "echo $0", "x"] },
  ]);
});

Deno.test("legacy parameters have their places and their names", () => {
  const env = { A: "x", B: 1, C: true, D: 0.5 };
  assertEquals(
    done("command.Run", {
      "[args]": ["ls", "root", 0, true, "/tmp", "in", true, env],
    }),
    ["command.Run", {
      shell: "ls",
      user: "root",
      group: "0",
      cwd: "/tmp",
      stdin: "in",
      env: { A: "x", B: "1", C: "True", D: "0.5" },
    }],
  );
  // In the language of those agents, null is nothing.
  assertEquals(
    done("command.Run", { command: "ls", user: null, cwd: null, env: null }),
    ["command.Run", { shell: "ls" }],
  );
  assertEquals(done("echo.Echo", { "[args]": ["ab"], reverse: true }), [
    "echo.Echo",
    { text: "ba" },
  ]);
  assertEquals(done("file.Installed", { "[args]": ["/a", "b"], mode: 420 }), [
    "file.Installed",
    { path: "/a", source: "b", mode: 420 },
  ]);
});

Deno.test("a legacy Manager may use what only this agent has", () => {
  assertEquals(done("command.Run", { "[args]": [], argv: ["ls"] }), [
    "command.Run",
    { argv: ["ls"] },
  ]);
  assertEquals(done("file.Fetch", { source: "a", path: "/b" }), [
    "file.Fetch",
    { source: "a", path: "/b" },
  ]);
});

Deno.test("parameters without a legacy meaning are refused by name", () => {
  const run = (data: unknown) => complaint("command.Run", data);
  assertEquals(
    run(["ls"]),
    'Cannot run "command.Run": its parameters are not a JSON object',
  );
  assertEquals(
    run({ "[args]": "ls" }),
    'Cannot run "command.Run": parameter "[args]" is wrong: expected a list',
  );
  assertEquals(
    run({ "[args]": ["ls"], command: "ls" }),
    'Cannot run "command.Run": parameter "command" is wrong: it is given twice',
  );
  assertEquals(
    run({ command: ["ls", 1] }),
    'Cannot run "command.Run": parameter "command" is wrong: expected a string or a list of strings',
  );
  assertEquals(
    run({ command: "ls", wait: 1 }),
    'Cannot run "command.Run": parameter "wait" is wrong: expected true or false',
  );
  assertEquals(
    run({ command: "ls", env: { A: [] } }),
    'Cannot run "command.Run": parameter "env.A" is wrong: expected text or a number',
  );
  assertEquals(
    run({ command: "ls", encoding: "latin-1" }),
    'Cannot run "command.Run": parameter "encoding" is wrong: this agent has utf-8 only',
  );
  assertEquals(
    run({ command: "ls", unknown: 1 }),
    'Cannot run "command.Run": there is no parameter "unknown"',
  );
  assertEquals(
    complaint("echo.Echo", { "[args]": [1, 2, 3] }),
    'Cannot run "echo.Echo": it takes 2 positional parameters, and not 3',
  );
  assertEquals(
    complaint("file.Fetch", { "[args]": [1] }),
    'Cannot run "file.Fetch": it takes 0 positional parameters, and not 1',
  );
});

Deno.test("an operation that does not exist is said to be none, whatever its parameters are", () => {
  const params = [{ "[args]": ["port"] }, [1]];
  for (const data of params) {
    for (const type of ["data.Show", "custom.Hello", "state", "constructor"]) {
      assertEquals(
        complaint(type, data).split(/, (?:it has|did you mean) /)[0],
        `Cannot run "${type}": this agent has no such operation`,
      );
    }
  }
});

Deno.test("a missing parameter is named as a legacy Manager names it", () => {
  for (
    const data of [{ "[args]": [] }, { message: null }, { "[args]": [null] }]
  ) {
    assertEquals(
      complaint("echo.Echo", data),
      'Cannot run "echo.Echo": parameter "message" is missing',
    );
  }
  for (const data of [{}, { "[args]": [null] }, { shell: true }]) {
    assertEquals(
      complaint("command.Run", data),
      'Cannot run "command.Run": parameter "command" is missing',
    );
  }
});

Deno.test("a condition is refused with every operation, and null is none", () => {
  for (
    const type of ["echo.Echo", "command.Run", "file.Installed", "test.Sleep"]
  ) {
    assertEquals(
      complaint(type, { if: { cmd: "false" } }),
      `Cannot run "${type}": this agent does not understand the condition in "if"`,
    );
  }
  assertEquals(
    complaint("data.Show", { if: true }).split(", it has ")[0],
    'Cannot run "data.Show": this agent has no such operation',
  );
  assertEquals(done("echo.Echo", { "[args]": ["a"], if: null }), [
    "echo.Echo",
    { text: "a" },
  ]);
});
