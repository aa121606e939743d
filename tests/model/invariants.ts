import {
  AGENT_NAMES,
  type CommandState,
  isOpenState,
  isUnfinished,
  type State,
} from "./state.ts";

/** Properties that must hold in every state, by the letters that configurations use. */
export const INVARIANTS = {
  A: "No request takes effect twice.",
  B: "Nothing that was said to have no effect, and never to have one, has one.",
  C: "No result is recorded for another command than its own.",
  D: "Once all is quiet and connected, nothing hangs.",
  E: "No result that an agent had recorded as its own end is forgotten before the Manager has it.",
  F: "An id that is far off shuts nobody out.",
  G: "Nothing that the operator has ended begins once its agent can know of it.",
  H: "No entry of a job is called lost if neither its database nor its agent's journal was set back since it was made.",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** An invariant that does not hold, and the reason. */
export interface Violation {
  readonly invariant: Invariant;
  readonly how: string;
}

/** Finds the first of these invariants that does not hold in a state. */
export function violationIn(
  state: State,
  invariants: string,
): Violation | undefined {
  for (const [invariant, check] of CHECKS) {
    if (!invariants.includes(invariant)) continue;
    const how = check(state);
    if (how !== undefined) return { invariant, how };
  }
  return undefined;
}

type Check = (state: State) => string | undefined;

const CHECKS: readonly (readonly [Invariant, Check])[] = [
  ["A", repeated],
  ["B", denied],
  ["C", mixedUp],
  ["D", hanging],
  ["E", forgotten],
  ["F", shutOut],
  ["G", begunTooLate],
  ["H", givenUpNeedlessly],
];

function repeated({ truth: { effects } }: State): string | undefined {
  const nonce = effects.findIndex((count) => count > 1);
  return nonce < 0 ? undefined : `request ${nonce} took effect twice`;
}

function denied({ truth: { denied, effects } }: State): string | undefined {
  const nonce = effects.findIndex((count, at) => count > 0 && denied[at] !== 0);
  return nonce < 0
    ? undefined
    : `the operator was told that request ${nonce} has no effect, and it took effect`;
}

function begunTooLate({ truth: { begunBarred } }: State): string | undefined {
  const nonce = begunBarred.findIndex((count) => count > 0);
  return nonce < 0
    ? undefined
    : `the operator has ended request ${nonce}, its agent could know it, and it began`;
}

function givenUpNeedlessly({ truth: { needless } }: State): string | undefined {
  const nonce = needless.findIndex((count) => count > 0);
  return nonce < 0
    ? undefined
    : `the entry of request ${nonce} is called lost, and was never sent`;
}

function mixedUp({ manager: { database } }: State): string | undefined {
  const mixed = database.commands
    .find(({ told, nonce }) => told >= 0 && told !== nonce);
  return mixed &&
    `request ${mixed.nonce} has the result of request ${mixed.told}`;
}

function hanging(state: State): string | undefined {
  if (!isQuiet(state)) return undefined;
  const { manager: { current, database } } = state;
  const open = database.commands.find(({ state }) => isOpenState(state));
  if (open !== undefined) {
    return `all is quiet, and request ${open.nonce} stays ${open.state}`;
  }
  const entry = database.entries.find(({ state }) => state === "waiting");
  if (entry !== undefined) {
    return `all is quiet, and the entry of request ${entry.nonce} waits`;
  }
  const index = state.agents.findIndex(({ link }) => link === current);
  const [result] = state.agents[index]?.journal ?? [];
  return result &&
    `all is quiet, and the result of command ${result.id} at ${
      AGENT_NAMES[index]
    } is never acknowledged`;
}

/** True if both sides are connected to each other, and nothing is on its way or running. */
function isQuiet({ manager, agents, connections }: State): boolean {
  const { isUp, current, writes, database, foundEntries } = manager;
  const agent = agents.find(({ link }) => link === current);
  const isReleasing = database.entries.some(({ nonce, state }) =>
    state === "waiting" && !foundEntries.includes(nonce)
  );
  return isUp && current !== 0 && writes.length === 0 && !isReleasing &&
    agent !== undefined && agent.isReady && agent.accepting.length === 0 &&
    !agent.journal.some(isUnfinished) &&
    connections.every((each) =>
      each.manager === "closed" ||
      each.up.length === 0 && each.down.length === 0
    );
}

function forgotten({ truth }: State): string | undefined {
  const nonce = truth.forgotten.findIndex((count, at) =>
    count > 0 && truth.excused[at] === 0
  );
  return nonce < 0
    ? undefined
    : `the result of request ${nonce} is forgotten, and the Manager does not have it`;
}

function shutOut({ manager, connections }: State): string | undefined {
  const far: CommandState = "too far";
  const refused = manager.database.commands.find(({ state }) => state === far);
  if (refused !== undefined) {
    return `the agent refuses the Manager's id ${refused.id}`;
  }
  const turnedAway = connections.find(({ down }) =>
    down.some((each) => each.kind === "bye" && each.code === "protocol error")
  );
  return turnedAway &&
    `the Manager turns away ${
      AGENT_NAMES[turnedAway.agent]
    }, whose ids are too far ahead`;
}
