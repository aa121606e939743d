import { CommandState_State } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager } from "../support/memory_manager.ts";
import type { Init, ScriptedPeer } from "../support/scripted_peer.ts";

/** A core with one agent that is connected. */
export async function connected(): Promise<
  { core: MemoryManager; agent: ScriptedPeer } & AsyncDisposable
> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  return {
    core,
    agent,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** What the agent's hello says of a command. */
export async function listed(
  core: MemoryManager,
  id: bigint,
  entry: NonNullable<Init<"clientHello">["commands"]>[number] = {},
): Promise<NonNullable<Init<"clientHello">["commands"]>[number]> {
  const { nonce } = await core.commands.get(id);
  return { commandId: id, nonce, state: CommandState_State.RUNNING, ...entry };
}
