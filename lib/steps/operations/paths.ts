import { dirname } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import type {
  AllAttributes,
  HostReader,
  PathAttributes,
  PathFacts,
} from "../host/host.ts";
import { requireOwnLinks } from "../host/foreign_links.ts";
import type { ParameterShapes } from "../parameters.ts";
import type { Change, Effect, Forecast } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";

/** Parameters of owner and mode. */
export const ATTRIBUTES = {
  user: { type: "text", description: "Owner, a name or number" },
  group: { type: "text", description: "Group, a name or number" },
  mode: { type: "mode", description: "Mode in octal digits, as 0644" },
} as const satisfies ParameterShapes;

/** Values of these. */
export interface AttributeParams {
  readonly user?: string;
  readonly group?: string;
  readonly mode?: number;
}

export const PARENTS = {
  parents: {
    type: "switch",
    description: "True to make missing folders above it, with mode 0755",
    standard: "false",
  },
} as const satisfies ParameterShapes;

export const FILE_MODE = 0o644;
export const FOLDER_MODE = 0o755;

/** Bit of a folder that gives its group to what is made in it. */
const SETGID = 0o2000;

/** Finds the numbers of the attributes that a step wants. */
export async function wantedAttributes(
  { user, group, mode }: AttributeParams,
  reader: HostReader,
  forecast: Forecast,
): Promise<PathAttributes> {
  const uid = await numberOf("user", user, reader, forecast);
  const gid = await numberOf("group", group, reader, forecast);
  return {
    ...uid === undefined ? {} : { uid },
    ...gid === undefined ? {} : { gid },
    ...mode === undefined ? {} : { mode },
  };
}

async function numberOf(
  kind: "user" | "group",
  name: string | undefined,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<number | undefined> {
  if (name === undefined) return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const number = await reader.account(kind, name);
  if (number !== undefined) return number;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no ${kind} "${name}", and step "${opaque}" may make it`,
    );
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use ${kind} "${name}": this host has none; make it by an earlier step`,
  );
}

/** Attributes that something new gets: those that are wanted, else the agent's user and what its folder says. */
export function newAttributes(
  wanted: PathAttributes,
  { self }: HostReader,
  { folder, mode }: { readonly folder: PathFacts | undefined; mode: number },
): AllAttributes {
  const inherits = folder !== undefined && (folder.mode & SETGID) !== 0;
  return {
    mode: wanted.mode ?? mode,
    uid: wanted.uid ?? self.uid,
    gid: wanted.gid ?? (inherits ? folder.gid : self.gid),
  };
}

/** Attributes after a step. */
export function mergedAttributes(
  facts: PathFacts,
  { mode = facts.mode, uid = facts.uid, gid = facts.gid }: PathAttributes,
): AllAttributes {
  return { mode, uid, gid };
}

/** Changes of attributes from what is to what is wanted. */
export function attributeChanges(
  facts: PathAttributes,
  wanted: PathAttributes,
  { user, group }: AttributeParams,
): Change[] {
  const changes: Change[] = [];
  const { mode, uid, gid } = wanted;
  if (uid !== undefined && uid !== facts.uid) {
    changes.push({ what: "owner", from: `${facts.uid}`, to: user ?? `${uid}` });
  }
  if (gid !== undefined && gid !== facts.gid) {
    changes.push({
      what: "group",
      from: `${facts.gid}`,
      to: group ?? `${gid}`,
    });
  }
  if (mode !== undefined && mode !== facts.mode) {
    const from = facts.mode === undefined ? "" : octal(facts.mode);
    changes.push({ what: "mode", from, to: octal(mode) });
  }
  return changes;
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Folders above a path that are missing, the uppermost first. */
export interface Parents {
  readonly missing: readonly string[];
  /** Facts about the lowest folder that is there. */
  readonly base: PathFacts;
}

/**
 * Finds the folder of a path, or what is missing above it.
 *
 * @throws {PiriError} FAILED_PRECONDITION if folders are missing and shall not be made, or a link of somebody else is above
 * @throws {Unforeseen} if an earlier step may make them
 */
export function parentsOf(
  path: string,
  reader: HostReader,
  { parents = false, forecast }: {
    parents?: boolean | undefined;
    forecast: Forecast;
  },
): Parents {
  requireOwnLinks(path, reader);
  const missing: string[] = [];
  for (let at = dirname(path);; at = dirname(at)) {
    const facts = reader.followed(at);
    if (facts?.kind === "folder") return requireMade({ missing, base: facts });
    if (facts !== undefined || reader.facts(at) !== undefined) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot write "${path}": "${at}" is no folder`,
      );
    }
    missing.unshift(at);
    if (dirname(at) === at) throw noFolder(path, at);
  }

  function requireMade(found: Parents): Parents {
    if (found.missing.length === 0 || parents) return found;
    if (forecast.opaque !== undefined) {
      throw new Unforeseen(
        `there is no folder "${
          dirname(path)
        }", and step "${forecast.opaque}" may make it`,
      );
    }
    throw noFolder(path, dirname(path));
  }
}

function noFolder(path: string, folder: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write "${path}": there is no folder "${folder}"; make it by an earlier step, or give parents: true`,
  );
}

/** Attributes of folders that are made above a path, the uppermost first, and the last of them. */
export function madeParents(
  { missing, base }: Parents,
  reader: HostReader,
): { readonly effects: Effect[]; readonly folder: PathFacts } {
  let folder = base;
  const effects = missing.map((path): Effect => {
    const attributes = newAttributes({}, reader, { folder, mode: FOLDER_MODE });
    folder = { kind: "folder", size: 0, ...attributes };
    return { kind: "path", path, facts: folder };
  });
  return { effects, folder };
}

/** Words for what is at a path. */
export function kindText(facts: PathFacts | undefined): string {
  if (facts === undefined) return "(absent)";
  return facts.kind === "other" ? "special file" : facts.kind;
}
