import {
  type ClientHello,
  CommandState_State,
  createClientHello,
  createCommandState,
  createInstallation,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PROTOCOL, VERSION } from "../../base/version.ts";
import { dialectOfManager } from "../../wire/dialect.ts";
import { FEATURES, KEYLESS_FEATURES } from "../../wire/features.ts";
import type { EntryState, Journal } from "../journal/journal.ts";
import type { PolicyGate } from "../policy/policy_gate.ts";
import type { Runner } from "../runner/runner.ts";
import type { AgentKey, KeyProof } from "./key_proof.ts";
import { policyOf } from "./policy_news.ts";

const STATE_OF: Readonly<Record<EntryState, CommandState_State>> = {
  accepted: CommandState_State.ACCEPTED,
  running: CommandState_State.RUNNING,
  finished: CommandState_State.FINISHED,
};

/** Identity of the agent, as its hello tells it. */
export interface AgentIdentity {
  readonly name: string;
  readonly secret: string;
  /** Set until the Manager has accepted it. */
  readonly joinToken?: string | undefined;
  /** Key of the agent; without one it proves itself by the secret only. */
  readonly agentKey?: AgentKey | undefined;
  /** Facts about the host, or how to collect them for each hello. */
  readonly facts: Facts | (() => Promise<Facts>);
}

type Facts = Readonly<Record<string, string>>;

/** Parts of an agent that its hello tells of. */
export interface HelloParts {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly policy: Pick<PolicyGate, "facts">;
  /** Installation of the agent, and whether it is on trial; untold if absent. */
  readonly installation?: () => { kind: string; trial: string; target: string };
}

/** The hello of one dial. It lists all commands of earlier connections, which are settled by now. */
export function helloOf(
  { name, secret, joinToken, facts, proof, trust }: AgentIdentity & {
    facts: Facts;
    trust: Uint8Array[];
    proof: KeyProof | undefined;
  },
  { journal, runner, policy, installation }: HelloParts,
  session: bigint,
): ClientHello {
  return createClientHello({
    clientId: name,
    // The secret goes until its key was admitted once.
    auth: proof?.isAdmitted ? "" : secret,
    protocol: PROTOCOL,
    features: (proof === undefined ? KEYLESS_FEATURES : FEATURES)
      .filter((feature) => feature !== "survive" || runner.survives),
    ...proof?.fields,
    trust,
    agentVersion: VERSION,
    facts,
    policy: policyOf(policy),
    ...installation === undefined
      ? {}
      : { installation: createInstallation(installation()) },
    joinToken: joinToken ?? "",
    instance: journal.instance,
    session,
    lastCommandId: journal.lastCommandId,
    commands: journal.entries()
      .filter(({ managerId }) => dialectOfManager(managerId).hasIdentities)
      .map((entry) =>
        createCommandState({
          commandId: entry.id,
          nonce: entry.nonce,
          state: runner.isUnbegun(entry)
            ? CommandState_State.ACCEPTED
            : STATE_OF[entry.state],
          stdout: entry.produced("stdout"),
          stderr: entry.produced("stderr"),
        })
      ),
  });
}
