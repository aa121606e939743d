import { MANAGER_JUMP, type Model } from "./bounds.ts";
import {
  ended,
  note,
  sendDown,
  withCommand,
  withConnection,
  withDatabase,
  withManager,
} from "./changes.ts";
import { decideFound } from "./entries.ts";
import type { Rules } from "./rules.ts";
import {
  type ByeCode,
  type Command,
  type Connection,
  type Entry,
  isOpenState,
  isPresumed,
  isUnfinished,
  type State,
  type Step,
  type Upward,
} from "./state.ts";

type Hello = Upward & { readonly kind: "hello" };

/** A hello, with the connection that brought it and the model that decides on it. */
interface Greeting {
  readonly connection: Connection;
  readonly hello: Hello;
  readonly model: Model;
}

/** Models lib/manager/admission/admission.ts. Recording a hello and answering it is one step here. */
export function admits(state: State, greeting: Greeting): Step {
  const { connection: { number }, hello, model: { rules } } = greeting;
  const { session, instance, lastId } = hello;
  const { database } = state.manager;
  const what = `the Manager reads the hello of C${number}`;
  const isStale = instance === database.instance && session <= database.session;
  if (rules.has("session-grows") && isStale) {
    return {
      what: `${what}: session ${session} is not above ${database.session}`,
      state: turnedAway(state, number, "stale"),
    };
  }
  const jump = Math.max(lastId - database.lastId, 0);
  const isFar = state.manager.jumped + jump > MANAGER_JUMP;
  if (rules.has("ids-follow-at-most") && isFar) {
    return {
      what:
        `${what}: its last id ${lastId} is too far above ${database.lastId}`,
      state: turnedAway(state, number, "protocol error"),
    };
  }
  const decided = decideFound(state, hello, rules);
  const { state: reconciled, said } = reconcile(decided.state, greeting);
  const admitted = dispatched(
    current(reconciled, { number, hello, jump, rules }),
    { number, instance },
  );
  return { what: `${what}: admitted${said}${decided.said}`, state: admitted };
}

/** Refuses a connection with a Bye. Later messages on it are not read. */
function turnedAway(state: State, number: number, code: ByeCode): State {
  const told = sendDown(state, number, { kind: "bye", code });
  return withConnection(told, number, { manager: "closed", up: [] });
}

/** Makes a connection the agent's current one, and tells the former one so. */
function current(
  state: State,
  { number, hello, jump, rules }: {
    number: number;
    hello: Hello;
    jump: number;
    rules: Rules;
  },
): State {
  const { database, current: former, jumped } = state.manager;
  const replaced = former === 0 ? state : withConnection(
    sendDown(state, former, { kind: "bye", code: "replaced" }),
    former,
    { manager: "leaving" },
  );
  const follows = rules.has("ids-follow") ? jump : 0;
  const recorded = withDatabase(replaced, {
    lastId: database.lastId + follows,
    lastSent: rules.has("hello-counts-as-sent")
      ? Math.max(database.lastSent, hello.lastId)
      : database.lastSent,
    instance: hello.instance,
    session: hello.session,
  });
  const known = { ...recorded, isSetBack: false };
  const welcomed = withConnection(known, number, { manager: "ready" });
  const admitted = withManager(welcomed, {
    current: number,
    jumped: jumped + follows,
  });
  const { commands } = admitted.manager.database;
  const unwanted = hello.listed.filter(({ id, nonce, stage }) =>
    commands.some((each) =>
      each.id === id && each.nonce === nonce && each.isUnwanted
    ) && stage === "accepted"
  ).map(({ id }) => id);
  const told = sendDown(admitted, number, {
    kind: "welcome",
    cancelled: unwanted,
    ended: hello.listed.map(({ nonce }) => nonce)
      .filter((nonce) => admitted.truth.stopped[nonce] === 1),
  });
  return unwanted.reduce(
    (all, id) => sendDown(all, number, { kind: "cancel", id }),
    told,
  );
}

/** Models lib/manager/command/connection_effects.ts: `ready`. */
function dispatched(
  state: State,
  { number, instance }: { number: number; instance: number },
): State {
  const queued = state.manager.database.commands
    .filter(({ state }) => state === "queued");
  return queued.reduce((all, { id }) => {
    const sent = withDatabase(
      withCommand(all, id, { state: "sent", instance }),
      { lastSent: Math.max(all.manager.database.lastSent, id) },
    );
    return withManager(sent, {
      writes: [...sent.manager.writes, { id, link: number, isNew: false }],
    });
  }, state);
}

/** Models lib/manager/command/reconcile.ts. */
function reconcile(
  state: State,
  greeting: Greeting,
): { state: State; said: string } {
  const { connection, hello, model: { rules } } = greeting;
  const { commands } = state.manager.database;
  const hidden = new Set(
    state.manager.writes.filter(({ isNew }) => isNew).map(({ id }) => id),
  );
  let reconciled = state;
  let said = "";
  const resumed: Entry[] = [];
  for (const command of commands.filter(({ id }) => !hidden.has(id))) {
    const entry = hello.listed.find(({ id }) => id === command.id);
    const isListed = entry !== undefined && isSame(command, entry, rules);
    if (isOpenState(command.state)) {
      if (isListed) {
        resumed.push(entry);
        reconciled = goesOn(reconciled, command, { entry, hello });
      } else {
        const end = verdict(state, command, {
          isIdTaken: entry !== undefined,
          hello,
          rules,
        });
        if (end === undefined) continue;
        said += `, command ${command.id} ${end}`;
        reconciled = ended(reconciled, command, { state: end });
      }
    } else if (isListed && opensAgain(command, entry, { hello, rules })) {
      said += `, command ${command.id} is not "${command.state}" after all`;
      resumed.push(entry);
      reconciled = goesOn(reconciled, command, { entry, hello });
    } else if (isListed) {
      reconciled = excuse(reconciled, command, { entry, greeting });
    }
  }
  const unknownIds = hello.listed
    .filter((entry) =>
      !commands.some((each) =>
        each.id === entry.id && isSame(each, entry, rules)
      )
    )
    .map(({ id }) => id);
  return {
    said,
    state: withManager(
      withConnection(reconciled, connection.number, { unknownIds }),
      {
        found: [],
        newest: connection.number,
        listed: resumed.map(({ id }) => id),
      },
    ),
  };
}

function isSame(command: Command, entry: Entry, rules: Rules): boolean {
  return command.nonce === entry.nonce || !rules.has("nonce");
}

/** Continues a command that the agent has. */
function goesOn(
  state: State,
  command: Command,
  { entry, hello }: { entry: Entry; hello: Hello },
): State {
  if (command.state === "running") return state;
  return withCommand(state, command.id, {
    state: entry.stage === "accepted" ? "sent" : "running",
    instance: command.instance === 0 ? hello.instance : command.instance,
    told: -1,
  });
}

/** End of a command that the agent does not have, or undefined if it can still be sent. */
function verdict(
  { manager: { found } }: State,
  { id, state, instance }: Command,
  { isIdTaken, hello, rules }: {
    isIdTaken: boolean;
    hello: Hello;
    rules: Rules;
  },
): "never arrived" | "may have run" | undefined {
  if (state === "queued") {
    const isFound = rules.has("found-is-not-sent") && found.includes(id);
    const isOld = isFound || isIdTaken || id <= hello.lastId;
    return isOld ? "may have run" : undefined;
  }
  const arrivedNever = !isIdTaken && state === "sent" &&
    (instance === hello.instance || !rules.has("instance-counts")) &&
    (id > hello.lastId || !rules.has("last-id-counts"));
  return arrivedNever ? "never arrived" : "may have run";
}

/** True if a command that has ended goes on because a hello lists it. */
function opensAgain(
  command: Command,
  entry: Entry,
  { hello, rules }: { hello: Hello; rules: Rules },
): boolean {
  if (isPresumed(command.state)) return rules.has("presumptions-give-way");
  return rules.has("lost-gives-way") && command.state === "lost" &&
    (isUnfinished(entry) || command.instance !== hello.instance);
}

/**
 * Notes a limit: an original that finished, and came back as the same instance, is taken for the copy that said LOST.
 */
function excuse(
  state: State,
  command: Command,
  { entry, greeting }: { entry: Entry; greeting: Greeting },
): State {
  const { connection, hello } = greeting;
  const isTakenForCopy = state.agents.length > 1 && command.state === "lost" &&
    entry.stage === "finished" && command.instance === hello.instance &&
    state.agents[connection.agent]?.wasStale === false;
  return isTakenForCopy ? note(state, "excused", command.nonce) : state;
}
