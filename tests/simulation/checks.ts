import { Limits } from "../../lib/base/limits.ts";
import { checkKept } from "./kept_rules.ts";
import type { CommandRecord, StreamName } from "../../lib/store/records.ts";
import type { SimulatedAgent } from "./simulated_agent.ts";
import type { SimulatedManager } from "./simulated_manager.ts";
import { hex } from "./truth.ts";
import type { World } from "./world.ts";

/** Conditions that do not hold although they must once all faults have ended; empty if all is well. */
export function convergence(
  agents: readonly SimulatedAgent[],
  { core }: SimulatedManager,
): string {
  if (core === undefined) return "the Manager does not run";
  for (const agent of agents) {
    if (agent.isGone) continue;
    const { name, journal, host } = agent;
    if (journal === undefined) return `${name} does not run`;
    if (core.fleet.session(name) === undefined) {
      return `${name} is not connected`;
    }
    const [open] = core.commands.of(name);
    if (open !== undefined) {
      return `command ${open.id} on ${name} is ${open.state}`;
    }
    const [entry] = journal.entries();
    if (entry !== undefined) {
      return `${name} still holds command ${entry.id}, ${entry.state}`;
    }
    if (host.children > 0) {
      return `${host.children} processes live on the host of ${name}`;
    }
  }
  return "";
}

/** Checks the rules that must hold for every command in the end. Returns the count of commands by their end. */
export async function finalRules(
  world: World,
  agents: readonly SimulatedAgent[],
  manager: SimulatedManager,
): Promise<Record<string, number>> {
  const ends: Record<string, number> = {};
  const byName = new Map(
    agents.filter(({ isClone }) => !isClone).map((
      agent,
    ) => [agent.name, agent]),
  );
  for (const record of await manager.store.commands({ limit: 1_000_000 })) {
    ends[record.state] = (ends[record.state] ?? 0) + 1;
    const agent = byName.get(record.agent);
    if (agent === undefined || agent.isGone) continue;
    world.trace.add(
      `${record.id} ${
        hex(record.nonce)
      } ${record.state} ${record.reason} ${record.stdoutHeld}+${record.stderrHeld}`,
    );
    checkEnd(world, record, agent);
    for (const stream of ["stdout", "stderr"] as const) {
      await checkOutput(world, { record, stream, agent, manager });
    }
  }
  return ends;
}

function checkEnd(
  { truth, managerDiskLost }: World,
  record: CommandRecord,
  agent: SimulatedAgent,
): void {
  const fate = truth.fate(record.nonce);
  const told = () =>
    `command ${record.id} (${
      hex(record.nonce)
    }) on ${record.agent} is ${record.state} ("${record.reason}")`;
  if (["succeeded", "failed", "timed_out"].includes(record.state)) {
    truth.must(
      fate.effects > 0 || record.exitCode === null,
      () => `${told()}, and never took effect`,
    );
  }
  if (managerDiskLost || agent.diskLost) return;
  truth.must(
    fate.effects === 0 || !record.presumed ||
      agent.wasLeftBehind(record.nonce),
    () => `${told()} in the end, and it took effect: its result is lost`,
  );
  truth.must(
    record.state !== "lost" || record.presumed ||
      fate.startNumber < agent.startNumber,
    () => `${told()}, and its agent never died`,
  );
  truth.must(
    record.state !== "lost" || record.presumed || !fate.survives ||
      agent.hasLeftHosts,
    () => `${told()}, and it outlives its agent`,
  );
}

async function checkOutput(
  world: World,
  { record, stream, agent, manager }: {
    record: CommandRecord;
    stream: StreamName;
    agent: SimulatedAgent;
    manager: SimulatedManager;
  },
): Promise<void> {
  const { truth, managerDiskLost, journalLimits } = world;
  const place = `the ${stream} of command ${record.id} (${hex(record.nonce)})`;
  const pieces = await manager.store.readOutput(record.id, {
    stream,
    offset: 0n,
    limit: 1e9,
  });
  let end = 0n;
  let cut = 0n;
  for (const piece of pieces) {
    const start = piece.offset - piece.cut;
    truth.must(
      // The middle of a long stream is not stored, and the record says so.
      start === end || (record.truncated && start > end),
      () =>
        `${place} goes on at ${piece.offset} after a cut of ${piece.cut}, and ${end} bytes were before`,
    );
    truth.checkBytes(record.nonce, { stream, ...piece, where: place });
    end = piece.offset + BigInt(piece.bytes.length);
    cut += piece.cut;
  }
  const known = manager.records.find(record.id);
  checkKept(world, { record, stream, pieces, known, place });
  const fate = truth.fate(record.nonce);
  const printed = fate.printed[stream];
  const held = record[`${stream}Held`];
  truth.must(
    record.truncated || end === held,
    () => `${place} is held to ${held}, and recorded to ${end}`,
  );
  const mayBeCut = managerDiskLost || agent.diskLost ||
    agent.mayHaveCut(record.nonce) ||
    printed > (journalLimits.window ?? Limits.window) || record.presumed ||
    record.state === "lost";
  truth.must(
    mayBeCut || cut === 0n,
    () => `${place} has a cut of ${cut}, and nothing was lost`,
  );
  truth.must(
    mayBeCut || held === BigInt(printed),
    () => `${place} is held to ${held}, and ${printed} bytes were printed`,
  );
}
