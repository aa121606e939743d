import { PiriError } from "../base/errors.ts";
import { openLibc } from "./libc.ts";
import type { ProgramUser } from "./program.ts";

/** Lets a thread choose its groups (capabilities(7)). */
const CAP_SETGID = 1 << 6;

/**
 * Calls a function that forks on this thread, so that its child has the groups of a user, as initgroups(3) sets them.
 * The child has yet to change its user id, with `uid` of Deno.Command. The function must not be asynchronous.
 *
 * On Linux credentials belong to threads. Only the functions of the C library keep them equal in all threads of a
 * process, and these are not used here. The user id of the thread stays 0 throughout: otherwise processes of the user
 * could send signals to the agent.
 *
 * @throws {PiriError} NOT_STARTED if the system does not let the agent choose groups
 */
export function withGroupsOf<T>(
  { name, gid, groups }: ProgramUser,
  fork: () => T,
): T {
  const libc = openLibc();
  if (libc === undefined) {
    throw refused(name, "it cannot use the C library");
  }
  const before = {
    groups: libc.threadGroups(),
    ids: libc.threadGroupIds(),
    capabilities: libc.threadCapabilities(),
  };
  // With this capability, the standard library of Rust clears all groups in the child before it changes the user.
  const without = before.capabilities.slice();
  without[0] = (without[0] ?? 0) & ~CAP_SETGID;
  try {
    const changed = libc.setThreadGroups(groups) &&
      libc.setThreadGroupIds([gid, gid, before.ids[2]]) &&
      libc.setThreadCapabilities(without);
    if (!changed) {
      throw refused(name, "it lacks the capability SETGID in this place");
    }
    return fork();
  } finally {
    // The thread may still take the capability back, so what was changed can be restored.
    libc.setThreadCapabilities(before.capabilities);
    libc.setThreadGroupIds(before.ids);
    libc.setThreadGroups(before.groups);
  }
}

function refused(name: string, why: string): PiriError {
  return new PiriError(
    "NOT_STARTED",
    `Cannot start a program as "${name}": the agent may not set the groups of a process; ${why}`,
  );
}
