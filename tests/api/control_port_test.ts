import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parseLoginLine } from "../../lib/base/login_line.ts";
import { encodePem } from "../../lib/base/pem.ts";
import { Sealed } from "../../lib/base/sealed.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { CALLS } from "../../lib/api/calls.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { startControlPort } from "../support/control_port.ts";
import { ControlSite, enveloped } from "../support/control_site.ts";

/** Request that starts `true` on agents. */
function run(...agents: string[]) {
  return {
    agents,
    operation: "command.Run",
    params: '{"argv":["true"]}',
    requestId: crypto.randomUUID(),
    requestedBy: "root",
  };
}

Deno.test("a login line leads to the port, with a name that the certificate has", async () => {
  await using site = await ControlSite.start();
  const line = await site.manager.manager.access.add({
    name: "alice",
    role: "viewer",
    rules: [],
    tokenLifeMs: 1_000_000,
  });

  const { address, caCertificate } = parseLoginLine(line);

  assertEquals(address, `localhost:${site.port}`);
  assertEquals(encodePem("CERTIFICATE", caCertificate), site.ca);
});

Deno.test("every call but a login is refused without a token, with one answer", async () => {
  await using site = await ControlSite.start();
  const calls = Object.keys(CALLS).filter((call) =>
    CALLS[call]?.needs !== "nothing"
  );
  const answers = new Map<string, string[]>();

  for (const call of calls) {
    const [service = "", method = ""] = call.split(".");
    const path = `${service}/${method[0]?.toUpperCase()}${method.slice(1)}`;
    const unary = await site.fetch(path, "{}", {
      "content-type": "application/json",
      authorization: `Bearer piri_op_${"A".repeat(43)}`,
    });
    const streaming = unary.status === 415;
    await unary.body?.cancel();
    const { status, text } = streaming
      ? await streamed(site, path)
      : { status: unary.status, text: "" };
    const key = `${status}${text}`;
    answers.set(key, [...answers.get(key) ?? [], call]);
  }

  assertEquals([...answers.keys()], ["401", "200unauthenticated"]);
  assertEquals(answers.get("200unauthenticated"), [
    "ApprovalsService.watchApproval",
    "AuditService.exportAudit",
    "CommandsService.watch",
    "EventsService.watchEvents",
    "JobsService.watchJob",
  ]);
});

/** Answer to a streaming call without a token: its code is in the last message. */
async function streamed(
  site: ControlSite,
  path: string,
): Promise<{ status: number; text: string }> {
  const response = await site.fetch(path, new Uint8Array(5), {
    "content-type": "application/connect+json",
  });
  const text = await response.text();
  return {
    status: response.status,
    text: /"code":"([a-z_]+)"/.exec(text)?.[1] ?? text,
  };
}

Deno.test("Prometheus gets the numbers of the Manager with the token of an operator, and nobody else", async () => {
  await using site = await ControlSite.start();
  const token = await site.login("prometheus", "viewer");
  const get = async (bearer: string, method = "GET") => {
    const response = await fetch(`https://localhost:${site.port}/metrics`, {
      method,
      client: site.http,
      headers: { authorization: `Bearer ${bearer}` },
    });
    return { response, text: await response.text() };
  };

  const { response, text } = await get(token);
  assertEquals(
    [response.status, response.headers.get("content-type")],
    [200, "text/plain; version=0.0.4; charset=utf-8"],
  );
  assertStringIncludes(text, "\npiri_agents_known 0\n");
  assertEquals((await get(token, "POST")).response.status, 405);
  const stranger = await get(`piri_op_${"A".repeat(43)}`);
  assertEquals(stranger.response.status, 401);
  assertMatch(stranger.text, /^Cannot answer: there is no token/);
  await site.manager.manager.access.set("prometheus", { suspended: true });
  assertEquals((await get(token)).response.status, 401);
});

Deno.test("a wrong code is refused, and says nothing more", async () => {
  await using site = await ControlSite.start();

  const { status, json } = await site.post("LoginService/Login", {
    code: "A".repeat(43),
  });

  assertEquals(status, 401);
  assertEquals(
    json["message"],
    "Cannot log in: the code is not known, or too many logins from this address failed within the last minutes",
  );
});

Deno.test("a viewer sees and does not act, an operator does what a rule allows, an admin administers", async () => {
  await using site = await ControlSite.start();
  const { agents } = site.manager.manager;
  for (const id of ["web-1", "db-1"]) {
    await agents.add({ id, groups: [], cidrs: [] });
  }
  const viewer = await site.login("vera", "viewer", [{}]);
  const operator = await site.login("olaf", "operator", [
    { onTargets: "web-*" },
  ]);
  const admin = await site.login("anna", "admin");
  const codes = async (call: string, request: unknown) => [
    (await site.post(call, request, viewer)).code,
    (await site.post(call, request, operator)).code,
    (await site.post(call, request, admin)).code,
  ];
  const DENIED = "permission_denied";
  // Nobody is connected, so a Run that is allowed ends with this.
  const AWAY = "unavailable";

  assertEquals(
    await codes("AgentsService/ListAgents", {}),
    [undefined, undefined, undefined],
  );
  assertEquals(await codes("CommandsService/Run", run("web-1")), [
    DENIED,
    AWAY,
    AWAY,
  ]);
  assertEquals(await codes("AgentsService/AddAgent", { id: "web-2" }), [
    DENIED,
    DENIED,
    undefined,
  ]);
  assertEquals(await codes("OperatorsService/ListOperators", {}), [
    DENIED,
    DENIED,
    undefined,
  ]);
});

Deno.test("a job starts where the rules allow it on every target, and nowhere else", async () => {
  await using site = await ControlSite.start();
  const { agents, jobs } = site.manager.manager;
  for (const id of ["web-1", "web-2", "db-1"]) {
    const secretHash = hashSecret(`secret of ${id}`);
    await agents.addWithSecret({ id, groups: [], cidrs: [], secretHash });
  }
  const operator = await site.login("olaf", "operator", [
    { onTargets: "web-*" },
  ]);
  const start = (expression: string) =>
    site.post("JobsService/StartJob", {
      targets: { expressions: [expression] },
      operation: "command.Run",
      params: '{"argv":["true"]}',
      requestId: crypto.randomUUID(),
      requestedBy: "root",
    }, operator);

  const denied = await start("all");
  const allowed = await start("web-*");

  assertEquals(denied.code, "permission_denied");
  assertEquals(
    denied.json["message"],
    'Cannot run command.Run on "db-1": no rule of "olaf" allows it (olaf#1 allows "web-*")',
  );
  assertEquals(allowed.status, 200);
  const [job, ...others] = await jobs.list({ limit: 10 });
  assertEquals(others, []);
  assertEquals(
    [job?.total, job?.requestedBy, job?.saidBy],
    [2, "olaf", "root"],
  );
});

Deno.test("the audit has the token and the address of an operator, also of a rerun", async () => {
  await using site = await ControlSite.start();
  const { agents, jobs, audit } = site.manager.manager;
  await agents.addWithSecret({
    id: "web-1",
    groups: [],
    cidrs: [],
    secretHash: hashSecret("secret"),
  });
  const olaf = await site.login("olaf", "operator", [{}]);
  await site.post("JobsService/StartJob", {
    targets: { expressions: ["web-1"] },
    operation: "command.Run",
    params: '{"argv":["true"]}',
    requestId: "r-1",
  }, olaf);
  // It ends soon, as nobody is connected.
  const { signal } = new AbortController();
  const news = jobs.watch(1n, { output: false, from: [], signal });
  await Array.fromAsync(news);

  const { status } = await site.post("JobsService/RerunJob", {
    jobId: "1",
    requestId: "r-2",
  }, olaf);

  assertEquals(status, 200);
  const entries = await audit.list({ limit: 2 });
  assertEquals(
    entries.map(({ act, who, credential, origin }) => [
      act,
      who,
      credential,
      origin,
    ]),
    [
      ["RerunJob", "olaf", "token 2", "127.0.0.1"],
      ["StartJob", "olaf", "token 2", "127.0.0.1"],
    ],
  );
});

/** Site with an agent that has ended command 1, which nobody had to approve. */
async function withEnded() {
  const site = await ControlSite.start();
  const { agents, commands } = site.manager.manager;
  const secretHash = hashSecret("secret of web-1");
  await agents.addWithSecret({
    id: "web-1",
    groups: [],
    cidrs: [],
    secretHash,
  });
  const peer = await site.agent("web-1");
  await commands.run({ ...run("web-1"), onDisconnect: "continue" });
  const ended = async () => {
    const { commandId } = await peer.hears("command");
    const { SUCCESS: status } = CommandResult_Status;
    await peer.says("result", { commandId, status });
    await peer.hears("commandAck");
  };
  await ended();
  const rerun = (token: string) =>
    site.post(
      "CommandsService/Rerun",
      { commandId: "1", requestId: crypto.randomUUID() },
      token,
    );
  return Object.assign(site, { peer, ended, rerun });
}

Deno.test("a command that needs an approval is not run again by whoever may ask for one", async () => {
  await using site = await withEnded();
  const alice = await site.login("alice", "operator", [{ approve: 1 }]);

  const { code, json } = await site.rerun(alice);

  assertEquals(
    [code, json["message"]],
    [
      "failed_precondition",
      "Cannot run command.Run at once: rule alice#1 needs 1 approval by somebody else (piri-manager run asks for it)",
    ],
  );
  assertEquals(site.peer.heardSoFar(), []);
});

Deno.test("a command is run again by whoever may start it, and by nobody who may not or does not see it", async () => {
  await using site = await withEnded();
  const olaf = await site.login("olaf", "operator", [{ onTargets: "db-*" }]);
  const dora = await site.login("dora", "operator", [{}], "db-*");
  const bob = await site.login("bob", "operator", [{}]);

  assertEquals((await site.rerun(olaf)).code, "permission_denied");
  assertEquals((await site.rerun(dora)).code, "not_found");
  assertEquals(site.peer.heardSoFar(), []);
  assertEquals((await site.rerun(bob)).status, 200);
  await site.ended();
});

Deno.test("an operator who may not start a job may not steer it", async () => {
  await using site = await ControlSite.start();
  const { agents, jobs } = site.manager.manager;
  await agents.addWithSecret({
    id: "db-1",
    groups: [],
    cidrs: [],
    secretHash: hashSecret("secret"),
  });
  const bob = await site.login("bob", "operator", [{}]);
  const olaf = await site.login("olaf", "operator", [{ onTargets: "web-*" }]);
  const { status } = await site.post("JobsService/StartJob", {
    targets: { expressions: ["db-1"] },
    operation: "command.Run",
    params: '{"argv":["true"]}',
    requestId: crypto.randomUUID(),
    limits: { queueMs: "60000" },
  }, bob);
  assertEquals(status, 200);
  const [job] = await jobs.list({ limit: 1 });
  const codes = async (token: string) => {
    const jobId = String(job?.id);
    const answers = [];
    for (const method of ["PauseJob", "ResumeJob", "CancelJob"]) {
      answers.push(
        (await site.post(`JobsService/${method}`, { jobId }, token)).code,
      );
    }
    return answers;
  };

  assertEquals(await codes(olaf), Array(3).fill("permission_denied"));
  assertEquals(await codes(bob), Array(3).fill(undefined));
});

Deno.test("a secret of other agents is to an operator as one that is not there, and the audit tells why", async () => {
  await using site = await ControlSite.start();
  const { agents, audit, secrets } = site.manager.manager;
  for (const id of ["web-1", "db-1"]) {
    const secretHash = hashSecret(`secret of ${id}`);
    await agents.addWithSecret({ id, groups: [], cidrs: [], secretHash });
  }
  const by = { requestedBy: "anna", saidBy: "" };
  const place = { kind: "all" } as const;
  for (
    const [name, value, forTargets] of [
      ["token", "hunter22", "db-1"],
      ["loose", "hunter22", ""],
    ] as const
  ) {
    await secrets.set(
      { name, place, value: new Sealed(value), forTargets },
      by,
    );
  }
  const olaf = await site.login("olaf", "operator", [{ onTargets: "web-*" }]);
  const anna = await site.login("anna", "admin", [{}]);
  const start = async (name: string, token: string) => {
    const { code, json } = await site.post("JobsService/StartJob", {
      targets: { expressions: ["web-1"] },
      operation: "command.Run",
      params: JSON.stringify({ argv: ["true"], secret_env: { S: name } }),
      requestId: crypto.randomUUID(),
    }, token);
    return [code, json["message"]];
  };

  for (const name of ["token", "loose", "none"]) {
    assertEquals(await start(name, olaf), [
      "not_found",
      `Cannot find the secret "${name}": there is none for agent "web-1"`,
    ]);
  }
  assertEquals(await start("token", anna), [
    "permission_denied",
    'Cannot give the secret "token" to agent "web-1": it is for "db-1"',
  ]);
  const entries = await audit.list({ limit: 9, who: "olaf" });
  assertEquals(
    entries.filter(({ decision }) => decision === "denied")
      .map(({ act, outcome }) => [act, outcome]),
    [
      [
        "StartJob",
        'Cannot give the secret "token" to agent "web-1": it is for "db-1"',
      ],
    ],
  );
});

Deno.test("an admin cannot change their own rights", async () => {
  await using site = await ControlSite.start();
  const admin = await site.login("anna", "admin");
  const rule = { on: "all", operations: ["*"] };

  const asked: [call: string, request: Record<string, unknown>][] = [
    ["AddRule", { operator: "anna", rule }],
    ["RemoveRule", { operator: "anna", number: 1 }],
    ["SetOperator", { name: "anna", role: "admin" }],
    // A token without the bounds of that one.
    ["InviteOperator", { name: "anna" }],
  ];
  for (const [call, request] of asked) {
    const { json } = await site.post(
      `OperatorsService/${call}`,
      request,
      admin,
    );
    assertEquals(
      json["message"],
      'Cannot change the rights of "anna": nobody changes their own',
      call,
    );
  }
  await site.login("bob", "operator");
  const { status } = await site.post("OperatorsService/AddRule", {
    operator: "bob",
    rule,
  }, admin);
  assertEquals(status, 200);
});

Deno.test("a revoked operator's open stream ends within a second, and nobody else's", async () => {
  await using site = await ControlSite.start();
  const follow = async (token: string) => {
    const request = JSON.stringify({ follow: true });
    const frame = new Uint8Array(5 + request.length);
    new DataView(frame.buffer).setUint32(1, request.length);
    frame.set(new TextEncoder().encode(request), 5);
    const response = await site.fetch("EventsService/WatchEvents", frame, {
      "content-type": "application/connect+json",
      authorization: `Bearer ${token}`,
    });
    return response.text();
  };
  const alice = follow(await site.login("alice", "viewer"));
  const bob = follow(await site.login("bob", "viewer"));

  const begun = performance.now();
  await site.manager.manager.access.remove("alice");
  const text = await alice;

  assert(performance.now() - begun < 1_000, "it went on for a second");
  assert(text.includes('"code":"unauthenticated"'), text);
  const first = await Promise.race([bob, Promise.resolve("it goes on")]);
  assertEquals(first, "it goes on");
  await site.manager.stop();
  await bob;
});

Deno.test("revoked: the open stream ends within a second, the queued command is not sent", async () => {
  await using site = await ControlSite.start();
  const { manager } = site.manager;
  const entry = { groups: [], cidrs: [] };
  for (const id of ["web-1", "web-2"]) {
    const secretHash = hashSecret(`secret of ${id}`);
    await manager.agents.addWithSecret({ id, secretHash, ...entry });
  }
  const alice = await site.login("alice", "operator", [{}]);
  const start = (target: string, token: string) =>
    site.post("JobsService/StartJob", {
      targets: { expressions: [target] },
      operation: "command.Run",
      params: '{"argv":["true"]}',
      requestId: crypto.randomUUID(),
      limits: { queueMs: "600000" },
    }, token);
  const bob = await site.login("bob", "operator", [{}]);
  await start("web-1", alice);
  await start("web-2", bob);
  const stream = await site.fetch(
    "JobsService/WatchJob",
    enveloped({ jobId: "1" }),
    {
      "content-type": "application/connect+json",
      authorization: `Bearer ${alice}`,
    },
  );
  const [{ id } = { id: 0 }] = manager.access.list()
    .find(({ name }) => name === "alice")?.tokens ?? [];

  const begun = performance.now();
  await manager.access.revoke(id);
  const text = await stream.text();
  const elapsed = performance.now() - begun;
  const peers = [await site.agent("web-1"), await site.agent("web-2")];
  const { signal } = new AbortController();
  const news = manager.jobs.watch(1n, { output: false, from: [], signal });
  await Array.fromAsync(news);
  const sent = await peers[1]?.hears("command");

  assert(elapsed < 1_000, "it went on for a second");
  assert(text.includes('"code":"unauthenticated"'), text);
  assertEquals(sent?.type, "command.Run");
  const [refused] = await manager.jobs.entries(1n, { from: 0, limit: 1 });
  assertEquals(
    [refused?.agent, refused?.state, refused?.reason],
    [
      "web-1",
      "refused",
      `not sent: "alice" may no longer do it: token ${id} was revoked`,
    ],
  );
  assertEquals(
    peers[0]?.heardSoFar().filter(({ case: kind }) => kind === "command"),
    [],
  );
});

Deno.test("an operator is told by the token in the record, whatever the request says", async () => {
  await using site = await ControlSite.start();
  const operator = await site.login("olaf", "operator", [{}]);

  const { json } = await site.post("LoginService/WhoAmI", {}, operator);

  assertEquals(json["name"], "olaf");
});

Deno.test("a program that trusts other authorities alone does not reach the port", async () => {
  await using site = await ControlSite.start();

  await assertRejects(
    () =>
      fetch(`https://localhost:${site.port}/x`).then((response) =>
        response.text()
      ),
    TypeError,
  );
});

Deno.test("an address that a flag gives is no change at a reload", async () => {
  await using site = await startControlPort({
    controlListen: { host: "127.0.0.1", port: 0 },
  });

  assertEquals(await site.manager.reload(), { changed: [], later: [] });
});

Deno.test("the audit has that the configuration was read again, and what changed by it", async () => {
  await using site = await startControlPort({});
  const path = site.folder.at("manager", "config.yaml");
  await site.manager.reload();
  const config = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    config.replace(/^advertise: .*$/m, "advertise: mgr.example.org:7051"),
  );
  const { changed } = await site.manager.reload();

  const entries = await site.manager.manager.audit.list({ limit: 10 });
  assertEquals(changed.length > 0, true);
  assertEquals(
    entries.map(({ act, credential, outcome }) => [act, credential, outcome]),
    [
      ["Reload", "signal", `changed: ${changed.join(", ")}`],
      ["Reload", "signal", "nothing changed"],
    ],
  );
});

Deno.test("an address is held up after 20 wrong codes, with the same answer, and a good token is not", async () => {
  await using site = await ControlSite.start();
  const { access, audit } = site.manager.manager;
  const bob = await site.login("bob", "viewer");
  const line = await access.invite("bob", { tokenLifeMs: 1_000_000 });
  const { code } = parseLoginLine(line);
  const answers = new Set<string>();
  for (let count = 0; count < 20; count++) {
    const wrong = { code: "A".repeat(43) };
    const { status, json } = await site.post("LoginService/Login", wrong);
    answers.add(`${status} ${json["message"]}`);
  }

  const { status, json } = await site.post("LoginService/Login", { code });
  answers.add(`${status} ${json["message"]}`);

  assertEquals(answers.size, 1);
  const sees = await site.post("AgentsService/ListAgents", {}, bob);
  assertEquals(sees.status, 200);
  const entries = await audit.list({ limit: 10, act: "Login" });
  assertEquals(
    entries.map(({ who, decision }) => `${who} ${decision}`),
    [" denied", "bob allowed"],
  );
});

Deno.test("the audit has who was denied what by which rule, and strangers", async () => {
  await using site = await ControlSite.start();
  const { agents, audit } = site.manager.manager;
  const entry = { groups: [], cidrs: [], secretHash: hashSecret("secret") };
  await agents.addWithSecret({ id: "db-1", ...entry });
  const olaf = await site.login("olaf", "operator", [
    {},
    { deny: true, onTargets: "db-*" },
  ]);
  const anna = await site.login("anna", "admin");
  await site.post("JobsService/StartJob", {
    targets: { expressions: ["db-1"] },
    operation: "command.Run",
    params: '{"argv":["true"]}',
    requestId: "r-1",
  }, olaf);
  await site.post("AgentsService/AddAgent", { id: "web-2" }, olaf);
  await site.post("OperatorsService/SetOperator", { name: "anna" }, anna);
  await site.post("AgentsService/ListAgents", {}, `piri_op_${"A".repeat(43)}`);

  const entries = (await audit.list({ limit: 20 }))
    .filter(({ decision }) => decision === "denied").toReversed();
  assertEquals(
    entries.map(({ who, credential, origin, act, target, rule }) =>
      [who, credential, origin, act, target, rule].join("|")
    ),
    [
      "olaf|token 2|127.0.0.1|StartJob|db-1|olaf#2",
      "olaf|token 2|127.0.0.1|AddAgent||",
      "anna|token 4|127.0.0.1|SetOperator||",
      "|unknown token|127.0.0.1|ListAgents||",
    ],
  );
});

Deno.test("a token that does not count names its owner in the audit, and not in the answer", async () => {
  await using site = await ControlSite.start();
  const { access, audit } = site.manager.manager;
  const bob = await site.login("bob", "viewer");
  await access.set("bob", { suspended: true });

  const { status, json } = await site.post(
    "AgentsService/ListAgents",
    {},
    bob,
  );

  assertEquals(status, 401);
  assert(!JSON.stringify(json).includes("bob"));
  const [entry] = await audit.list({ limit: 1 });
  assertEquals(
    [entry?.who, entry?.credential],
    ["", "token 2 of bob, not accepted"],
  );
});

Deno.test("an agent on which it is denied is left out of a job if that is asked for, and told", async () => {
  await using site = await ControlSite.start();
  const { agents, jobs } = site.manager.manager;
  for (const id of ["web-1", "web-2", "db-1"]) {
    const secretHash = hashSecret(`secret of ${id}`);
    await agents.addWithSecret({ id, groups: [], cidrs: [], secretHash });
  }
  const olaf = await site.login("olaf", "operator", [
    { onTargets: "web-*" },
    { deny: true, onTargets: "web-2" },
  ]);
  const start = (expression: string) =>
    site.post("JobsService/StartJob", {
      targets: { expressions: [expression] },
      operation: "command.Run",
      params: '{"argv":["true"]}',
      requestId: crypto.randomUUID(),
      skipDenied: true,
    }, olaf);

  const { json } = await start("all");
  const none = await start("db-1");

  const { denied } = json["notes"] as { denied: string[] };
  assertEquals(denied, ["db-1", "web-2"]);
  const entries = await jobs.entries(1n, { from: 0, limit: 10 });
  assertEquals(entries.map(({ agent }) => agent), ["web-1"]);
  assertEquals(none.code, "permission_denied");
});
