import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { assertEquals, assertMatch } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import {
  type AuditEntry,
  AuditEntrySchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start } from "./start.ts";

const SCHEMA = new URL(
  "../../../docs/schema/audit.schema.json",
  import.meta.url,
);

function anEntry(
  given: MessageInitShape<typeof AuditEntrySchema> = {},
): AuditEntry {
  return create(AuditEntrySchema, {
    id: 1n,
    atMs: BigInt(Date.UTC(2026, 0, 1)),
    who: "root",
    credential: "socket",
    from: "local",
    act: "AddAgent",
    on: "web-1",
    decision: "allowed",
    hash: new Uint8Array(32),
    ...given,
  });
}

/** Manager with a job and an agent in its audit, newest first. */
function audited(): FakeManager {
  const manager = new FakeManager();
  manager.audit.entries = [
    anEntry({
      id: 2n,
      act: "StartJob",
      operation: "command.Run",
      on: "@web",
      outcome: "job j-1, 2 agents",
      note: "anna",
      statement: new Uint8Array(32).fill(1),
    }),
    anEntry(),
  ];
  return manager;
}

Deno.test("audit list shows who asked for what, on what, and the outcome", async () => {
  const { code, stdout } = await see(["audit", "list", "--utc"], {
    manager: audited(),
  });

  assertEquals(code, 0);
  assertEquals(stdout.split("\n").map((line) => line.trimEnd()), [
    "ID  TIME                  WHO                 ACT                   ON     OUTCOME",
    '2   2026-01-01 00:00:00Z  root (says "anna")  StartJob command.Run  @web   job j-1, 2 agents',
    "1   2026-01-01 00:00:00Z  root                AddAgent              web-1",
    "",
  ]);
});

Deno.test("audit list shows why something was denied", async () => {
  const manager = audited();
  const denied = { decision: "denied", who: "", act: "LoginFromCi" };
  manager.audit.entries = [
    anEntry({ ...denied, on: "deploy", outcome: "Cannot accept it" }),
    anEntry({ ...denied, on: "deploy", rule: "alice#2" }),
  ];

  const { stdout } = await see(["audit", "list", "--utc"], { manager });

  assertEquals(
    stdout.split("\n").slice(1, 3).map((line) => line.split(/ {2,}/).at(-1)),
    ["denied: Cannot accept it", "denied by alice#2"],
  );
});

Deno.test("audit list asks for what its flags say", async () => {
  const manager = audited();
  const { code, terminal } = await see(
    [
      "audit",
      "list",
      ...["--limit", "7", "--who", "root", "--act", "Run", "--on", "web-1"],
      ...["--since", "1h", "--before", "9"],
    ],
    { manager },
  );
  const [request] = manager.audit.requests;

  assertEquals(code, 0);
  const { $typeName: _name, ...asked } = { $typeName: "", ...request };
  assertEquals(asked, {
    limit: 7,
    who: "root",
    act: "Run",
    on: "web-1",
    sinceMs: BigInt(Math.trunc(terminal.clock.now() - 3_600_000)),
    beforeId: 9n,
  } as unknown);
});

for (const words of [["audit", "list", "--json"], ["audit", "export"]]) {
  Deno.test(`${words.join(" ")} prints values as docs/schema says`, async () => {
    const schema = JSON.parse(await Deno.readTextFile(SCHEMA));
    const validate = new Ajv2020({ formats: { "date-time": true } })
      .compile(schema);

    const { code, stdout } = await see(words, { manager: audited() });
    const values = jsonLines(stdout);

    assertEquals([code, values.length], [0, 2]);
    assertEquals(
      values.filter((value) => !validate(value)).map(() => validate.errors),
      [],
    );
    assertEquals(values[0], {
      id: "2",
      at: "2026-01-01T00:00:00.000Z",
      who: "root",
      credential: "socket",
      from: "local",
      act: "StartJob",
      on: "@web",
      operation: "command.Run",
      decision: "allowed",
      rule: null,
      statement: "01".repeat(32),
      outcome: "job j-1, 2 agents",
      note: "anna",
      hash: "00".repeat(32),
    });
  });
}

Deno.test("audit export --follow goes on until it is interrupted", async () => {
  const { manager, terminal, code } = await start(
    ["audit", "export", "--follow", "--from", "2"],
    { manager: audited() },
  );
  const [request] = manager.audit.requests;
  await terminal.signal("SIGINT");

  assertEquals(await code, 0);
  assertEquals(jsonLines(terminal.stdout.text).length, 2);
  assertEquals({ ...request, $typeName: "" }, {
    $typeName: "",
    fromId: 2n,
    follow: true,
  } as unknown);
});

Deno.test("audit verify says that the chain is whole", async () => {
  const manager = new FakeManager();
  manager.audit.verdict = { count: 1_204n };
  const plain = await see(["audit", "verify"], { manager });
  const json = await see(["audit", "verify", "--json"], { manager });

  assertEquals([plain.code, plain.stdout], [
    0,
    "1204 entries, the chain is whole\n",
  ]);
  assertEquals([json.code, jsonLines(json.stdout)], [0, [
    {
      entries: "1204",
      whole: true,
      finding: null,
      findings: [],
      checkpoints: 0,
      newestCheckpoint: null,
      stub: null,
      agents: null,
    },
  ]]);
});

Deno.test("audit verify says where the chain is broken, and exits 1", async () => {
  const manager = new FakeManager();
  const finding = {
    id: 17n,
    kind: "removed",
    message: "entries 17 to 19 are missing",
  };
  manager.audit.verdict = { count: 16n, finding, findings: [finding] };
  const plain = await see(["audit", "verify"], { manager });
  const json = await see(["audit", "verify", "--json"], { manager });

  assertEquals([plain.code, plain.stdout], [
    1,
    "The chain is broken at entry 17: entries 17 to 19 are missing\n" +
    "Before it: 16 entries, whole\n",
  ]);
  assertEquals([json.code, jsonLines(json.stdout)], [1, [{
    entries: "16",
    whole: false,
    finding: { ...finding, id: "17" },
    findings: [{ ...finding, id: "17", agents: [], command: null }],
    checkpoints: 0,
    newestCheckpoint: null,
    stub: null,
    agents: null,
  }]]);
});

Deno.test("audit list says what was denied, by which rule, and where a stranger asked from", async () => {
  const manager = new FakeManager();
  manager.audit.entries = [
    anEntry({
      who: "",
      credential: "none",
      from: "192.0.2.7",
      act: "Login",
      on: "",
      decision: "denied",
      outcome: "Cannot log in",
    }),
    anEntry({
      who: "alice",
      act: "StartJob",
      decision: "denied",
      rule: "alice#2",
      outcome: "Cannot run",
    }),
  ];

  const { stdout } = await see(["audit", "list"], { manager });

  assertEquals(
    /stranger at 192\.0\.2\.7 +Login +denied: Cannot log in/.test(stdout),
    true,
  );
  assertEquals(
    /alice +StartJob +web-1 +denied by alice#2: Cannot run/.test(stdout),
    true,
  );
});

const AT = BigInt(Date.UTC(2026, 0, 1));

/** Manager whose audit is not what agents keep of it. */
function contradicted(): FakeManager {
  const manager = new FakeManager();
  const signed = {
    hash: new Uint8Array(32),
    atMs: AT,
    key: new Uint8Array(32),
  };
  manager.audit.verdict = {
    count: 90n,
    checkpoints: 2,
    newest: { ...signed, count: 90n, signature: new Uint8Array(64) },
    stub: { ...signed, count: 7n, signature: new Uint8Array(64) },
    findings: [
      {
        id: 91n,
        kind: "cut",
        message: "the end is missing",
        agents: ["web-1"],
      },
      { kind: "denied", message: "no such command", commandId: 4n },
    ],
  };
  manager.audit.words = [
    { agent: "web-1", witnesses: 3, commands: 5, tooOld: 1 },
    { agent: "web-2", unknown: 1 },
    { agent: "web-3", error: "it is not connected" },
    { agent: "web-4", error: "it is not connected" },
  ];
  return manager;
}

Deno.test("audit verify --with-agents says what agents know, who gave no answer, and exits 1", async () => {
  const manager = contradicted();
  const { code, stdout, stderr } = await see(
    ["audit", "verify", "--with-agents", "--utc"],
    { manager },
  );
  const [request] = manager.audit.requests;

  assertEquals([code, stdout.split("\n"), stderr.split("\n")], [1, [
    "90 entries, the chain is whole",
    "Entries 1 to 7 were pruned at 2026-01-01 00:00:00Z",
    "The newest checkpoint is of 90 entries, signed at 2026-01-01 00:00:00Z",
    "2 of 4 agents answered, with 3 checkpoints and 5 commands",
    "cut: the end is missing",
    "denied: no such command",
    "",
  ], [
    "1 command of agents is from before the history that is kept, and cannot be compared",
    "web-2: some checkpoints are signed by keys that this Manager does not know",
    "web-[3-4]: no answer, it is not connected",
    "",
  ]]);
  assertEquals(
    (request as { targets?: { expressions: string[] } }).targets?.expressions,
    ["all"],
  );
});

Deno.test("audit verify asks the agents that are named, and only with --with-agents", async () => {
  const manager = contradicted();
  const named = ["audit", "verify", "web-1", "@db"];
  await see([...named, "--with-agents"], { manager });
  const { code, stderr } = await see(named, { manager });

  assertEquals(
    manager.audit.requests.map((request) =>
      (request as { targets?: { expressions: string[] } }).targets?.expressions
    ),
    [["web-1", "@db"]],
  );
  assertEquals(code, 2);
  assertMatch(stderr, /--with-agents is not given/);
});

Deno.test("audit verify --json prints a value as docs/schema says", async () => {
  const file = new URL(
    "../../../docs/schema/verdict.schema.json",
    import.meta.url,
  );
  const validate = new Ajv2020({ formats: { "date-time": true } })
    .compile(JSON.parse(await Deno.readTextFile(file)));
  const manager = contradicted();
  const asked = await see(["audit", "verify", "--with-agents", "--json"], {
    manager,
  });
  const plain = await see(["audit", "verify", "--json"], { manager });
  const values = [...jsonLines(asked.stdout), ...jsonLines(plain.stdout)];

  assertEquals(values.length, 2);
  assertEquals(
    values.filter((value) => !validate(value)).map(() => validate.errors),
    [],
  );
});

Deno.test("audit prune asks for the part to delete, and says what stays", async () => {
  const manager = new FakeManager();
  manager.audit.pruned = { deleted: 7n, upTo: 7n, asked: 9n };
  const { code, stdout, stderr } = await see(
    ["audit", "prune", "--before", "2026-01-01"],
    { manager },
  );
  const json = await see(["audit", "prune", "--keep", "10", "--json"], {
    manager,
  });

  assertEquals([code, stdout, stderr], [
    0,
    "7 entries deleted: a signed stub stands for entries 1 to 7\n",
    "entries 8 to 9 stay: no checkpoint covers them yet\n",
  ]);
  assertEquals(jsonLines(json.stdout), [
    { deleted: "7", upTo: "7", asked: "9" },
  ]);
  assertEquals(
    manager.audit.requests.map((request) => (request as { cut?: unknown }).cut),
    [{ case: "beforeMs", value: AT }, { case: "keep", value: 10n }],
  );
});

for (
  const [words, said] of [
    [[], "give --before DATE or --keep N, and not both"],
    [["--before", "2026-01-01", "--keep", "1"], "and not both"],
    [["--before", "yesterday"], 'Cannot read the date "yesterday"'],
    [["--before", "2026-13-01"], 'Cannot read the date "2026-13-01"'],
  ] as const
) {
  Deno.test(`audit prune ${words.join(" ")} is a mistake`, async () => {
    const manager = new FakeManager();
    const { code, stderr } = await see(["audit", "prune", ...words], {
      manager,
    });

    assertEquals([code, stderr.includes(said)], [2, true]);
    assertEquals(manager.audit.requests, []);
  });
}
