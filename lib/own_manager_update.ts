import { systemClock, within } from "./base/clock.ts";
import { PiriError } from "./base/errors.ts";
import { ManagerTrial } from "./manager/update/manager_trial.ts";
import { statePaths } from "./manager/state/state_paths.ts";
import { runBriefly } from "./own_update.ts";
import { HostFiles } from "./service/host_files.ts";
import type { SlotChange } from "./service/slots.ts";
import { NEWEST_SCHEMA, schemaVersion } from "./store/schema_version.ts";
import { putBackCopy } from "./store/put_back.ts";
import { beginTrial } from "./update/begin_trial.ts";
import { guardLink, guardStart } from "./update/guard.ts";
import { installedAt, rootOfGuard } from "./update/slot_links.ts";
import type { UpdateNote } from "./update/update_note.ts";

/** Longest wait for an answer of the Manager to itself, in milliseconds. */
const ANSWER_MS = 10_000;

/** Trial of the Manager of this process; undefined for one that runs from source. */
export async function ownManagerTrial(
  options: {
    readonly dir: string;
    readonly restart: (cause: string) => void;
  },
): Promise<ManagerTrial | undefined> {
  if (!Deno.build.standalone) return undefined;
  const executable = await Deno.realPath(Deno.execPath());
  return await ManagerTrial.find({
    ...options,
    files: new HostFiles(),
    clock: systemClock,
    installed: installedAt(executable),
    schema: NEWEST_SCHEMA,
  });
}

/**
 * Asks the Manager of a state folder as any client does.
 *
 * @throws {PiriError} TIMED_OUT, or as a client does
 */
export async function askManager(dir: string): Promise<{ connected: number }> {
  const { connectControl } = await import("./api/client.ts");
  const ask = async () => {
    using control = await connectControl(dir);
    const { agentsConnected } = await control.status.getStatus({});
    return { connected: agentsConnected };
  };
  return await within(
    systemClock,
    ANSWER_MS,
    ask(),
    `Cannot ask the Manager: it has not answered for ${ANSWER_MS / 1_000} s`,
  );
}

/**
 * Looks before a start of the Manager whether it has to go back. This process is the guard, or there is nothing to do.
 *
 * The service runs it twice. The first process belongs to the user of the Manager, and has its restrictions: it decides,
 * and puts the database back. The second one is root's, for only root may change which version is started. It does no
 * more than that, for the state folder is that of another user.
 */
export async function guardManagerStart(
  dir: string,
  { part }: { readonly part: "state" | "link" | "all" },
): Promise<string> {
  const root = rootOfGuard(Deno.execPath());
  if (root === undefined) return "";
  const options = {
    files: new HostFiles(),
    dir,
    root,
    now: systemClock.now(),
    name: "piri-manager",
  } as const;
  if (part === "link") return await guardLink(options);
  return await guardStart({
    ...options,
    restore: (note) => restoreDatabase(dir, note),
    links: part === "all",
  });
}

/** Puts the database back that the version before can open, if nothing was accepted since. */
async function restoreDatabase(
  dir: string,
  { schema, served, to }: UpdateNote,
): Promise<void> {
  const { database } = statePaths(dir);
  if (schema === undefined) return;
  if ((await schemaVersion(database) ?? 0) <= schema) return;
  if (served === true) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot put the database back: version ${to} has served with it, and what it accepted would be lost`,
    );
  }
  await putBackCopy(database, { schema, by: to });
}

/** Makes a switch of the Manager to another version a trial. Resolves and rejects as `beginTrial`. */
export async function beginManagerTrial(
  change: SlotChange,
): Promise<readonly string[]> {
  return await beginTrial(change, {
    files: new HostFiles(),
    now: () => systemClock.now(),
    run: runBriefly,
    schema: (dir) => schemaVersion(statePaths(dir).database),
  });
}

/**
 * Refuses a state folder whose database this version cannot open.
 *
 * @throws {PiriError} FAILED_PRECONDITION
 */
export async function requireKnownSchema(dir: string): Promise<void> {
  const { database } = statePaths(dir);
  const schema = await schemaVersion(database) ?? 0;
  if (schema <= NEWEST_SCHEMA) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot install the service: a newer Manager has used "${database}" (its schema is version ${schema}, this Manager knows versions up to ${NEWEST_SCHEMA}); to go back to this version, first put the copy from before in its place`,
  );
}
