import { anotherInstance, bar, closeLink, killed, settled } from "./agent.ts";
import { MANAGER_JUMP, type Model, WILD_ID } from "./bounds.ts";
import {
  sendDown,
  withAgent,
  withConnection,
  withDatabase,
  withManager,
} from "./changes.ts";
import { crashed, down, started } from "./manager.ts";
import type { Rules } from "./rules.ts";
import {
  type Agent,
  AGENT_NAMES,
  type Database,
  type Faults,
  type State,
  type Step,
} from "./state.ts";

/** Faults that may happen next, and the starts after them. */
export function faultSteps(state: State, { rules }: Model): Step[] {
  return [
    ...managerFaults(state),
    ...state.agents.flatMap((agent, index) => [
      ...processFaults(state, agent, { index, rules }),
      ...linkFaults(state, agent, { index, rules }),
      ...standstills(state, agent, { index, rules }),
    ]),
    ...copies(state),
    ...strays(state, rules),
  ];
}

function managerFaults(state: State): Step[] {
  const { manager: { isUp, backup, database }, faults } = state;
  const steps: Step[] = [];
  if (isUp && faults.managerCrashes > 0) {
    steps.push({ what: "the Manager is killed", state: crashed(state) });
  }
  if (!isUp) {
    steps.push({ what: "the Manager starts again", state: started(state) });
  }
  if (faults.restores === 0) return steps;
  if (isUp && backup === undefined) {
    steps.push({
      what: "a backup of the Manager's database is taken",
      state: withManager(state, { backup: database }),
    });
  }
  if (backup !== undefined && !isBlank(state, backup)) {
    steps.push({
      what: "the Manager is restored from the backup and started",
      state: started(
        withManager(down(setBack(spent(state, "restores"), backup)), {
          database: backup,
          backup: undefined,
        }),
      ),
    });
  }
  return steps;
}

/**
 * True if a backup is older than the agent's first hello and the journal was lost since: then neither side knows anything
 * (docs/reliability.md).
 */
function isBlank({ instances }: State, { instance }: Database): boolean {
  return instance === 0 && instances > 1;
}

/**
 * Notes that the operator sets the requests back to those of a backup. An end that is not in the backup is taken back: an
 * entry that waits in it may be released, and its agent cannot know better (docs/reliability.md).
 */
function setBack(state: State, { entries, instance }: Database): State {
  const { truth, requests, faults } = state;
  const isTakenBack = (nonce: number) =>
    entries.some((entry) => entry.nonce === nonce && entry.state === "waiting");
  return {
    ...state,
    isSetBack: true,
    faults: instance === 0 ? { ...faults, journalLosses: 0 } : faults,
    truth: {
      ...truth,
      denied: truth.denied.map((count, at) => isTakenBack(at) ? 0 : count),
      setBack: truth.setBack.map((_, nonce) => nonce < requests ? 1 : 0),
    },
  };
}

function processFaults(
  state: State,
  agent: Agent,
  { index, rules }: { index: number; rules: Rules },
): Step[] {
  const name = AGENT_NAMES[index];
  if (agent.isUp) {
    return state.faults.agentCrashes === 0
      ? []
      : [{ what: `${name} is killed`, state: killed(state, index, rules) }];
  }
  const starts = {
    what: `${name} starts again and settles its past`,
    state: withAgent(state, index, {
      isUp: true,
      journal: settled(agent.journal),
    }),
  };
  return state.faults.journalLosses === 0 ? [starts] : [starts, {
    what: `${name}'s journal is lost`,
    state: lost(state, index, rules),
  }];
}

function lost(state: State, index: number, rules: Rules): State {
  const empty = withAgent(spent(state, "journalLosses"), index, {
    journal: [],
    lastId: 0,
    session: 0,
  });
  return rules.has("new-journal-new-instance")
    ? anotherInstance(empty, index)
    : empty;
}

/** Ends the agent's connection. Messages that it wrote still arrive, or are lost. */
function linkFaults(
  state: State,
  { link }: Agent,
  { index, rules }: { index: number; rules: Rules },
): Step[] {
  if (link === 0 || state.faults.cuts === 0) return [];
  const name = AGENT_NAMES[index];
  const cut = spent(state, "cuts");
  return [
    {
      what:
        `C${link} breaks for ${name}; what ${name} wrote is still on its way`,
      state: closeLink(cut, index, rules),
    },
    {
      what: `C${link} breaks, and all that was on its way is gone`,
      state: closeLink(withConnection(cut, link, { up: [] }), index, rules),
    },
  ];
}

/**
 * Wakes an agent that has stood still. Until then, nothing was different from an agent that is slow. What the operator
 * ended meanwhile, it can know: it need only ask again.
 */
function standstills(
  state: State,
  { isUp, link }: Agent,
  { index, rules }: { index: number; rules: Rules },
): Step[] {
  if (!isUp || link === 0 || state.faults.standstills === 0) return [];
  const requests = state.truth.stopped.map((_, nonce) => nonce);
  const woken = requests.reduce(bar, spent(state, "standstills"));
  const name = AGENT_NAMES[index];
  return [
    rules.has("standstill-drops")
      ? {
        what: `${name} has stood still, and drops C${link}`,
        state: closeLink(woken, index, rules),
      }
      : { what: `${name} has stood still, and reads on`, state: woken },
  ];
}

/** Copies the host, whether or not its agent runs, and starts an agent on the copy. */
function copies(state: State): Step[] {
  const [agent] = state.agents;
  if (agent === undefined || state.faults.copies === 0) return [];
  const copy: Agent = {
    ...agent,
    isUp: true,
    link: 0,
    isReady: false,
    accepting: [],
    journal: settled(agent.journal),
  };
  return [{
    what: "A's host is copied, and an agent starts on the copy",
    state: { ...spent(state, "copies"), agents: [...state.agents, copy] },
  }];
}

/** Brings ids from elsewhere: other agents' hellos advance the sequence of ids, and a Manager may be faulty. */
function strays(state: State, rules: Rules): Step[] {
  const { manager: { isUp, current, database, jumped }, faults } = state;
  if (!isUp || faults.strays === 0) return [];
  const stray = spent(state, "strays");
  const follow = (lastId: number) =>
    withManager(withDatabase(stray, { lastId }), {
      jumped: jumped + lastId - database.lastId,
    });
  const near = database.lastId + MANAGER_JUMP - jumped;
  const hellos = [
    {
      what: `another agent's hello has the last id ${near}`,
      state: follow(near),
    },
    {
      what: `another agent's hello has the last id ${WILD_ID}`,
      state: rules.has("ids-follow-at-most") ? stray : follow(WILD_ID),
    },
  ];
  if (current === 0) return hellos;
  const commands = database.commands
    .filter(({ state }) => state === "succeeded")
    .map(({ id, nonce }) => ({ id, nonce, again: " again" }));
  return [
    ...hellos,
    ...[...commands, { id: WILD_ID, nonce: -1, again: "" }].map((
      { id, nonce, again },
    ) => ({
      what:
        `a Manager that went wrong writes Command ${id}${again} to C${current}`,
      state: sendDown(stray, current, { kind: "command", id, nonce }),
    })),
  ];
}

function spent(state: State, fault: keyof Faults): State {
  const { faults } = state;
  return { ...state, faults: { ...faults, [fault]: faults[fault] - 1 } };
}
