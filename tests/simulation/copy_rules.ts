import { formatAddress } from "../../lib/base/address.ts";
import { hex } from "./truth.ts";
import type { SimulatedAgent } from "./simulated_agent.ts";
import type { SimulatedManager } from "./simulated_manager.ts";
import type { World } from "./world.ts";

/**
 * Checks that no command is lost for good while it goes on at the agent whose hello was the newest.
 *
 * Called after every step, because a copy of the agent reports the commands in its journal as lost.
 */
export function checkCopied(
  { truth, network }: World,
  agent: SimulatedAgent,
  { core, records }: SimulatedManager,
): void {
  const { name, journal, life, session } = agent;
  if (journal === undefined || session === undefined) return;
  const newest = core?.fleet.session(name)?.address;
  const isNewest = [...network.wires].some((wire) =>
    wire.agentLife === life && formatAddress(wire.peer) === newest
  );
  if (!isNewest) return;
  for (const { id, nonce, state } of journal.entries()) {
    const known = records.find(id);
    if (state === "finished" || known?.nonce !== nonce) continue;
    truth.must(
      known.state !== "lost" || known.presumed,
      () =>
        `command ${id} (${
          hex(nonce)
        }) goes on at ${name}, and is ${known.state} for good`,
    );
  }
}
