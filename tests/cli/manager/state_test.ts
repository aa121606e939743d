import { assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { PiriError } from "../../../lib/base/errors.ts";
import type {
  StateDesk,
  StateDeskAgent,
} from "../../../lib/cli/manager/services.ts";
import { anAgent, compilerOf } from "../../states/memory_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const AGENTS: readonly StateDeskAgent[] = [
  { id: "db-1", groups: ["db"], facts: { "os.name": "alpine" } },
  { id: "web-1", groups: ["web"], facts: { "os.name": "debian" } },
  { id: "web-2", groups: ["web"], facts: { "os.name": "debian" } },
];

/** Manager with the states of these files. */
function managerOf(
  files: Readonly<Record<string, string>>,
  agents: readonly StateDeskAgent[] = AGENTS,
): FakeManager {
  const manager = new FakeManager();
  const compiler = compilerOf(files);
  manager.desk = {
    agents,
    names: () => compiler.names(),
    modules: () => compiler.modules(),
    format: (problem) => compiler.format(problem),
    data: () => Promise.reject(new TypeError("not here")),
    compile: (state, id) => {
      const agent = agents.find((each) => each.id === id);
      return agent === undefined
        ? Promise.reject(new PiriError("NOT_FOUND", `Cannot find "${id}"`))
        : compiler.compile(state, anAgent(agent));
    },
  } satisfies StateDesk;
  return manager;
}

const NGINX = `
- Web server:
    - Package: {type: package.Installed, name: nginx, if: {fact os.name: debian}}
    - Site:
        type: file.Installed
        path: /etc/site.conf
        content: "a\\nb\\n"
        mode: 0640
    - Service: {type: service.Running, name: nginx, reload_on: Site, restart_on: Package, if: {path: /run}}
`;

Deno.test("state check warns of a fact in a condition that no agent has, and names the nearest", async () => {
  const files = {
    "states/all.yaml": `
- A: {type: noop.Noop, if: {fact os.nam: debian}}
- B: {type: noop.Noop, if: {not fact colour: red}}
- C: {type: noop.Noop, if: {any: [{fact rack: a}, {path: /run}]}}
`,
  };
  const agents: readonly StateDeskAgent[] = [
    { id: "web-1", groups: [], facts: { "os.name": "debian", rack: "a" } },
    { id: "web-2", groups: [], facts: { "os.name": "alpine" } },
  ];
  const { code, stdout } = await see(["state", "check"], {
    manager: managerOf(files, agents),
  });
  const json = await see(["state", "check", "--json"], {
    manager: managerOf(files, agents),
  });
  const untold = await see(["state", "check"], {
    manager: managerOf(
      files,
      agents.map(({ id, groups }) => ({
        id,
        groups,
        facts: undefined,
      })),
    ),
  });

  assertEquals(code, 0);
  assertEquals(stdout.split("\n"), [
    'warning: states/all.yaml:2:29: no agent has the fact "os.nam", so "fact os.nam" is never true: did you mean "os.name"?',
    "  2 | - A: {type: noop.Noop, if: {fact os.nam: debian}}",
    "    |                             ^",
    "  for all agents",
    'warning: states/all.yaml:3:29: no agent has the fact "colour", so "fact colour" is never true: piri-manager facts AGENT lists them',
    "  3 | - B: {type: noop.Noop, if: {not fact colour: red}}",
    "    |                             ^",
    "  for all agents",
    "2 agents, 1 state: 0 errors, 2 warnings",
    "",
  ]);
  const [first] = json.stdout.split("\n");
  assertEquals(JSON.parse(first ?? "").warnings.length, 2);
  assertStringIncludes(untold.stdout, "0 errors, 0 warnings");
});

Deno.test("state check compiles all states of all agents, and tells each error once with its agents", async () => {
  const { code, stdout } = await see(["state", "check"], {
    manager: managerOf({
      "states/all.yaml": NGINX,
      "states/groups/web.yaml": "- A: {type: noop.Nop}\n",
      "states/agents/db-1/own.yaml":
        "- Run: {type: command.Run, command: backup}\n",
    }),
  });

  assertEquals(code, 1);
  assertEquals(stdout.split("\n"), [
    'states/groups/web.yaml:1:13: Cannot find the operation "noop.Nop": did you mean "noop.Noop"?',
    "  1 | - A: {type: noop.Nop}",
    "    |             ^",
    "  for web-[1-2]",
    'warning: states/agents/db-1/own.yaml:1:3: "Run" runs its program each time: creates, unless, onlyif or a condition would say when it has nothing to do',
    "  1 | - Run: {type: command.Run, command: backup}",
    "    |   ^",
    "  for db-1",
    "3 agents, 2 states: 1 error, 1 warning",
    "",
  ]);
});

Deno.test("state check tells mistakes in modules of operations, also of those that no state uses", async () => {
  const manager = managerOf({
    "states/groups/web.yaml": "- A: {type: site.Page}\n",
    "operations/site.ts": 'import "npm:x";\n',
    "operations/groups/db/other.ts": "enum A { x }\n",
    "operations/good.ts":
      'export const Thing = { description: "x", parameters: {}, check() {}, change() {} };\n',
  });
  const { code, stdout } = await see(["state", "check"], { manager });
  const json = await see(["state", "check", "--json"], { manager });

  assertEquals(code, 1);
  assertEquals(
    stdout.split("\n").filter((line) => !line.startsWith("  ")).map((line) =>
      line.split(": ")[0]
    ),
    [
      "operations/site.ts:1:8",
      "operations/groups/db/other.ts:1:1",
      "2 agents, 1 state",
      "",
    ],
  );
  assertEquals(
    stdout.includes("  for all agents\n") &&
      stdout.includes("  in no state of these agents\n"),
    true,
  );
  assertEquals(
    json.stdout.split("\n").filter((line) => line.includes('"module"'))
      .map((line) => JSON.parse(line)).map((
        { module, operations, problems },
      ) => [module, operations, problems.length]),
    [["good", ["good.Thing"], 0], ["other", [], 1], ["site", [], 1]],
  );
});

Deno.test("state check takes target expressions, and --json has a line an agent and state", async () => {
  const manager = managerOf({ "states/all.yaml": NGINX });
  const { code, stdout } = await see(["state", "check", "@web"], { manager });
  const json = await see(["state", "check", "os.name=alpine", "--json"], {
    manager,
  });

  assertEquals([code, stdout], [
    0,
    "2 agents, 1 state: 0 errors, 0 warnings\n",
  ]);
  assertEquals(
    jsonLines(json.stdout).map(({ sha256: _, ...line }) => line),
    [{
      agent: "db-1",
      state: "",
      steps: 2,
      leftOut: ["Web server:Package"],
      lacksFacts: false,
      problems: [],
      warnings: [],
    }],
  );
});

Deno.test("state check takes a state that another one includes as a part of it", async () => {
  const { code, stdout } = await see(["state", "check"], {
    manager: managerOf({
      "states/all.yaml": "- {include: site, with: {name: a}}\n",
      "states/all/site.yaml":
        '- A: {type: noop.Noop, message: "${vars.name}"}\n',
    }),
  });

  assertEquals([code, stdout], [
    0,
    "3 agents, 1 state: 0 errors, 0 warnings\n",
  ]);
});

Deno.test("state check tells of agents without facts, and holds no missing fact against a state", async () => {
  const files = {
    "states/all.yaml":
      '- A: {type: noop.Noop, message: "${facts.hostname}"}\n- B: {type: noop.Nop}\n',
  };
  const agents = [{ id: "new-1", groups: [], facts: undefined }];
  const { code, stdout, stderr } = await see(["state", "check"], {
    manager: managerOf(files, agents),
  });

  assertEquals(code, 1);
  assertStringIncludes(stdout, "noop.Nop");
  assertStringIncludes(stdout, "1 error, 0 warnings");
  assertStringIncludes(stderr, "new-1: no facts yet");
});

Deno.test("state check without agents or states says what to do", async () => {
  const nobody = await see(["state", "check"], { manager: managerOf({}, []) });
  const nothing = await see(["state", "check"], { manager: managerOf({}) });
  const job = await see(["state", "check", "@failed(j-1)"], {
    manager: managerOf({}),
  });

  assertStringIncludes(nobody.stderr, "piri-manager agent add");
  assertStringIncludes(nothing.stderr, "states/all.yaml");
  assertEquals([nobody.code, nothing.code, job.code], [0, 0, 2]);
});

Deno.test("state show prints the final order with places, parameters, and what is left out", async () => {
  const { code, stdout, stderr } = await see(["state", "show", "web-1"], {
    manager: managerOf({ "states/all.yaml": NGINX }),
  });
  const other = await see(["state", "show", "db-1"], {
    manager: managerOf({ "states/all.yaml": NGINX }),
  });

  assertEquals(code, 0);
  assertEquals(stdout.split("\n"), [
    "1. Web server:Package: package.Installed  (states/all.yaml:3)",
    '     name: ["nginx"]',
    "2. Web server:Site: file.Installed  (states/all.yaml:4)",
    "     path: /etc/site.conf",
    '     content: "a\\nb\\n"',
    "     mode: 0640",
    "3. Web server:Service: service.Running  (states/all.yaml:9)",
    "     name: nginx",
    "     reload_on: Web server:Site",
    "     restart_on: Web server:Package",
    "     if: path exists /run",
    "",
  ]);
  assertStringIncludes(stderr, "web-1: 3 steps, sheet ");
  assertStringIncludes(
    other.stdout,
    "left out: Web server:Package  (states/all.yaml:3)\n",
  );
});

Deno.test("state show of a named state has the sheet and the places as JSON", async () => {
  const { stdout } = await see(["state", "show", "base", "web-1", "--json"], {
    manager: managerOf({
      "states/all/base.yaml": "- A: {type: noop.Noop}\n",
    }),
  });

  assertEquals(
    jsonLines(stdout).map(({ agent, state, steps, leftOut }) => ({
      agent,
      state,
      steps,
      leftOut,
    })),
    [{
      agent: "web-1",
      state: "base",
      steps: [{
        name: "A",
        operation: "noop.Noop",
        params: {},
        place: { file: "states/all/base.yaml", line: 1, column: 3 },
        chain: [],
      }],
      leftOut: [],
    }],
  );
});

Deno.test("state show of a state that is not there names those that are; one with errors prints them", async () => {
  const manager = managerOf({
    "states/all/base/time.yaml": "- A: {type: noop.Nop}\n",
  });
  const missing = await see(["state", "show", "base", "web-1"], { manager });
  const wrong = await see(["state", "show", "base/time", "web-1"], { manager });
  const unknown = await see(["state", "show", "web-9"], { manager });

  assertEquals([missing.code, wrong.code, unknown.code], [5, 1, 5]);
  assertStringIncludes(missing.stderr, "base/time");
  assertStringIncludes(wrong.stderr, "states/all/base/time.yaml:1:13: Cannot");
});

Deno.test("state list names the states with their agents and files", async () => {
  const { stdout } = await see(["state", "list"], {
    manager: managerOf({
      "states/all.yaml": "",
      "states/groups/web/site.yaml": "",
      "states/agents/gone.yaml": "",
    }),
  });

  assertEquals(stdout.split("\n"), [
    "STATE    AGENTS           FILES",
    "(whole)  db-1, web-[1-2]  states/all.yaml",
    "site     web-[1-2]        states/groups/web/site.yaml",
    "",
  ]);
});

Deno.test("state schema prints a JSON Schema that an editor can read", async () => {
  const { stdout } = await see(["state", "schema"]);

  assertEquals(JSON.parse(stdout), { title: "State of Piri" });
});

/** Errors of lines of JSON by a schema of docs/schema. */
async function schemaErrors(name: string, text: string): Promise<unknown[]> {
  const url = new URL(
    `../../../docs/schema/${name}.schema.json`,
    import.meta.url,
  );
  const check = new Ajv2020({ strict: false }).compile({
    ...JSON.parse(await Deno.readTextFile(url)),
    $schema: undefined,
  });
  return jsonLines(text).flatMap((line) => {
    check(line);
    return check.errors ?? [];
  });
}

Deno.test("JSON of state check and state show is as their schemas say, with errors and without", async () => {
  const right = managerOf({
    "states/all.yaml": NGINX,
    "states/agents/db-1.yaml":
      "- A: {type: command.Run, command: a, timeout: 5m, retry: {times: 2}}\n",
  });
  const wrong = managerOf({ "states/all.yaml": "- A: {type: noop.Nop}\n" });
  const texts: [string, string][] = [];
  for (const manager of [right, wrong]) {
    for (const agent of ["web-1", "db-1"]) {
      const shown = await see(["state", "show", agent, "--json"], { manager });
      texts.push(["state-show", shown.stdout]);
    }
    const checked = await see(["state", "check", "--json"], { manager });
    texts.push(["state-check", checked.stdout]);
  }
  for (const [name, text] of texts) {
    assertEquals(await schemaErrors(name, text), [], text);
  }
  assertEquals(texts.every(([, text]) => text !== ""), true);
});
