import { assertEquals, assertThrows } from "@std/assert";
import { OnDisconnect } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  disconnectOf,
  parseRun,
  type RunWords,
  umaskOf,
  userOf,
  variablesOf,
} from "../../../lib/cli/manager/parse_run.ts";

function typed(words: Partial<RunWords>): RunWords {
  return {
    words: ["web-1"],
    program: undefined,
    shell: undefined,
    op: undefined,
    surroundings: {},
    ...words,
  };
}

/** Message of the error for these words. */
function complaint(words: Partial<RunWords>): string {
  return assertThrows(() => parseRun(typed(words)), PiriError).message;
}

Deno.test("parseRun() makes command.Run of a program and its surroundings", () => {
  assertEquals(
    parseRun(typed({
      words: ["web-1", "db-*"],
      program: ["ls", "-l", "a=b"],
      surroundings: { cwd: "/tmp" },
    })),
    {
      agents: ["web-1", "db-*"],
      operation: "command.Run",
      params: { argv: ["ls", "-l", "a=b"], cwd: "/tmp" },
    },
  );
});

Deno.test("parseRun() makes command.Run of a line for the shell", () => {
  assertEquals(parseRun(typed({ shell: "a | b" })).params, { shell: "a | b" });
});

Deno.test("parseRun() takes an operation's parameters as text or JSON", () => {
  assertEquals(
    parseRun(typed({
      op: "file.Fetch",
      words: ["web-1", "mode=0644", "n:=3", 'list:=["a"]', "eq=a=b:=c", "e="],
    })),
    {
      agents: ["web-1"],
      operation: "file.Fetch",
      params: { mode: "0644", n: 3, list: ["a"], eq: "a=b:=c", e: "" },
    },
  );
});

Deno.test("parseRun() leaves facts of agents among the target expressions", () => {
  const facts = ["os.name=debian", "all & group=web", "memory_mb>=8000"];
  const program = parseRun(typed({ words: facts, program: ["x"] }));
  const operation = parseRun(typed({
    words: [...facts, "mode=0644"],
    op: "file.Fetch",
  }));

  assertEquals(program.agents, facts);
  assertEquals(operation.agents, facts);
  assertEquals(operation.params, { mode: "0644" });
});

Deno.test("parseRun() passes on a parameter with any name", () => {
  const { params } = parseRun(typed({
    op: "a.B",
    words: ["web-1", "__proto__=x"],
  }));

  assertEquals(JSON.stringify(params), '{"__proto__":"x"}');
});

Deno.test("parseRun() explains each mistake", () => {
  assertEquals(
    [
      complaint({}),
      complaint({ shell: "a", op: "b.C" }),
      complaint({ program: [] }),
      complaint({ program: ["x"], words: ["web-1", "A=b"] }),
      complaint({ op: "a.B", words: ["web-1", "a=1", "a=2"] }),
      complaint({ op: "a.B", words: ["web-1", "=1"] }),
      complaint({ op: "a.B", words: ["web-1", "a:=x"] }),
      complaint({ op: "a.B", surroundings: { cwd: "/" } }),
    ],
    [
      "Cannot run: exactly one of -- PROGRAM, --shell and --op has to say what",
      "Cannot run: exactly one of -- PROGRAM, --shell and --op has to say what",
      'Cannot run: no program follows "--"',
      'Cannot run: "A=b" names no agent; parameters belong to --op',
      'Cannot run: "a" is given twice',
      'Cannot run: "=1" has no name before "="',
      'Cannot run: the value of "a" is not JSON',
      "Cannot run: --cwd goes with a program; write cwd=VALUE",
    ],
  );
});

Deno.test("variablesOf() splits at the first equals sign", () => {
  assertEquals(variablesOf(["A=1", "B=", "C=x=y"]), {
    A: "1",
    B: "",
    C: "x=y",
  });
  assertThrows(
    () => variablesOf(["=x"]),
    PiriError,
    'Cannot run: "--env =x" is not NAME=VALUE',
  );
});

Deno.test("disconnectOf() knows continue, kill and kill-after", () => {
  assertEquals(
    [undefined, "continue", "kill", "kill-after=1m"].map(disconnectOf),
    [
      { onDisconnect: OnDisconnect.CONTINUE },
      { onDisconnect: OnDisconnect.CONTINUE },
      { onDisconnect: OnDisconnect.KILL },
      { onDisconnect: OnDisconnect.KILL, killAfterMs: 60_000 },
    ],
  );
  assertThrows(() => disconnectOf("kill-after"), PiriError, "none of");
});

Deno.test("userOf() takes a user, or a user and a group", () => {
  assertEquals(["web", "33", "web:adm", "33:4"].map(userOf), [
    { user: "web" },
    { user: "33" },
    { user: "web", group: "adm" },
    { user: "33", group: "4" },
  ]);
  for (const text of [":", ":adm", "web:", "web:adm:x"]) {
    assertThrows(
      () => userOf(text),
      PiriError,
      `Cannot run: "--user ${text}" is neither USER nor USER:GROUP`,
    );
  }
});

Deno.test("umaskOf() takes octal digits up to 777", () => {
  assertEquals(["0", "27", "027", "0077", "777"].map(umaskOf), [
    "0",
    "27",
    "027",
    "0077",
    "777",
  ]);
  for (const text of ["028", "1777", "rwx", "0o27", "-1", ""]) {
    assertThrows(
      () => umaskOf(text),
      PiriError,
      `Cannot run: "--umask ${text}" is no octal number from 000 to 777`,
    );
  }
});

Deno.test("parseRun() asks an operation only to look, and no program", () => {
  const { params } = parseRun(typed({
    op: "file.Line",
    plan: true,
    words: ["web-1", "line=x"],
  }));

  assertEquals(params, { plan: true, line: "x" });
  assertEquals(
    complaint({ program: ["ls"], plan: true }),
    "Cannot run: --plan goes with --op, as in: --op file.Line",
  );
});
