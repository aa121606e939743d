import { type Checkpoint, isCheckpointSigned } from "../../base/checkpoint.ts";
import { sameHash } from "../../base/secret.ts";
import { fingerprint, type SigningKey } from "../../base/signing_key.ts";
import type { AuditMark, AuditState } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";
import type {
  AgentWord,
  AuditProblem,
  AuditVerdict,
} from "../api/audit_api.ts";
import { type AgentAnswer, compareCommands } from "./agent_answer.ts";
import { compareCheckpoints, type Signed } from "./compare_checkpoints.ts";

/** Parts that a check of the audit needs. */
export interface VerifyOptions {
  readonly store: Pick<
    Store,
    | "managerId"
    | "checkAudit"
    | "auditState"
    | "auditHashes"
    | "checkpoints"
    | "compareCommands"
  >;
  /** Key that signs now; undefined for a Manager without one. */
  readonly key: () => SigningKey | undefined;
}

/** Checks the chain, the Manager's own checkpoints, and the answers of agents. */
export async function verifyAudit(
  options: VerifyOptions,
  { signal, answers }: {
    readonly signal: AbortSignal;
    readonly answers: readonly AgentAnswer[];
  },
): Promise<AuditVerdict> {
  const { store } = options;
  // Read first: the chain only grows, so that it has all that was signed by now.
  const own = await ownCheckpoints(store);
  const state = await store.auditState();
  const { count, finding } = await verifyChain(store, signal);
  const { good, problems } = signatures(options, state, own);
  const known = keysOf(options, good);
  const told = signedOf(answers, { known, managerId: store.managerId });
  const hashOf = (ids: readonly bigint[]) => hashesOf(store, state, ids);
  const problemsOfAgents: AuditProblem[] = [];
  const words: AgentWord[] = [];
  for (const answer of answers) {
    const compared = await compareCommands(store, answer);
    problemsOfAgents.push(...compared.problems);
    words.push({
      agent: answer.agent,
      error: answer.error,
      witnesses: told.counts.get(answer.agent) ?? 0,
      unknown: told.unknown.get(answer.agent) ?? 0,
      commands: compared.count,
      tooOld: compared.tooOld,
    });
  }
  return {
    count,
    finding,
    problems: [
      ...finding === undefined ? [] : [{ ...finding, agents: [] }],
      ...problems,
      ...await compareCheckpoints(good, { state, hashOf }),
      ...await compareCheckpoints(told.signed, { state, hashOf }),
      ...problemsOfAgents,
    ],
    checkpoints: own.length,
    newest: own.at(-1),
    stub: state.stub,
    agents: words,
  };
}

async function verifyChain(
  store: VerifyOptions["store"],
  signal: AbortSignal,
): Promise<Pick<AuditVerdict, "count" | "finding">> {
  let mark: AuditMark | undefined;
  for (;;) {
    signal.throwIfAborted();
    const { reached, done, finding } = await store.checkAudit(mark);
    if (done) return { count: reached.id, finding };
    mark = reached;
  }
}

async function ownCheckpoints(
  store: VerifyOptions["store"],
): Promise<Checkpoint[]> {
  const all: Checkpoint[] = [];
  let after = 0n;
  for (;;) {
    const page = await store.checkpoints(after);
    const last = page.at(-1);
    if (last === undefined) return all;
    all.push(...page);
    after = last.id;
  }
}

/** Checks the signatures of the Manager's own checkpoints and of the stub. */
function signatures(
  { store: { managerId }, key }: VerifyOptions,
  { stub }: AuditState,
  own: readonly Checkpoint[],
): { good: Signed[]; problems: AuditProblem[] } {
  const problems: AuditProblem[] = [];
  const unsigned = (id: bigint, message: string) =>
    problems.push({ id, kind: "unsigned", message, agents: [] });
  const good = own.filter((checkpoint) =>
    isCheckpointSigned(checkpoint, { kind: "checkpoint", managerId })
  ).map((checkpoint) => ({ checkpoint, agents: [] }));
  const [first] = own.filter((checkpoint) =>
    !good.some((each) => each.checkpoint === checkpoint)
  );
  if (first !== undefined) {
    unsigned(
      first.count,
      `${
        own.length - good.length
      } of ${own.length} checkpoints are not signed as they should be, the first one that of ${first.count} entries`,
    );
  }
  const newest = good.at(-1)?.checkpoint;
  const present = key();
  if (
    newest !== undefined && present !== undefined &&
    !sameHash(newest.key, present.publicKey)
  ) {
    unsigned(
      newest.count,
      `the newest checkpoint is signed by ${
        fingerprint(newest.key)
      }, and the Manager has the key ${fingerprint(present.publicKey)}`,
    );
  }
  if (
    stub !== undefined && !isCheckpointSigned(stub, { kind: "stub", managerId })
  ) {
    unsigned(
      1n,
      `entries 1 to ${stub.count} are missing, and the stub in their place is not signed as it should be`,
    );
  }
  return { good, problems };
}

/** Keys of the Manager, those of before among them: each signed a checkpoint that is kept. */
function keysOf(
  { key }: VerifyOptions,
  good: readonly Signed[],
): ReadonlySet<string> {
  const present = key();
  return new Set([
    ...present === undefined ? [] : [fingerprint(present.publicKey)],
    ...good.map(({ checkpoint }) => fingerprint(checkpoint.key)),
  ]);
}

/** Checkpoints of agents that the Manager has signed, each with the agents that keep it. */
function signedOf(
  answers: readonly AgentAnswer[],
  { known, managerId }: {
    readonly known: ReadonlySet<string>;
    readonly managerId: string;
  },
): {
  signed: Signed[];
  counts: Map<string, number>;
  unknown: Map<string, number>;
} {
  const signed = new Map<
    string,
    { checkpoint: Checkpoint; agents: string[] }
  >();
  const counts = new Map<string, number>();
  const unknown = new Map<string, number>();
  for (const { agent, witnesses } of answers) {
    for (const checkpoint of witnesses) {
      const isKnown = known.has(fingerprint(checkpoint.key));
      const name = `${checkpoint.count} ${checkpoint.hash.toString()}`;
      const found = signed.get(name);
      const isGood = isKnown && (found !== undefined ||
        isCheckpointSigned(checkpoint, { kind: "checkpoint", managerId }));
      const to = isGood ? counts : unknown;
      to.set(agent, (to.get(agent) ?? 0) + 1);
      if (!isGood) continue;
      if (found === undefined) {
        signed.set(name, { checkpoint, agents: [agent] });
      } else found.agents.push(agent);
    }
  }
  return { signed: [...signed.values()], counts, unknown };
}

async function hashesOf(
  store: VerifyOptions["store"],
  { stub }: AuditState,
  ids: readonly bigint[],
): Promise<(Uint8Array | null)[]> {
  const hashes = await store.auditHashes(ids);
  return hashes.map((hash, index) =>
    ids[index] === stub?.count ? stub?.hash ?? null : hash
  );
}
