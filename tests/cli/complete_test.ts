import { assertEquals } from "@std/assert";
import { placeOf } from "../../lib/cli/complete.ts";
import { shellWords } from "../../lib/cli/shell_words.ts";
import { anApproval } from "./fake_approvals.ts";
import { command, FakeManager } from "./fake_manager.ts";
import { programOf, see, start } from "./manager/start.ts";

/** Words that the table has for the end of a line, and the kind of the others. */
function at(...words: string[]): string {
  const { candidates, kind } = placeOf(programOf(new FakeManager()), words);
  return [...candidates.map(({ word }) => word), kind].join(" ");
}

/** Lines that `__complete` prints for the end of a line. */
async function complete(
  words: string[],
  manager: FakeManager,
): Promise<string[]> {
  const { code, stdout, stderr } = await see(["__complete", "--", ...words], {
    manager,
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

Deno.test("subcommands, those of groups, flags and their values are completed from the table", () => {
  assertEquals(at("ru"), "run rule nothing");
  assertEquals(
    at("agent", "re"),
    "rename remove reject revoke restart nothing",
  );
  assertEquals(at("run", "--colo"), "--color nothing");
  assertEquals(at("run", "--color", "a"), "auto always nothing");
  assertEquals(at("run", "--color=n"), "never nothing");
  assertEquals(at("completion", "z"), "zsh nothing");
  assertEquals(at("help", "exi"), "exit-codes nothing");
  assertEquals(at("__comp"), "nothing");
});

Deno.test("words that the table does not have are of the kind that their place is for", () => {
  assertEquals(at("run", ""), "targets");
  assertEquals(at("run", "web-1", "we"), "targets");
  assertEquals(at("--dir", "/x", "ping", "--exclude", ""), "targets");
  assertEquals(at("agent", "remove", ""), "agent");
  assertEquals(at("agent", "rename", ""), "agent");
  assertEquals(at("agent", "add", "x", "--group", ""), "group");
  assertEquals(at("watch", "1", ""), "id");
  assertEquals(at("approve", ""), "approval");
  assertEquals(at("approval", "show", ""), "approval");
  assertEquals(at("sign", ""), "approval");
  assertEquals(at("run", "--op", ""), "operation");
  assertEquals(at("run", "--env-file", ""), "file");
  assertEquals(at("agents", "--dir", ""), "folder");
  assertEquals(at("run", "web-1", "--", "/bin"), "file");
  assertEquals(at("no-such", ""), "nothing");
  assertEquals(at("run", "--cwd", ""), "folder");
});

Deno.test("a line for bash is split as bash does it, quotes and all", () => {
  const cases: [string, string[], string][] = [
    ["piri run web", ["piri", "run", "web"], "web"],
    ["piri run ", ["piri", "run", ""], ""],
    ["piri run 'a & b", ["piri", "run", "a & b"], "'a & b"],
    ['piri "x y" z\\ z', ["piri", "x y", "z z"], "z\\ z"],
    ["piri ''", ["piri", ""], "''"],
  ];
  assertEquals(
    cases.map(([line]) => shellWords(line)),
    cases.map(([, words, raw]) => ({ words, raw })),
  );
});

Deno.test("agents, groups and facts of the Manager complete the last part of an expression", async () => {
  const manager = new FakeManager();
  manager.names = {
    agents: ["web-1", "web-2"],
    groups: ["web"],
    facts: ["webserver"],
  };

  assertEquals(await complete(["run", "db-1,we"], manager), [
    "words",
    "db-1,web-1\t",
    "db-1,web-2\t",
    "db-1,@web\t",
    "db-1,webserver=\tfact",
  ]);
  assertEquals(await complete(["run", "@c"], manager), [
    "words",
    "web-1\t",
    "web-2\t",
    "@web\t",
    "@connected\tagents that are connected",
    "webserver=\tfact",
  ]);
  assertEquals(
    manager.nameRequests.map(({ prefix, agents, groups, facts }) => [
      prefix,
      agents,
      groups,
      facts,
    ]),
    [["we", true, false, true], ["c", false, true, false]],
  );
  assertEquals(manager.open, 0);
});

Deno.test("ids, operations and parameters of an operation are completed with a summary", async () => {
  const manager = new FakeManager();
  manager.commands = [command({ id: 12n }), command({ id: 7n })];
  manager.operations = [{
    name: "file.Fetch",
    description: "Puts a file",
    parameters: [
      { name: "source", type: "string", description: "The file" },
      { name: "parents", type: "boolean", description: "Make folders" },
    ],
  }];

  assertEquals(await complete(["show", "1"], manager), [
    "words",
    "12\tweb-1, running: true",
  ]);
  assertEquals(await complete(["run", "--op", "file"], manager), [
    "words",
    "file.Fetch\tPuts a file",
  ]);
  assertEquals(await complete(["run", "--op", "file.Fetch", "s"], manager), [
    "words",
    "source=\tThe file",
  ]);
});

Deno.test("the state folder of the line is asked, and a Manager that is away is not told of", async () => {
  const manager = new FakeManager();
  manager.down = true;

  assertEquals(await complete(["run", "--dir", "/srv", "we"], manager), [
    "words",
  ]);
  assertEquals(manager.dirs, ["/srv"]);
});

Deno.test("a Manager that does not answer is waited for for one second", async () => {
  const manager = new FakeManager();
  manager.connect = () => new Promise(() => {});
  const { code, terminal } = await start(["__complete", "--", "run", "we"], {
    manager,
  });
  assertEquals(terminal.stdout.text, "");

  await terminal.clock.advance(1_000);

  assertEquals(await code, 0);
  assertEquals(terminal.stdout.text, "words\n");
});

Deno.test("the part of a word that bash keeps is left out for bash", async () => {
  const manager = new FakeManager();
  manager.names = { groups: ["web"] };
  const seen: string[] = [];
  for (
    const [line, own] of [
      ["piri-manager run --color=al", "al"],
      ["piri-manager run --color=", "="],
      ["piri-manager run @w", "w"],
      ["piri-manager run db-1,@w", "w"],
      ["piri-manager run 'db-1,@w", "'db-1,@w"],
    ]
  ) {
    const { stdout } = await see(
      ["__complete", `--line=${line}`, "--", own ?? ""],
      { manager },
    );
    seen.push(stdout.trimEnd().split("\n").slice(1).join(" "));
  }

  assertEquals(seen, [
    "always",
    "auto always never",
    "@web",
    "@web",
    "db-1,@web",
  ]);
});

Deno.test("completion prints the script of a shell, and names the shells for another one", async () => {
  const bash = await see(["completion", "bash"]);
  const other = await see(["completion", "bsh"]);

  assertEquals(bash.code, 0);
  assertEquals(
    bash.stdout.split("\n").at(-2),
    "complete -F _piri_manager piri-manager",
  );
  assertEquals(other.code, 2);
  assertEquals(
    other.stderr,
    'error: Cannot run "completion": <shell> "bsh" is none of bash, zsh, fish, powershell\n' +
      'hint: did you mean "bash"?\n',
  );
});

Deno.test("approve completes the ids of what waits, each with its work and who asked", async () => {
  const manager = new FakeManager();
  manager.approvals.known = [anApproval(), anApproval({ id: 18n })];
  assertEquals(
    (await complete(["approve", "a-7"], manager)).filter((line) =>
      line.startsWith("a-")
    ),
    ["a-7\tuptime on web-1, by alice"],
  );
});
