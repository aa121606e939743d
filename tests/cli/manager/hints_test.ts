import { assertEquals } from "@std/assert";
import {
  agent,
  apiError,
  command,
  event,
  FakeManager,
  job,
} from "../fake_manager.ts";
import { see } from "./start.ts";

/** Hint for a command line that is wrong; undefined if there is none. */
async function hintFor(
  line: string,
  manager: FakeManager = new FakeManager(),
): Promise<string | undefined> {
  const { stderr } = await see(line.split(" "), { manager });
  return stderr.split("\n").find((text) => text.startsWith("hint: "))
    ?.slice("hint: ".length);
}

const ALL = '"piri-manager --help" lists them all';
const OF_AGENT = '"piri-manager agent --help" lists them all';

for (
  const [line, hint] of [
    ["ps", `did you mean "piri-manager commands"? ${ALL}`],
    ["ls", `did you mean "piri-manager agents"? ${ALL}`],
    ["list", `did you mean "piri-manager agents"? ${ALL}`],
    ["rm", `did you mean "piri-manager agent remove"? ${ALL}`],
    ["kill", `did you mean "piri-manager cancel"? ${ALL}`],
    ["exec", `did you mean "piri-manager run"? ${ALL}`],
    ["toString", ALL],
    ["bananas", ALL],
    ["agent rm", `did you mean "piri-manager agent remove"? ${OF_AGENT}`],
    ["agent delete", `did you mean "piri-manager agent remove"? ${OF_AGENT}`],
    ["agent list", `did you mean "piri-manager agents"? ${OF_AGENT}`],
    ["agent ls", `did you mean "piri-manager agents"? ${OF_AGENT}`],
    ["agent bananas", OF_AGENT],
    [
      "cancel 12 --all",
      'it takes one id; "piri-manager commands --state running" lists them',
    ],
    ["run web-1 --background -- x", 'did you mean "--detach"?'],
    ["run web-1 --chdir / -- x", 'did you mean "--cwd"?'],
    ["run web-1 -e A=1 -- x", 'did you mean "--env"?'],
    ["run web-1 --constructor -- x", '"run --help" lists the flags'],
    ["commands --status failed", 'did you mean "--state"?'],
    ["commands -n 5", 'did you mean "--limit"?'],
    ["commands --state success", 'did you mean "succeeded"?'],
    ["commands --state faild", 'did you mean "failed"?'],
    ["commands --state nosuch", undefined],
    ["commands --state constructor", undefined],
    ["run web-1 timeout=3s -- x", "did you mean --timeout 3s?"],
    [
      "run web-1 A=b -- x",
      "a variable of the program is given as --env A=b",
    ],
    [
      "--timeout 5 run web-1 -- x",
      '"--help" lists the flags; those of a subcommand stand behind its name',
    ],
  ] as const
) {
  Deno.test(`the hint for "${line}" is ${hint ?? "none"}`, async () => {
    assertEquals(await hintFor(line), hint);
  });
}

Deno.test("run --group names what there is instead", async () => {
  const hint = await hintFor("run web-1 --group web -- x");

  assertEquals(
    hint,
    "for the group that the program runs as: --user USER:GROUP",
  );
});

Deno.test("a parameter that is a flag of run gets that flag as its hint", async () => {
  const manager = new FakeManager();
  manager.onRun = () => {
    throw apiError("INVALID_ARGUMENT", "Cannot run: no such parameter");
  };

  assertEquals(
    await hintFor("run web-1 --op echo.Echo text=x timeout=3s", manager),
    "did you mean --timeout?",
  );
  assertEquals(
    await hintFor("run web-1 --op echo.Echo text=x tiny=3s", manager),
    undefined,
  );
});

Deno.test("commands --agent of an unknown name is an error, which names the nearest", async () => {
  const seen: [number, string, string][] = [];
  for (const name of ["wbe-1", "nosuch", "web-*"]) {
    const manager = new FakeManager();
    manager.agents = [agent({ id: "web-1" })];
    const { code, stdout, stderr } = await see(
      ["commands", "--agent", name],
      { manager },
    );
    seen.push([code, stdout, stderr]);
  }

  const start = "error: Cannot list the commands of";
  assertEquals(seen, [
    [
      5,
      "",
      `${start} "wbe-1": there is no agent of that name\n` +
      'hint: did you mean "web-1"?\n',
    ],
    [5, "", `${start} "nosuch": there is no agent of that name\n`],
    [
      5,
      "",
      `${start} "web-*": it is a pattern, and this takes one name\n` +
      'hint: did you mean "web-1"?\n',
    ],
  ]);
});

Deno.test("commands --agent of a known agent without commands, and of one that was removed, is no error", async () => {
  const known = new FakeManager();
  known.agents = [agent({ id: "web-1" })];
  const removed = new FakeManager();
  removed.onList = ({ states }) => states.length === 0 ? [command()] : [];
  const args = ["commands", "--agent", "web-1", "--state", "lost"];

  const codes = [
    (await see(args, { manager: known })).code,
    (await see(args, { manager: removed })).code,
  ];

  assertEquals(codes, [0, 0]);
});

for (const what of ["remove", "token"]) {
  Deno.test(`agent ${what} of an unknown name names the nearest`, async () => {
    const manager = new FakeManager();
    manager.agents = [agent({ id: "web-1" })];
    const { code, stderr } = await see(["agent", what, "web-11"], { manager });

    assertEquals([code, stderr], [
      5,
      'error: Cannot find agent "web-11"\nhint: did you mean "web-1"?\n',
    ]);
  });
}

Deno.test("job list --agent of an unknown name is an error, unless it has jobs", async () => {
  const empty = new FakeManager();
  empty.agents = [agent({ id: "web-1" })];
  empty.jobs = [];
  const unknown = await see(["job", "list", "--agent", "wbe-1"], {
    manager: empty,
  });
  const known = await see(["job", "list", "--agent", "web-1"], {
    manager: empty,
  });
  const removed = new FakeManager();
  removed.jobs = [job()];
  const gone = await see(["job", "list", "--agent", "old-1"], {
    manager: removed,
  });

  assertEquals([unknown.code, known.code, gone.code], [5, 0, 0]);
  assertEquals(
    unknown.stderr,
    'error: Cannot list the jobs of "wbe-1": there is no agent of that name\n' +
      'hint: did you mean "web-1"?\n',
  );
  assertEquals(
    empty.jobLists.map(({ agent, limit }) => [agent, limit]),
    [["wbe-1", undefined], ["wbe-1", 1], ["web-1", undefined]],
  );
});

Deno.test("events --agent of an unknown name beside one with events is an error", async () => {
  const manager = new FakeManager();
  manager.agents = [agent({ id: "web-1" })];
  manager.events = [event({ agent: "web-1", message: "hello" })];
  const { code, stderr } = await see(
    ["events", "--agent", "web-1", "--agent", "wbe-1"],
    { manager },
  );

  assertEquals(code, 5);
  assertEquals(
    stderr,
    'error: Cannot show events of "wbe-1": there is no agent of that name\n' +
      'hint: did you mean "web-1"?\n',
  );
});
