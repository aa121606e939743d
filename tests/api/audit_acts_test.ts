import { askerText } from "../../lib/base/asker.ts";
import type { Identity } from "../../lib/manager/api/access_api.ts";
import { identityOf, loggedIn } from "../support/an_operator.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { KeyKind } from "../../proto/gen/piri/control/v1/control_messages.ts";
import type { Control } from "../../lib/api/client.ts";
import { CALLS } from "../../lib/api/calls.ts";
import { signCheckpoint } from "../../lib/base/checkpoint.ts";
import {
  CommandResult_Status,
  OutputStream,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { Blobs } from "../../lib/manager/blobs/blobs.ts";
import { Releases } from "../../lib/manager/releases/releases.ts";
import { SecretFiles } from "../../lib/manager/secrets/secret_files.ts";
import type { AuditRecord } from "../../lib/store/audit_records.ts";
import { parseJoinToken } from "../../lib/base/join_token.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { MANAGER_PROOF, testKey } from "../support/keys.ts";
import { MemoryKeys } from "../support/memory_keys.ts";
import { JobFleet } from "../manager/jobs/job_fleet.ts";
import { anEntry } from "../store/support.ts";
import { encodeSignedWork, signerText } from "../../lib/base/signed_work.ts";
import type { JobRequest } from "../../lib/manager/api/job_api.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ALICE, askedSignatures, echoWork } from "../support/signed_work.ts";
import { OWNER, refusal, startControl } from "../support/control.ts";
import { signedRelease, TEST_KEY } from "../support/signed_release.ts";
import { SmallManager } from "../support/small_manager.ts";
import { TempFolder } from "../support/temp_folder.ts";

const SAID = { requestedBy: "anna" };
const ECHO = { operation: "echo.Echo", params: "{}" };

/** Statement for the echo of "hi" on all agents of these tests. */
const ECHO_WORK = echoWork(new FakeClock().now(), { targets: ["web-*"] });

/** Public keys of an issuer. */
const JWKS = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}';

/** A call that changes something, with what the audit says of it. */
interface Case {
  /** Makes what the call needs. */
  readonly before?: (fleet: JobFleet, control: Control) => Promise<unknown>;
  readonly call: (control: Control) => Promise<unknown>;
  readonly on: string;
  readonly outcome: string;
  readonly operation?: string;
  /** Act of the entry; the name of the call by default. */
  readonly act?: string;
  /** Name that the client says; a call without such a field says none. */
  readonly note?: string;
}

/** Command 1 on web-1, which has ended. */
async function ended(fleet: JobFleet): Promise<void> {
  await fleet.manager.run("web-1");
  await fleet.settle();
  await fleet.finish("web-1");
}

/** Job 1, which goes on. */
function going(fleet: JobFleet): Promise<unknown> {
  return fleet.start();
}

async function paused(fleet: JobFleet): Promise<void> {
  await fleet.start();
  await fleet.jobs.pause(1n, { requestedBy: "test", saidBy: "" });
}

async function endedJob(fleet: JobFleet): Promise<void> {
  await fleet.start();
  await fleet.finish("web-1");
  await fleet.finish("web-2");
}

/** Plan 1 of web-1, on which a step would change something. */
async function planned(fleet: JobFleet, { plans }: Control): Promise<void> {
  await plans.makePlan({
    targets: { expressions: ["web-1"] },
    requestId: "r-0",
  });
  await fleet.settle();
  const records = [
    { kind: "run", steps: 1 },
    { kind: "step", name: "A", verdict: "change", changes: [] },
    { kind: "end" },
  ].map((record) => `${JSON.stringify(record)}\n`).join("");
  const bytes = new TextEncoder().encode(records);
  await fleet.peer("web-1").says("commandOutput", {
    commandId: 1n,
    stream: OutputStream.STDOUT,
    bytes,
  });
  await fleet.peer("web-1").says("result", {
    commandId: 1n,
    status: CommandResult_Status.SUCCESS,
    stdoutBytes: BigInt(bytes.length),
  });
  await fleet.settle();
}

/** Secret of all agents. */
/** Adds a release, whose program is not there yet. */
async function withRelease({ blobs, releases }: Control): Promise<unknown> {
  const files = signedRelease("0.3.0", new Uint8Array(10));
  const manifest = files.get("manifest") ?? new Uint8Array();
  const { sha256: [manifestSha256 = ""] } = await blobs.addBlobs({
    blobs: [manifest],
  });
  const signature = new TextDecoder().decode(files.get("signature"));
  return await releases.addRelease({ manifestSha256, signature, ...SAID });
}

function withSecret(_fleet: JobFleet, { secrets }: Control): Promise<unknown> {
  return secrets.setSecret({ name: "token", value: "hunter22" });
}

/** Operator alice, who has not logged in, with one rule. */
async function withAlice({ manager }: JobFleet): Promise<void> {
  await manager.access.add({
    name: "alice",
    role: "operator",
    tokenLifeMs: 1_000,
    rules: [{
      operator: "alice",
      deny: false,
      onTargets: "all",
      operations: ["*"],
      argv: [],
      most: 0,
      trustFacts: false,
      approve: 0,
      within: "",
    }],
  });
}

/** A job that waits for an approval, by somebody. */
function propose(
  fleet: JobFleet,
  by:
    & { readonly requestedBy: string; readonly rights?: Identity }
    & Partial<Pick<JobRequest, "signed" | "params">>,
): Promise<unknown> {
  const request = fleet.request({ targets: "web-*", ...by });
  return fleet.manager.approvals.start({ ...request, propose: true });
}

/** A job of operator alice that waits for two approvals. */
async function withProposal(fleet: JobFleet): Promise<void> {
  const { access } = fleet.manager;
  const rules = [{ approve: 2 }];
  const rights = identityOf(access, await loggedIn(access, "alice", { rules }));
  await propose(fleet, { requestedBy: "alice", rights });
}

/** A token whose hosts somebody accepts. */
async function withToken({ manager }: JobFleet): Promise<string> {
  const { token } = await manager.enrolment.createToken({
    uses: 1,
    expiresInMs: 1_000,
    groups: [],
    name: "",
    cidrs: [],
    approve: true,
  });
  return parseJoinToken(token).secret;
}

/** Host web-9, which waits. */
async function withPending(fleet: JobFleet): Promise<void> {
  const tokenHash = hashSecret(await withToken(fleet));
  const { store, clock } = fleet.manager;
  await store.joinAgent({
    name: "web-9",
    tokenHash,
    publicKey: testKey(9).publicKey,
    secretHash: hashSecret("secret of web-9"),
    address: "10.0.0.1",
    version: "",
    facts: {},
    at: clock.now(),
  });
}

/** Rotation of the Manager's key, of which no agent knows. */
function rotating(fleet: JobFleet): Promise<unknown> {
  return fleet.manager.keys.start("manager");
}

/** The entries of two agents and another one, which a checkpoint covers. */
async function withCheckpoint({ manager }: JobFleet): Promise<void> {
  const { store } = manager;
  await store.recordAudit(anEntry({ act: "Join" }));
  const { end: { id: count, hash } } = await store.auditState();
  await store.addCheckpoint(
    signCheckpoint({ count, hash, at: 1_000 }, {
      kind: "checkpoint",
      managerId: store.managerId,
      key: MANAGER_PROOF.key,
    }),
  );
}

const CASES: Readonly<Record<string, Case>> = {
  "AgentsService.addAgent": {
    call: ({ agents }) => agents.addAgent({ id: "web-9", ...SAID }),
    on: "web-9",
    outcome: "",
  },
  "AgentsService.renewToken": {
    call: ({ agents }) => agents.renewToken({ id: "web-1", ...SAID }),
    on: "web-1",
    outcome: "",
  },
  "AgentsService.setAgents": {
    call: ({ agents }) =>
      agents.setAgents({ targets: ["web-*"], addGroups: ["web"], ...SAID }),
    on: "web-*",
    outcome: "2 agents changed",
  },
  "AgentsService.removeAgent": {
    call: ({ agents }) => agents.removeAgent({ id: "web-1", ...SAID }),
    on: "web-1",
    outcome: "",
  },
  "AgentsService.renameAgent": {
    before: (fleet) => fleet.disconnect("web-1"),
    call: ({ agents }) =>
      agents.renameAgent({ id: "web-1", newId: "shop-1", ...SAID }),
    on: "web-1, shop-1",
    outcome: "",
  },
  "AgentsService.revokeAgent": {
    call: ({ agents }) => agents.revokeAgent({ id: "web-1", ...SAID }),
    on: "web-1",
    outcome: "",
  },
  "ApprovalsService.approve": {
    before: withProposal,
    call: ({ approvals }) => approvals.approve({ id: 1n, ...SAID }),
    on: "a-1",
    operation: "echo.Echo",
    outcome: "",
  },
  "ApprovalsService.reject": {
    before: withProposal,
    call: ({ approvals }) =>
      approvals.reject({ id: 1n, reason: "not now", ...SAID }),
    on: "a-1",
    operation: "echo.Echo",
    outcome: `rejected by ${
      askerText({ requestedBy: OWNER, saidBy: "anna" })
    }: not now`,
  },
  "ApprovalsService.sign": {
    before: (fleet) =>
      propose(fleet, {
        requestedBy: "root",
        params: '{"text":"hi"}',
        signed: askedSignatures(ECHO_WORK, 2),
      }),
    call: ({ approvals }) =>
      approvals.sign({
        id: 1n,
        key: signerText(ALICE.publicKey),
        signature: ALICE.sign(encodeSignedWork(ECHO_WORK)),
        ...SAID,
      }),
    on: "a-1",
    operation: "echo.Echo",
    outcome: "",
  },
  "ApprovalsService.withdraw": {
    before: (fleet) => propose(fleet, { requestedBy: "root" }),
    call: ({ approvals }) => approvals.withdraw({ id: 1n, ...SAID }),
    on: "a-1",
    operation: "echo.Echo",
    outcome: `withdrawn by ${
      askerText({ requestedBy: OWNER, saidBy: "anna" })
    }`,
  },
  "AuditService.verifyWithAgents": {
    // Nobody answers here.
    before: (fleet) => fleet.disconnect("web-1"),
    call: ({ audit }) =>
      audit.verifyWithAgents({ targets: { expressions: ["web-1"] }, ...SAID }),
    act: "StartJob",
    on: "web-1",
    outcome: "job j-1, 1 agent",
    operation: "agent.Audit",
  },
  "AuditService.pruneAudit": {
    before: withCheckpoint,
    call: ({ audit }) =>
      audit.pruneAudit({ cut: { case: "keep", value: 0n }, ...SAID }),
    on: "",
    outcome: "entries 1 to 3 deleted",
  },
  "CommandsService.run": {
    call: ({ commands }) =>
      commands.run({
        agents: ["web-1", "web-2"],
        requestId: "r-1",
        ...ECHO,
        ...SAID,
      }),
    on: "web-1, web-2",
    outcome: "commands 1 to 2",
    operation: "echo.Echo",
  },
  "CommandsService.cancel": {
    before: (fleet) => fleet.manager.run("web-1"),
    call: ({ commands }) => commands.cancel({ commandId: 1n, ...SAID }),
    on: "1",
    outcome: "",
  },
  "CommandsService.rerun": {
    before: ended,
    call: ({ commands }) =>
      commands.rerun({ commandId: 1n, requestId: "r-1", ...SAID }),
    on: "1",
    outcome: "command 2",
    operation: "echo.Echo",
  },
  "CommandsService.giveUp": {
    before: (fleet) => fleet.manager.run("web-1"),
    call: ({ commands }) => commands.giveUp({ commandId: 1n, ...SAID }),
    on: "1",
    outcome: "",
  },
  "CommandsService.dropOutput": {
    before: ended,
    call: ({ commands }) => commands.dropOutput({ commandId: 1n }),
    on: "1",
    outcome: "",
    note: "",
  },
  "EnrolmentService.createToken": {
    call: ({ enrolment }) => enrolment.createToken({ name: "db-*", ...SAID }),
    on: "db-*",
    outcome: "",
  },
  "EnrolmentService.revokeJoinToken": {
    before: withToken,
    call: ({ enrolment }) => enrolment.revokeJoinToken({ id: 1n, ...SAID }),
    on: "1",
    outcome: "",
  },
  "EnrolmentService.acceptAgent": {
    before: withPending,
    call: ({ enrolment }) => enrolment.acceptAgent({ name: "web-9", ...SAID }),
    on: "web-9",
    outcome: "",
  },
  "EnrolmentService.rejectAgent": {
    before: withPending,
    call: ({ enrolment }) =>
      enrolment.rejectAgent({ name: "web-9", reason: "not ours", ...SAID }),
    on: "web-9",
    outcome: "",
  },
  "IssuersService.addIssuer": {
    call: ({ issuers }) =>
      issuers.addIssuer({ name: "github", jwks: JWKS, ...SAID }),
    on: "github",
    outcome: "",
  },
  "IssuersService.setIssuer": {
    before: ({ manager }) =>
      manager.ci.addIssuer({ name: "github", jwks: JWKS }),
    call: ({ issuers }) =>
      issuers.setIssuer({ name: "github", jwks: JWKS, ...SAID }),
    on: "github",
    outcome: "",
  },
  "IssuersService.removeIssuer": {
    before: ({ manager }) =>
      manager.ci.addIssuer({ name: "github", jwks: JWKS }),
    call: ({ issuers }) => issuers.removeIssuer({ name: "github", ...SAID }),
    on: "github",
    outcome: "",
  },
  "JobsService.startJob": {
    call: ({ jobs }) =>
      jobs.startJob({
        targets: { expressions: ["web-*"] },
        requestId: "r-1",
        ...ECHO,
        ...SAID,
      }),
    on: "web-*",
    outcome: "job j-1, 2 agents",
    operation: "echo.Echo",
  },
  "JobsService.cancelJob": {
    before: going,
    call: ({ jobs }) => jobs.cancelJob({ jobId: 1n, ...SAID }),
    on: "j-1",
    outcome: "",
  },
  "JobsService.pauseJob": {
    before: going,
    call: ({ jobs }) => jobs.pauseJob({ jobId: 1n, ...SAID }),
    on: "j-1",
    outcome: "",
  },
  "JobsService.resumeJob": {
    before: paused,
    call: ({ jobs }) => jobs.resumeJob({ jobId: 1n, ...SAID }),
    on: "j-1",
    outcome: "",
  },
  "JobsService.rerunJob": {
    before: endedJob,
    call: ({ jobs }) => jobs.rerunJob({ jobId: 1n, requestId: "r-1", ...SAID }),
    on: "j-1",
    outcome: "job j-2, 2 agents",
    operation: "echo.Echo",
  },
  "KeysService.startRotation": {
    call: ({ keys }) =>
      keys.startRotation({ kind: KeyKind.AUTHORITY, ...SAID }),
    on: "authority",
    outcome: "",
  },
  "KeysService.finishRotation": {
    before: rotating,
    call: ({ keys }) =>
      keys.finishRotation({
        kind: KeyKind.MANAGER,
        without: ["web-1", "web-2"],
        ...SAID,
      }),
    on: "manager",
    outcome: "",
  },
  "KeysService.replaceCertificate": {
    call: ({ keys }) =>
      keys.replaceCertificate({ certificate: "good", ...SAID }),
    on: "certificate",
    outcome: "",
  },
  "OperatorsService.addOperator": {
    call: ({ operators }) =>
      operators.addOperator({ name: "bob", role: "viewer", ...SAID }),
    on: "bob",
    outcome: "",
  },
  "OperatorsService.inviteOperator": {
    before: withAlice,
    call: ({ operators }) =>
      operators.inviteOperator({ name: "alice", ...SAID }),
    on: "alice",
    outcome: "",
  },
  "OperatorsService.setOperator": {
    before: withAlice,
    call: ({ operators }) =>
      operators.setOperator({ name: "alice", suspended: true, ...SAID }),
    on: "alice",
    outcome: "",
  },
  "OperatorsService.removeOperator": {
    before: withAlice,
    call: ({ operators }) =>
      operators.removeOperator({ name: "alice", ...SAID }),
    on: "alice",
    outcome: "",
  },
  "OperatorsService.revokeToken": {
    before: withAlice,
    call: ({ operators }) => operators.revokeToken({ tokenId: 1n, ...SAID }),
    on: "token 1",
    outcome: "",
  },
  "OperatorsService.addRule": {
    before: withAlice,
    call: ({ operators }) =>
      operators.addRule({
        operator: "alice",
        rule: { on: "all", operations: ["*"] },
        ...SAID,
      }),
    on: "alice",
    outcome: "",
  },
  "OperatorsService.removeRule": {
    before: withAlice,
    call: ({ operators }) =>
      operators.removeRule({ operator: "alice", number: 1, ...SAID }),
    on: "alice#1",
    outcome: "",
  },
  "ReleasesService.addRelease": {
    call: withRelease,
    on: "0.3.0",
    outcome: "",
  },
  "ReleasesService.removeRelease": {
    before: (_fleet, control) => withRelease(control),
    call: ({ releases }) =>
      releases.removeRelease({ version: "0.3.0", ...SAID }),
    on: "0.3.0",
    outcome: "",
  },
  "PlansService.makePlan": {
    call: ({ plans }) =>
      plans.makePlan({
        targets: { expressions: ["web-*"] },
        requestId: "r-1",
        ...SAID,
      }),
    on: "web-*",
    outcome: "job j-1, 2 agents",
    operation: "state.Plan",
  },
  "PlansService.applyPlan": {
    before: planned,
    call: ({ plans }) => plans.applyPlan({ id: 1n, requestId: "r-2", ...SAID }),
    on: "p-1",
    outcome: "job j-2, 1 agent",
    operation: "state.Apply",
  },
  "PlansService.approvePlan": {
    before: planned,
    call: ({ plans }) => plans.approvePlan({ id: 1n, ...SAID }),
    on: "p-1",
    outcome: "",
    operation: "state.Apply",
  },
  "PlansService.withdrawPlan": {
    before: planned,
    call: ({ plans }) => plans.withdrawPlan({ id: 1n, ...SAID }),
    on: "p-1",
    outcome: "",
  },
  "SecretsService.setSecret": {
    call: ({ secrets }) =>
      secrets.setSecret({ name: "token", value: "hunter22", ...SAID }),
    on: "all.yaml: token",
    outcome: "",
  },
  "SecretsService.editSecret": {
    before: withSecret,
    call: ({ secrets }) =>
      secrets.editSecret({ name: "token", forTargets: "@web", ...SAID }),
    on: "all.yaml: token",
    outcome: "",
  },
  "SecretsService.removeSecret": {
    before: withSecret,
    call: ({ secrets }) => secrets.removeSecret({ name: "token", ...SAID }),
    on: "all.yaml: token",
    outcome: "",
  },
  "SecretsService.rotateSecrets": {
    before: withSecret,
    call: ({ secrets }) => secrets.rotateSecrets({ ...SAID }),
    on: "all.yaml",
    outcome: "",
  },
};

/** Calls that are refused, and change nothing. */
const REFUSED: Readonly<
  Record<string, (control: Control, folder: TempFolder) => Promise<unknown>>
> = {
  "AgentsService.addAgent": ({ agents }) => agents.addAgent({ id: "web-1" }),
  "AgentsService.renewToken": ({ agents }) =>
    agents.renewToken({ id: "web-8" }),
  "AgentsService.setAgents": ({ agents }) =>
    agents.setAgents({ targets: ["web-8"], addGroups: ["web"] }),
  "AgentsService.removeAgent": ({ agents }) =>
    agents.removeAgent({ id: "web-8" }),
  "AgentsService.renameAgent": ({ agents }) =>
    agents.renameAgent({ id: "web-1", newId: "web-2" }),
  "AgentsService.revokeAgent": ({ agents }) =>
    agents.revokeAgent({ id: "web-8" }),
  "ApprovalsService.approve": ({ approvals }) => approvals.approve({ id: 9n }),
  "ApprovalsService.reject": ({ approvals }) =>
    approvals.reject({ id: 9n, reason: "no" }),
  "ApprovalsService.sign": ({ approvals }) =>
    approvals.sign({ id: 9n, key: "k" }),
  "ApprovalsService.withdraw": ({ approvals }) =>
    approvals.withdraw({ id: 9n }),
  "AuditService.verifyWithAgents": ({ audit }) =>
    audit.verifyWithAgents({ targets: { expressions: ["web-8"] } }),
  "AuditService.pruneAudit": ({ audit }) => audit.pruneAudit({}),
  "CommandsService.run": ({ commands }) =>
    commands.run({ agents: ["web-8"], requestId: "r-1", ...ECHO }),
  "CommandsService.cancel": ({ commands }) =>
    commands.cancel({ commandId: 8n }),
  "CommandsService.rerun": ({ commands }) =>
    commands.rerun({ commandId: 8n, requestId: "r-1" }),
  "CommandsService.giveUp": ({ commands }) =>
    commands.giveUp({ commandId: 8n }),
  "CommandsService.dropOutput": ({ commands }) =>
    commands.dropOutput({ commandId: 8n }),
  "EnrolmentService.createToken": ({ enrolment }) =>
    enrolment.createToken({ uses: 0n }),
  "EnrolmentService.revokeJoinToken": ({ enrolment }) =>
    enrolment.revokeJoinToken({ id: 9n }),
  "EnrolmentService.acceptAgent": ({ enrolment }) =>
    enrolment.acceptAgent({ name: "web-9" }),
  "EnrolmentService.rejectAgent": ({ enrolment }) =>
    enrolment.rejectAgent({ name: "web-9", reason: "not ours" }),
  "IssuersService.addIssuer": ({ issuers }) =>
    issuers.addIssuer({ name: "github", jwks: "{}" }),
  "IssuersService.setIssuer": ({ issuers }) =>
    issuers.setIssuer({ name: "gitlab", jwks: JWKS }),
  "IssuersService.removeIssuer": ({ issuers }) =>
    issuers.removeIssuer({ name: "gitlab" }),
  "JobsService.startJob": ({ jobs }) =>
    jobs.startJob({
      targets: { expressions: ["web-8"] },
      requestId: "r-1",
      ...ECHO,
    }),
  "JobsService.cancelJob": ({ jobs }) => jobs.cancelJob({ jobId: 8n }),
  "JobsService.pauseJob": ({ jobs }) => jobs.pauseJob({ jobId: 8n }),
  "JobsService.resumeJob": ({ jobs }) => jobs.resumeJob({ jobId: 8n }),
  "JobsService.rerunJob": ({ jobs }) =>
    jobs.rerunJob({ jobId: 8n, requestId: "r-1" }),
  "KeysService.startRotation": ({ keys }) => keys.startRotation({}),
  "KeysService.finishRotation": ({ keys }) =>
    keys.finishRotation({ kind: KeyKind.AUTHORITY }),
  "KeysService.replaceCertificate": ({ keys }) =>
    keys.replaceCertificate({ certificate: "wrong" }),
  "OperatorsService.addOperator": ({ operators }) =>
    operators.addOperator({ name: "b c", role: "viewer" }),
  "OperatorsService.inviteOperator": ({ operators }) =>
    operators.inviteOperator({ name: "bob" }),
  "OperatorsService.setOperator": ({ operators }) =>
    operators.setOperator({ name: "bob", suspended: true }),
  "OperatorsService.removeOperator": ({ operators }) =>
    operators.removeOperator({ name: "bob" }),
  "OperatorsService.revokeToken": ({ operators }) =>
    operators.revokeToken({ tokenId: 9n }),
  "OperatorsService.addRule": ({ operators }) =>
    operators.addRule({
      operator: "bob",
      rule: { on: "all", operations: ["*"] },
    }),
  "OperatorsService.removeRule": ({ operators }) =>
    operators.removeRule({ operator: "bob", number: 1 }),
  "ReleasesService.addRelease": ({ releases }) =>
    releases.addRelease({ manifestSha256: "a".repeat(64), signature: "x" }),
  "ReleasesService.removeRelease": ({ releases }) =>
    releases.removeRelease({ version: "0.9.0" }),
  "PlansService.makePlan": ({ plans }) =>
    plans.makePlan({ targets: { expressions: ["web-8"] }, requestId: "r-1" }),
  "PlansService.applyPlan": ({ plans }) =>
    plans.applyPlan({ id: 9n, requestId: "r-1" }),
  "PlansService.approvePlan": ({ plans }) => plans.approvePlan({ id: 9n }),
  "PlansService.withdrawPlan": ({ plans }) => plans.withdrawPlan({ id: 9n }),
  "SecretsService.setSecret": ({ secrets }) =>
    secrets.setSecret({ name: "token", value: "short" }),
  "SecretsService.editSecret": ({ secrets }) =>
    secrets.editSecret({ name: "token", forTargets: "@web" }),
  "SecretsService.removeSecret": ({ secrets }) =>
    secrets.removeSecret({ name: "token" }),
  "SecretsService.rotateSecrets": async ({ secrets }, folder) => {
    await folder.write("secrets/all.yaml", "token: hunter22\n");
    return await secrets.rotateSecrets({});
  },
};

/** A control API in front of a fleet of web-1 and web-2. */
async function served() {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await TempFolder.make());
  const blobs = await Blobs.open({
    dir: folder.at("blobs"),
    clock: systemClock,
    random: systemRandom,
    store: { blobUses: () => Promise.resolve([]) },
    limit: () => 1_000_000,
    namesOf: () => [],
  });
  const fleet = undo.use(
    await JobFleet.start(["web-1", "web-2"], {
      blobs,
      states: {
        names: () => Promise.resolve([""]),
        compile: () =>
          Promise.resolve({
            exists: true,
            problems: [],
            json: "{}",
            sha256: "ab".repeat(32),
            blobs: new Map(),
            sources: new Map(),
            places: "",
            factsAsked: [],
          }),
        read: () => Promise.reject(new TypeError("no file is read")),
        placesOf: () => Promise.resolve([]),
      },
      proof: MANAGER_PROOF,
      keys: new MemoryKeys(),
    }),
  );
  const {
    agents,
    approvals,
    commands,
    jobs,
    plans,
    audit,
    access,
    enrolment,
    ci,
    keys,
  } = fleet.manager;
  const manager = Object.assign(new SmallManager(), {
    blobs,
    releases: new Releases({
      dir: folder.at("releases"),
      blobs,
      store: fleet.manager.store,
      clock: systemClock,
      random: systemRandom,
      keys: () => [TEST_KEY],
    }),
    access,
    enrolment,
    ci,
    keys,
    agents,
    approvals,
    commands,
    jobs,
    plans,
    audit,
    secrets: new SecretFiles({
      folder: folder.at("secrets"),
      keyFile: folder.at("secrets.key"),
      store: fleet.manager.store,
      clock: systemClock,
      random: systemRandom,
    }),
  });
  const { control } = undo.use(await startControl({ manager }));
  const opened = undo.move();
  return {
    fleet,
    control,
    folder,
    entries: () => entriesOf(fleet),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Entries for what was asked for. Those of the agents that have joined are left out. */
async function entriesOf(fleet: JobFleet): Promise<AuditRecord[]> {
  const entries = await fleet.manager.audit.list({ limit: 100 });
  return entries.filter(({ act }) => act !== "Join");
}

Deno.test("every call that changes something is known with what the audit says of it", () => {
  const changing = Object.keys(CALLS).filter((call) => CALLS[call]?.changes);

  // Only a caller from elsewhere can log out: tests/api/control_port_test.ts.
  const here = changing.filter((call) => call !== "LoginService.logout");
  assertEquals(Object.keys(CASES), here);
  assertEquals(Object.keys(REFUSED), here);
});

for (const [name, each] of Object.entries(CASES)) {
  const { before = () => Promise.resolve(), call, on, outcome } = each;
  const { operation = "", note = "anna", act = actOf(name) } = each;

  Deno.test(`${name} makes one entry in the audit`, async () => {
    await using parts = await served();
    await before(parts.fleet, parts.control);
    const { length } = await parts.entries();

    await call(parts.control);
    await parts.fleet.settle();

    const [entry, ...others] = await parts.entries();
    assertEquals(others.length, length);
    const { id: _id, at: _at, hash: _hash, statement: _of, ...told } = entry ??
      {};
    assertEquals(told, {
      who: OWNER,
      credential: "socket",
      origin: "local",
      act,
      target: on,
      operation,
      decision: "allowed",
      rule: "",
      outcome,
      note,
    });
  });

  Deno.test(`${name} makes no entry in the audit if it is refused`, async () => {
    await using parts = await served();

    await refusal(
      REFUSED[name]?.(parts.control, parts.folder) ?? Promise.resolve(),
    );

    assertEquals(await parts.entries(), []);
  });
}

for (
  const name of [
    "CommandsService.run",
    "CommandsService.rerun",
    "JobsService.startJob",
    "JobsService.rerunJob",
    "PlansService.makePlan",
  ]
) {
  Deno.test(`${name} that is repeated makes no other entry in the audit`, async () => {
    const { before, call } = CASES[name] ?? {};
    await using parts = await served();
    await before?.(parts.fleet, parts.control);
    await call?.(parts.control);
    const first = await parts.entries();

    await call?.(parts.control);

    assertEquals(await parts.entries(), first);
  });
}

Deno.test("an operator for jobs of a CI is added with one entry in the audit", async () => {
  await using parts = await served();
  const { issuers, operators } = parts.control;
  await issuers.addIssuer({ name: "github", jwks: JWKS });
  const claims = { "repository_id": "1", "repository_owner_id": "2" };

  const { login, audience } = await operators.addOperator({
    name: "deploy",
    role: "operator",
    ci: { issuer: "github", claims },
    ...SAID,
  });

  assertMatch(login, /^piri-ci1-/);
  assertMatch(audience, /^piri:/);
  const [entry, ...others] = await parts.entries();
  assertEquals([entry?.act, entry?.target, entry?.who, others.length], [
    "AddOperator",
    "deploy",
    OWNER,
    1,
  ]);
  const { operators: [added] } = await operators.listOperators({});
  assertEquals([added?.ci?.issuer, added?.ci?.claims], ["github", claims]);
});

Deno.test("an act that changes nothing makes no entry in the audit", async () => {
  await using parts = await served();
  await paused(parts.fleet);
  const before = await parts.entries();

  await parts.control.jobs.pauseJob({ jobId: 1n });
  await parts.control.agents.setAgents({
    targets: ["web-1"],
    removeGroups: ["none"],
  });

  assertEquals(await parts.entries(), before);
});

Deno.test("the statement of a job is another one if its parameters are", async () => {
  await using parts = await served();
  const { jobs } = parts.control;
  const targets = { expressions: ["web-*"] };
  await jobs.startJob({ targets, requestId: "r-1", ...ECHO });
  await jobs.startJob({ targets, requestId: "r-2", ...ECHO });
  await jobs.startJob({
    targets,
    requestId: "r-3",
    ...ECHO,
    params: '{"text":"x"}',
  });

  const [other, second, first] = (await parts.entries())
    .map(({ statement }) => statement?.toString());
  assertEquals(second, first);
  assertEquals(other === first, false);
});

Deno.test("a removal by force has an entry for each command that it cancels", async () => {
  await using parts = await served();
  await parts.fleet.manager.run("web-1");
  await parts.fleet.disconnect("web-1");

  await parts.control.agents.removeAgent({ id: "web-1", force: true });

  assertEquals(
    (await parts.entries()).map(({ act, target, who }) => [act, target, who]),
    [
      ["RemoveAgent", "web-1", OWNER],
      ["Cancel", "1", OWNER],
      ["Run", "web-1", "test"],
    ],
  );
});

/** Act of a call: "RunJob" of "JobsService.runJob". */
function actOf(name: string): string {
  const method = name.split(".").at(-1) ?? "";
  return method.charAt(0).toUpperCase() + method.slice(1);
}
