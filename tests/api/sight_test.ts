import { assert, assertEquals, assertRejects } from "@std/assert";
import { CALLS } from "../../lib/api/calls.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { ControlSite, enveloped } from "../support/control_site.ts";

const ANYWHERE = { expressions: ["all"] };
const NAMES = { agents: true, groups: true, facts: true, notEnrolled: true };
const ECHO = { operation: "echo.Echo", params: '{"text":"hi"}' };

/** Requests of each call that changes nothing. Commands and jobs: 1 is of web-1, 2 of db-1, 3 of both. */
const REQUESTS: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  "AgentsService.listAgents": [{}],
  "AgentsService.resolveTargets": [
    { selection: ANYWHERE },
    { selection: { expressions: ["@db", "web-1"], allowMissing: true } },
    { selection: { expressions: ["@job(j-3)"] } },
    { selection: { expressions: ["*-1"], exclude: ["@db"] } },
  ],
  "AgentsService.pingAgents": [{ selection: ANYWHERE, timeoutMs: 1 }],
  "AgentsService.listNames": [NAMES, { ...NAMES, prefix: "d" }],
  "AuditService.listAudit": [{}],
  "AuditService.exportAudit": [{}],
  "AuditService.verifyAudit": [{}],
  "BlobsService.findBlobs": [{ sha256: [] }],
  "BlobsService.addBlobs": [{}],
  "BlobsService.openUpload": [{}],
  "BlobsService.upload": [{}],
  "BlobsService.finishUpload": [{}],
  "ApprovalsService.listApprovals": [{}, { limit: 1 }, { waiting: true }],
  "ApprovalsService.getApproval": [{ id: "1" }, { id: "2" }, { id: "3" }],
  // The stream of the first approval does not end, as that waits.
  "ApprovalsService.watchApproval": [{ id: "2" }, { id: "3" }],
  "CommandsService.watch": [
    { commands: [{ commandId: "1" }] },
    { commands: [{ commandId: "2" }] },
    { commands: [{ commandId: "1" }, { commandId: "2" }] },
  ],
  "CommandsService.listCommands": [{}, { limit: 1 }, { states: ["SUCCEEDED"] }],
  "CommandsService.getCommand": [{ commandId: "1" }, { commandId: "2" }],
  "CommandsService.getTimeline": [{ commandId: "1" }, { commandId: "2" }],
  "CommandsService.listOperations": [{}],
  "EnrolmentService.listTokens": [{}],
  "EnrolmentService.listPending": [{}],
  "IssuersService.listIssuers": [{}],
  "KeysService.getKeys": [{}],
  "KeysService.getCertificate": [{}],
  "LoginService.loginFromCi": [{}],
  "EventsService.watchEvents": [
    { tail: 10_000 },
    { afterId: "0" },
    { tail: 10_000, agents: ["db-1", "web-1"] },
  ],
  "IdentityService.newProof": [{}],
  "JobsService.getJob": [{ jobId: "1" }, { jobId: "2" }, { jobId: "3" }],
  "JobsService.listJobs": [{}, { limit: 1 }],
  "JobsService.listEntries": [{ jobId: "1" }, { jobId: "2" }, { jobId: "3" }],
  "JobsService.watchJob": [
    { jobId: "1", output: true },
    { jobId: "2", output: true },
    { jobId: "3", output: true },
  ],
  "LoginService.login": [{ code: "A".repeat(43) }],
  "LoginService.whoAmI": [{}],
  "OperatorsService.listOperators": [{}],
  "OperatorsService.testRule": [{
    operator: "anna",
    selection: ANYWHERE,
    ...ECHO,
  }],
  "ReleasesService.listReleases": [{}],
  "PlansService.getPlan": [{ id: "1" }],
  "PlansService.listPlans": [{}],
  "PlansService.getStepPlaces": [{ commands: [{ commandId: "1" }] }],
  "PlansService.listDrift": [{}],
  "SecretsService.listSecrets": [{}],
  "StatusService.getStatus": [{}],
};

const STREAMS = new Set([
  "ApprovalsService.watchApproval",
  "AuditService.exportAudit",
  "CommandsService.watch",
  "EventsService.watchEvents",
  "JobsService.watchJob",
]);

/** Adds web-1 and db-1, runs jobs on them, and returns the token of an operator who sees web-1 only. */
async function fill(site: ControlSite): Promise<string> {
  const { agents, approvals, jobs } = site.manager.manager;
  const entry = { cidrs: [] };
  for (const [id, group] of [["web-1", "web"], ["db-1", "db"]] as const) {
    const secretHash = hashSecret(`secret of ${id}`);
    await agents.addWithSecret({ id, groups: [group], secretHash, ...entry });
  }
  await agents.add({ id: "db-1-new", groups: ["db-1-group"], ...entry });
  await agents.set(["db-1"], {
    addGroups: [],
    removeGroups: [],
    setFacts: { "db-1.fact": "yes" },
    removeFacts: [],
  });
  const peers = new Map([
    ["web-1", await site.agent("web-1")],
    ["db-1", await site.agent("db-1")],
  ]);
  for (const expressions of [["web-1"], ["db-1"], ["web-1", "db-1"]]) {
    const request = {
      ...ECHO,
      targets: { expressions },
      onDisconnect: "continue" as const,
      requestId: expressions.join(),
      requestedBy: "root",
      saidBy: "",
      name: "",
      note: "",
      limits: {
        canaryTargets: [],
        cancelRest: false,
        order: "name" as const,
        supersedeKey: "",
      },
    };
    const requestId = `proposed ${request.requestId}`;
    await approvals.start({ ...request, requestId, propose: true });
    const { job } = await jobs.start(request);
    for (const name of expressions) {
      const peer = peers.get(name);
      const command = await peer?.hears("command");
      await peer?.says("result", {
        commandId: command?.commandId ?? 0n,
        status: CommandResult_Status.SUCCESS,
        output: `done by ${name}`,
      });
      await peer?.hears("commandAck");
    }
    const { signal } = new AbortController();
    const news = jobs.watch(job.id, { output: false, from: [], signal });
    await Array.fromAsync(news);
  }
  return await site.login("olaf", "operator", [{}], "@web");
}

/** Text of all that a call answers. */
async function answer(
  site: ControlSite,
  call: string,
  request: Record<string, unknown>,
  token: string,
): Promise<string> {
  const [service = "", method = ""] = call.split(".");
  const isStream = STREAMS.has(call);
  const response = await site.fetch(
    `${service}/${method[0]?.toUpperCase()}${method.slice(1)}`,
    isStream ? enveloped(request) : JSON.stringify(request),
    {
      "content-type": isStream
        ? "application/connect+json"
        : "application/json",
      authorization: `Bearer ${token}`,
    },
  );
  return await response.text();
}

Deno.test("no answer of a call that reads names an agent that the operator does not see", async () => {
  await using site = await ControlSite.start();
  const token = await fill(site);
  const reading = Object.entries(CALLS)
    .filter(([, { changes }]) => !changes).map(([call]) => call);
  assertEquals(Object.keys(REQUESTS).toSorted(), reading.toSorted());

  const telling: string[] = [];
  const seen = new Set<string>();
  for (const [call, requests] of Object.entries(REQUESTS)) {
    for (const request of requests) {
      const text = await answer(site, call, request, token);
      const isTold = text.includes("db-1");
      telling.push(...isTold ? [`${call} ${text}`] : []);
      for (const name of text.includes("web-1") ? [call] : []) seen.add(name);
    }
  }

  assertEquals(telling, []);
  assertEquals([...seen].toSorted(), [
    "AgentsService.listAgents",
    "AgentsService.listNames",
    "AgentsService.pingAgents",
    "AgentsService.resolveTargets",
    "ApprovalsService.getApproval",
    "ApprovalsService.listApprovals",
    "CommandsService.getCommand",
    "CommandsService.getTimeline",
    "CommandsService.listCommands",
    "CommandsService.watch",
    "EventsService.watchEvents",
    "JobsService.listEntries",
    "JobsService.watchJob",
  ]);
});

/** The same requests about something that is not seen, and about something that is not there. */
const PAIRS: readonly (readonly [
  call: string,
  request: (what: { agent: string; command: string; job: string }) => Record<
    string,
    unknown
  >,
])[] = [
  ["AgentsService.resolveTargets", ({ agent }) => ({
    selection: { expressions: [agent] },
  })],
  ["AgentsService.resolveTargets", ({ agent }) => ({
    selection: { expressions: ["web-1", agent], allowMissing: true },
  })],
  ["AgentsService.resolveTargets", ({ job }) => ({
    selection: { expressions: [`@job(j-${job})`] },
  })],
  ["AgentsService.pingAgents", ({ agent }) => ({
    selection: { expressions: [agent] },
  })],
  ["AgentsService.listNames", ({ agent }) => ({ ...NAMES, prefix: agent })],
  ["ApprovalsService.getApproval", ({ job }) => ({ id: job })],
  ["ApprovalsService.watchApproval", ({ job }) => ({ id: job })],
  ["ApprovalsService.approve", ({ job }) => ({ id: job })],
  ["ApprovalsService.sign", ({ job }) => ({ id: job, key: "k" })],
  ["ApprovalsService.reject", ({ job }) => ({ id: job, reason: "no" })],
  ["ApprovalsService.withdraw", ({ job }) => ({ id: job })],
  ["CommandsService.run", ({ agent }) => ({
    agents: [agent],
    ...ECHO,
    requestId: "r",
  })],
  ["CommandsService.watch", ({ command }) => ({
    commands: [{ commandId: command }],
  })],
  ["CommandsService.listCommands", ({ agent }) => ({ agent })],
  ["CommandsService.getCommand", ({ command }) => ({ commandId: command })],
  ["CommandsService.getTimeline", ({ command }) => ({ commandId: command })],
  ["CommandsService.cancel", ({ command }) => ({ commandId: command })],
  ["CommandsService.rerun", ({ command }) => ({
    commandId: command,
    requestId: "r",
  })],
  ["CommandsService.giveUp", ({ command }) => ({ commandId: command })],
  ["CommandsService.dropOutput", ({ command }) => ({ commandId: command })],
  ["EventsService.watchEvents", ({ agent }) => ({
    tail: 10_000,
    agents: [agent],
  })],
  ["JobsService.startJob", ({ agent }) => ({
    targets: { expressions: [agent] },
    ...ECHO,
    requestId: "r",
  })],
  ["JobsService.getJob", ({ job }) => ({ jobId: job })],
  ["JobsService.listJobs", ({ agent }) => ({ agent })],
  ["JobsService.listEntries", ({ job }) => ({ jobId: job })],
  ["JobsService.watchJob", ({ job }) => ({ jobId: job, output: true })],
  ["JobsService.cancelJob", ({ job }) => ({ jobId: job })],
  ["JobsService.pauseJob", ({ job }) => ({ jobId: job })],
  ["JobsService.resumeJob", ({ job }) => ({ jobId: job })],
  ["JobsService.rerunJob", ({ job }) => ({ jobId: job, requestId: "r" })],
];

Deno.test("agents, commands and jobs out of sight are as if they were not there, whatever is asked", async () => {
  await using site = await ControlSite.start();
  const token = await fill(site);
  const differing: string[] = [];

  for (const [call, requestOf] of PAIRS) {
    const hidden = { agent: "db-1", command: "2", job: "2" };
    const absent = { agent: "db-9", command: "902", job: "902" };
    const one = await answer(site, call, requestOf(hidden), token);
    const other = await answer(site, call, requestOf(absent), token);
    // The first bytes of a stream are the length of what follows.
    const start = STREAMS.has(call) ? 5 : 0;
    const same = one.slice(start).replaceAll("db-1", "db-9")
      .replaceAll(/(command|job|find) (j-|a-)?2\b/g, "$1 $2902");
    differing.push(
      ...same === other.slice(start) ? [] : [`${call}: ${one} ${other}`],
    );
  }

  assertEquals(differing, []);
});

Deno.test("a job on all agents is one on those that its operator sees", async () => {
  await using site = await ControlSite.start();
  const token = await fill(site);
  await site.post("JobsService/StartJob", {
    targets: ANYWHERE,
    ...ECHO,
    requestId: "mine",
  }, token);

  const { jobs } = site.manager.manager;
  const entries = await jobs.entries(4n, { from: 0, limit: 10 });
  assertEquals(entries.map(({ agent }) => agent), ["web-1"]);
});

Deno.test("an operator who sees more from now on is told so by the end of open streams", async () => {
  await using site = await ControlSite.start();
  const token = await fill(site);
  const { access } = site.manager.manager;
  const stream = answer(
    site,
    "EventsService.watchEvents",
    { tail: 0, follow: true },
    token,
  );
  // The answer to this comes after the stream was opened.
  await answer(site, "AgentsService.listAgents", {}, token);
  await access.set("olaf", { see: "" });

  assert(
    (await stream).includes("agents that this operator sees were changed"),
  );
  const text = await answer(site, "AgentsService.listAgents", {}, token);
  assert(text.includes("db-1"));
});

Deno.test("an admin sees all, and an operator with a bound does not become one", async () => {
  await using site = await ControlSite.start();
  const { access } = site.manager.manager;
  await site.login("olaf", "operator", [], "@web");

  for (
    const attempt of [
      () => access.set("olaf", { role: "admin" }),
      () => site.login("anna", "admin", [], "@web"),
    ]
  ) {
    await assertRejects(attempt, PiriError, "Cannot bound what an admin sees");
  }
  await access.set("olaf", { role: "admin", see: "" });
});
