import * as v from "valibot";
import { isAbsolute } from "@std/path";
import { PiriError } from "../base/errors.ts";
import type { Attributes } from "./target_file.ts";
import { findGroup, findUser } from "./user.ts";

/**
 * An absolute path on the agent's host. The Manager checks parameters too, and may run on another system: so a path is
 * accepted here if it is absolute on any, and `requireHostPath` decides on the agent.
 */
export const hostPath = v.pipe(
  v.string(),
  v.regex(
    /^(?:[A-Za-z]:)?[\\/]/,
    "Expected an absolute path, as /etc/app.conf or C:\\app\\app.conf",
  ),
  v.description("Where to put it: an absolute path of a file"),
);

/** Name of a file of the Manager. */
export const sourceName = v.pipe(
  v.string(),
  v.description("The file's name below files/all in the Manager's state"),
);

/** Yes or no. Text is accepted, because `run --op NAME key=value` passes text. */
export function flag(
  description: string,
): v.GenericSchema<boolean | "true" | "false", boolean> {
  return v.pipe(
    v.union([v.boolean(), v.picklist(["true", "false"])]),
    v.transform((value) => value === true || value === "true"),
    v.description(description),
  );
}

/**
 * Refuses a path that is not absolute on this host, or that can only be a folder.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireHostPath(path: string): void {
  const reason = !isAbsolute(path)
    ? `on this host (${Deno.build.os}) that is not an absolute path`
    : isAbsolute(path.slice(-1))
    ? "it ends as a folder does; name the file itself"
    : undefined;
  if (reason === undefined) return;
  throw new PiriError("INVALID_ARGUMENT", `Cannot write "${path}": ${reason}`);
}

/**
 * Attributes of a file, from parameters. Users and groups are names or numbers.
 *
 * @throws {PiriError} NOT_FOUND for an unknown user or group; UNSUPPORTED on Windows
 */
export async function attributesOf(
  { mode, user, group }: {
    readonly mode?: number | undefined;
    readonly user?: string | number | undefined;
    readonly group?: string | number | undefined;
  },
): Promise<Attributes> {
  const owner = [
    ...(user === undefined ? [] : [`user "${user}"`]),
    ...(group === undefined ? [] : [`group "${group}"`]),
  ].join(" and ");
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(user === undefined ? {} : { uid: (await findUser(String(user))).uid }),
    ...(group === undefined ? {} : { gid: await findGroup(String(group)) }),
    ...(owner === "" ? {} : { owner }),
  };
}
