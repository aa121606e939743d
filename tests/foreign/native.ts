import { compiled } from "../support/executables.ts";
import type { SmokeExecutable } from "./smoke_site.ts";

/** Way to start executables that this machine runs itself. */
export async function native(): Promise<
  Record<"manager" | "agent", SmokeExecutable>
> {
  const executables = await compiled();
  if ("unavailable" in executables) {
    throw new TypeError(executables.unavailable);
  }
  const { manager, agent } = executables;
  return { manager: { argv: manager }, agent: { argv: agent } };
}
