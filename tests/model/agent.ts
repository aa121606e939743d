import { AGENT_JUMP, type Model } from "./bounds.ts";
import {
  connectionOf,
  note,
  sendUp,
  withAgent,
  withConnection,
} from "./changes.ts";
import type { Rules } from "./rules.ts";
import {
  type Agent,
  AGENT_NAMES,
  type Downward,
  type Entry,
  isUnbegun,
  isUnfinished,
  type ResultStatus,
  type State,
  type Step,
} from "./state.ts";

/** Next steps of an agent. Models lib/agent. */
export function agentSteps(state: State, model: Model): Step[] {
  return state.agents.flatMap((agent, index) =>
    agent.isUp
      ? [
        ...dials(state, index, model),
        ...reads(state, index, model),
        ...seesTheEnd(state, index, model),
        ...goesOn(state, index, model),
      ]
      : []
  );
}

/** Models lib/agent/link/link.ts: `serveOnce`. */
function dials(state: State, index: number, { rules, bounds }: Model): Step[] {
  const { agent, name } = at(state, index);
  if (agent.link > 0 || state.dials === bounds.dials) return [];
  const isSettled = agent.accepting.length === 0;
  if (rules.has("settle-first") && !isSettled) return [];
  const number = state.dials + 1;
  const session = agent.session + 1;
  const { journal, lastId, instance } = agent;
  const dialled: State = {
    ...withAgent(state, index, { link: number, isReady: false, session }),
    dials: number,
    connections: [...state.connections, {
      number,
      agent: index,
      up: [{
        kind: "hello",
        listed: journal.map(asListed),
        lastId,
        session,
        instance,
      }],
      down: [],
      isOpen: true,
      manager: "greeting",
      unknownIds: [],
    }],
  };
  const list = journal.map(({ id, nonce, stage }) =>
    `${id} of request ${nonce} ${stage}`
  ).join(", ");
  return [{
    what:
      `${name} dials C${number}: session ${session} of instance ${instance}, last id ${lastId}, lists ${
        list || "nothing"
      }`,
    state: dialled,
  }];
}

/** Reads the first message that waits for the agent. Messages are handled one at a time. */
function reads(state: State, index: number, { rules }: Model): Step[] {
  const { agent, name } = at(state, index);
  const [message, ...down] = connectionOf(state, agent.link)?.down ?? [];
  const isBusy = agent.accepting.some(({ link }) => link === agent.link);
  if (message === undefined || isBusy) return [];
  const read = withConnection(state, agent.link, { down });
  switch (message.kind) {
    case "welcome":
      return [{
        what:
          `${name} reads ServerHello on C${agent.link} and sends its results`,
        state: welcomed(withAgent(read, index, { isReady: true }), index, {
          message,
          rules,
        }),
      }];
    case "cancel":
      return [{
        what: `${name} reads CommandCancel ${message.id}`,
        state: cancelUnbegun(read, index, [message.id]),
      }];
    case "command":
      return readsCommand(read, index, { message, rules });
    case "ack":
      return [{
        what: `${name} reads CommandAck ${message.id}`,
        state: forget(read, index, message.id),
      }];
    case "bye":
      return [{
        what: `${name} reads Bye(${message.code}) on C${agent.link}`,
        state: readBye(read, index, { message, rules }),
      }];
  }
}

/** An entry as a hello lists it: on the wire, a held command is an accepted one. */
function asListed(entry: Entry): Entry {
  return entry.stage === "held" ? { ...entry, stage: "accepted" } : entry;
}

/** Models lib/agent/runner/waiting.ts: held commands begin now, or never. */
function welcomed(
  state: State,
  index: number,
  { message: { cancelled, ended }, rules }: {
    message: Downward & { kind: "welcome" };
    rules: Rules;
  },
): State {
  const known = ended.reduce(bar, state);
  const obeyed = rules.has("hello-cancels")
    ? cancelUnbegun(known, index, cancelled)
    : known;
  const { agent: { journal } } = at(obeyed, index);
  const released = withAgent(obeyed, index, {
    journal: journal.map((entry) =>
      entry.stage === "held" ? { ...entry, stage: "accepted" } : entry
    ),
  });
  return sendResults(released, index);
}

/** Ends commands that have not begun. Does nothing for others: the end of a program is left out. */
function cancelUnbegun(
  state: State,
  index: number,
  ids: readonly number[],
): State {
  const { agent } = at(state, index);
  return agent.journal
    .filter((entry) => ids.includes(entry.id) && isUnbegun(entry))
    .reduce((all, entry) => {
      const cancelled = { ...entry, stage: "cancelled" as const };
      const ended = withEntry(all, index, cancelled);
      return agent.isReady ? sendResult(ended, agent.link, cancelled) : ended;
    }, state);
}

/** Notes that the agent can know that the operator has ended a request. */
export function bar(state: State, nonce: number): State {
  return state.truth.stopped[nonce] === 1
    ? note(state, "barred", nonce)
    : state;
}

/** Models lib/agent/runner: `accept` and acceptance.ts. */
function readsCommand(
  state: State,
  index: number,
  { message: { id, nonce }, rules }: {
    message: Downward & { kind: "command" };
    rules: Rules;
  },
): Step[] {
  const { agent, name } = at(state, index);
  const what = `${name} reads Command ${id} of request ${nonce}`;
  const isKnown = agent.journal.some((entry) =>
    entry.id === id && (entry.nonce === nonce || !rules.has("nonce"))
  );
  if (isKnown) return [{ what: `${what}: it has it already`, state }];
  const refuse = (status: ResultStatus) =>
    sendUp(state, agent.link, { kind: "result", id, nonce, status });
  if (rules.has("ids-ascend") && id <= agent.lastId) {
    return [{
      what: `${what}: refused, not above ${agent.lastId}`,
      state: refuse("refused"),
    }];
  }
  if (rules.has("ids-ascend-at-most") && id - agent.lastId > AGENT_JUMP) {
    return [{
      what: `${what}: refused, too far above ${agent.lastId}`,
      state: refuse("too far"),
    }];
  }
  const { link } = agent;
  const accepting = [...agent.accepting, { id, nonce, link }];
  const steps = [{
    what: `${what} and begins to journal it`,
    state: withAgent(state, index, { accepting }),
  }];
  if (!rules.has("journal-first") && state.faults.agentCrashes > 0) {
    steps.push({
      what:
        `${what}, EFFECT of request ${nonce}, and is killed before it journals it`,
      state: killed(note(state, "effects", nonce), index, rules),
    });
  }
  return steps;
}

/** Models lib/agent/link/session.ts: `acknowledge`. A command without a result is not forgotten. */
function forget(state: State, index: number, id: number): State {
  const { agent: { journal } } = at(state, index);
  const entry = journal.findLast((each) => each.id === id);
  if (entry === undefined || isUnfinished(entry)) return state;
  const forgot = withAgent(state, index, {
    journal: journal.filter((each) => each !== entry),
  });
  const isRecorded = state.manager.database.commands
    .some(({ nonce, state }) => nonce === entry.nonce && state === "succeeded");
  return entry.stage === "finished" && !isRecorded
    ? note(forgot, "forgotten", entry.nonce)
    : forgot;
}

function readBye(
  state: State,
  index: number,
  { message, rules }: { message: Downward & { kind: "bye" }; rules: Rules },
): State {
  const closed = closeLink(state, index, rules);
  if (message.code !== "stale") return closed;
  const told = withAgent(closed, index, { wasStale: true });
  return rules.has("stale-new-instance") ? anotherInstance(told, index) : told;
}

/** Gives an agent a new instance, different from all earlier ones. */
export function anotherInstance(state: State, index: number): State {
  const instances = state.instances + 1;
  return { ...withAgent(state, index, { instance: instances }), instances };
}

function seesTheEnd(state: State, index: number, { rules }: Model): Step[] {
  const { agent, name } = at(state, index);
  const connection = connectionOf(state, agent.link);
  if (connection?.manager !== "closed" || connection.down.length > 0) return [];
  return [{
    what: `${name} sees the end of C${agent.link}`,
    state: closeLink(state, index, rules),
  }];
}

/** Models lib/agent/runner: a command is journaled, marked as running, begun, and finished. */
function goesOn(state: State, index: number, { rules }: Model): Step[] {
  const { agent, name } = at(state, index);
  const journaled = agent.accepting.map((command): Step => {
    const { id, nonce, link } = command;
    const isHeld = link !== agent.link && rules.has("hold");
    const stage = isHeld ? "held" : "accepted";
    return {
      what: `${name} has journaled command ${id}`,
      state: withAgent(state, index, {
        accepting: agent.accepting.filter((each) => each !== command),
        journal: [...agent.journal, { id, nonce, stage }],
        lastId: Math.max(agent.lastId, id),
      }),
    };
  });
  const moving = agent.journal
    .filter((entry) => isUnfinished(entry) && entry.stage !== "held");
  const advanced = moving.map((entry): Step => {
    const { id, nonce, stage } = entry;
    if (stage === "accepted") {
      const begun = withEntry(state, index, { ...entry, stage: "running" });
      return {
        what: `${name} begins command ${id}: EFFECT of request ${nonce}`,
        state: note(
          state.truth.barred[nonce] === 1
            ? note(begun, "begunBarred", nonce)
            : begun,
          "effects",
          nonce,
        ),
      };
    }
    const finished = { ...entry, stage: "finished" as const };
    const ended = withEntry(state, index, finished);
    return {
      what: `${name} finishes command ${id}`,
      state: agent.isReady ? sendResult(ended, agent.link, finished) : ended,
    };
  });
  return [...journaled, ...advanced];
}

/**
 * Closes the agent's side of its connection. Messages that it wrote are still on their way. Commands that have not begun
 * wait for the next ServerHello.
 */
export function closeLink(state: State, index: number, rules: Rules): State {
  const { agent: { link, journal } } = at(state, index);
  const ended = sendUp(state, link, { kind: "end" });
  return withAgent(
    withConnection(ended, link, { isOpen: false, down: [] }),
    index,
    {
      link: 0,
      isReady: false,
      journal: rules.has("hold")
        ? journal.map((entry) =>
          entry.stage === "accepted" ? { ...entry, stage: "held" } : entry
        )
        : journal,
    },
  );
}

/** Ends the agent's process. Its journal stays. */
export function killed(state: State, index: number, rules: Rules): State {
  const { agent } = at(state, index);
  const left = agent.link > 0 ? closeLink(state, index, rules) : state;
  const { faults } = left;
  return {
    ...withAgent(left, index, { isUp: false, accepting: [] }),
    faults: { ...faults, agentCrashes: faults.agentCrashes - 1 },
  };
}

/** Models lib/agent/runner/settle_past.ts: the results that an agent's successor writes before it dials. */
export function settled(journal: readonly Entry[]): Entry[] {
  return journal.map((entry) => ({
    ...entry,
    stage: isUnbegun(entry)
      ? "refused"
      : entry.stage === "running"
      ? "lost"
      : entry.stage,
  }));
}

function sendResults(state: State, index: number): State {
  const { agent } = at(state, index);
  return agent.journal.reduce(
    (sent, entry) => sendResult(sent, agent.link, entry),
    state,
  );
}

function sendResult(
  state: State,
  link: number,
  { id, nonce, stage }: Entry,
): State {
  if (stage === "accepted" || stage === "held" || stage === "running") {
    return state;
  }
  return sendUp(state, link, { kind: "result", id, nonce, status: stage });
}

function withEntry(state: State, index: number, changed: Entry): State {
  const { agent: { journal } } = at(state, index);
  return withAgent(state, index, {
    journal: journal.map((entry) =>
      entry.id === changed.id && entry.nonce === changed.nonce ? changed : entry
    ),
  });
}

function at(state: State, index: number): { agent: Agent; name: string } {
  const agent = state.agents[index];
  if (agent === undefined) throw new TypeError(`there is no agent ${index}`);
  return { agent, name: AGENT_NAMES[index] ?? "" };
}
