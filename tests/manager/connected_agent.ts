import { CommandState_State } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, OLD_HELLO } from "../support/memory_manager.ts";
import type { Init, ScriptedPeer } from "../support/scripted_peer.ts";

/** A core with one agent. */
interface Connected extends AsyncDisposable {
  readonly core: MemoryManager;
  readonly agent: ScriptedPeer;
}

/** Starts a core with a connected agent. */
export async function connected(): Promise<Connected> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  return {
    core,
    agent,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** Starts a core with a connected agent that has a command. */
export async function commanded(): Promise<
  Connected & { readonly id: bigint }
> {
  const parts = await connected();
  const { id } = await parts.core.run("web-1");
  await parts.agent.hears("command");
  return { ...parts, id };
}

/** Starts a core with a legacy agent and a command that waits for the agent's first pong. */
export async function queued(): Promise<Connected & { readonly id: bigint }> {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { id } = await core.run("web-1");
  return {
    core,
    agent,
    id,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** Entry for a command in the agent's hello. */
export async function listed(
  core: MemoryManager,
  id: bigint,
  entry: NonNullable<Init<"clientHello">["commands"]>[number] = {},
): Promise<NonNullable<Init<"clientHello">["commands"]>[number]> {
  const { nonce } = await core.commands.get(id);
  return { commandId: id, nonce, state: CommandState_State.RUNNING, ...entry };
}
