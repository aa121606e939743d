import type { Model } from "./bounds.ts";
import {
  ended,
  note,
  sendDown,
  withCommand,
  withDatabase,
  withManager,
} from "./changes.ts";
import { crashed } from "./manager.ts";
import type { Command, State, Step } from "./state.ts";

/** Next requests and cancels of the operator. */
export function operatorSteps(state: State, model: Model): Step[] {
  if (!state.manager.isUp) return [];
  return [
    ...runs(state, model),
    ...cancels(state, model),
    ...stops(state, model),
  ];
}

/** Models lib/manager/command/command_starter.ts. */
function runs(state: State, { bounds, rules }: Model): Step[] {
  const { database, current, writes } = state.manager;
  const nonce = state.requests;
  if (nonce === bounds.requests || bounds.entries.includes(nonce)) return [];
  const id = database.lastId + 1;
  const command: Command = {
    id,
    nonce,
    state: current === 0 ? "queued" : "sent",
    instance: current === 0 ? 0 : database.instance,
    told: -1,
    isUnwanted: false,
  };
  const asked = { ...state, requests: nonce + 1 };
  const recorded = withDatabase(asked, {
    commands: [...database.commands, command],
    lastId: id,
    lastSent: current === 0 ? database.lastSent : id,
  });
  const what = `the operator makes request ${nonce}, command ${id}`;
  const steps = [{
    what: `${what}: ${command.state}`,
    state: current === 0 ? recorded : withManager(recorded, {
      writes: [...writes, { id, link: current, isNew: true }],
    }),
  }];
  const mayCrash = current > 0 && state.faults.managerCrashes > 0;
  if (!rules.has("sent-first") && mayCrash) {
    steps.push({
      what:
        `${what}: the Manager writes it to C${current}, and is killed before it records it`,
      state: crashed(
        sendDown(asked, current, { kind: "command", id, nonce }),
      ),
    });
  }
  return steps;
}

/** Models lib/manager/commands.ts: `cancel`, of unsent commands. */
function cancels(state: State, { bounds, rules }: Model): Step[] {
  const { database, found } = state.manager;
  if (state.cancels === bounds.cancels) return [];
  return database.commands
    .filter(({ id, state }) =>
      state === "queued" &&
      !(found.includes(id) && rules.has("found-cancel-waits"))
    )
    .map((command) => ({
      what: `the operator cancels command ${command.id} before it is sent`,
      state: {
        ...ended(state, command, { state: "cancelled" }),
        cancels: state.cancels + 1,
      },
    }));
}

/** Models lib/manager/commands.ts: `cancel` of a command that was sent or given up, and `giveUp`. */
function stops(state: State, { bounds }: Model): Step[] {
  const { database, current, writes } = state.manager;
  if (state.stops === bounds.stops) return [];
  return database.commands.flatMap((command): Step[] => {
    const { id, nonce } = command;
    const isOpen = command.state === "sent" || command.state === "running";
    if (!isOpen && command.state !== "given up") return [];
    const stopped: State = {
      ...note(withCommand(state, id, { isUnwanted: true }), "stopped", nonce),
      stops: state.stops + 1,
    };
    const isWritten = isOpen && current > 0 &&
      !writes.some((each) => each.id === id);
    const steps = [{
      what: `the operator cancels command ${id}, which is ${command.state}`,
      state: isWritten
        ? sendDown(stopped, current, { kind: "cancel", id })
        : stopped,
    }];
    if (isOpen) {
      steps.push({
        what: `the operator gives up command ${id}`,
        state: ended(stopped, command, { state: "given up" }),
      });
    }
    return steps;
  });
}
