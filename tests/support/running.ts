import { MemoryManager } from "./memory_manager.ts";
import type { ScriptedPeer } from "./scripted_peer.ts";

/** Manager with its agent "web-1" and a command that runs there. */
export interface Running extends AsyncDisposable {
  readonly core: MemoryManager;
  readonly agent: ScriptedPeer;
  readonly id: bigint;
  readonly nonce: bigint;
}

/** Starts a Manager with a command that runs on "web-1". */
export async function running(): Promise<Running> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id, nonce } = await core.run("web-1");
  await agent.hears("command");
  await agent.says("progress", { commandId: id, total: 1 });
  await core.clock.settle();
  return {
    core,
    agent,
    id,
    nonce,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}
