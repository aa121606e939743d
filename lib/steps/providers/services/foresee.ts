import { PiriError } from "../../../base/errors.ts";
import { fingerprintOf } from "../../fingerprint.ts";
import { bytesOf } from "../../file_content.ts";
import type { HostReader, ThingFacts } from "../../host/host.ts";
import type { Effect, Forecast } from "../../step_operation.ts";
import { Unforeseen } from "../../unforeseen.ts";
import {
  inNeutralWords,
  type ServiceFacts,
  type ServiceManager,
} from "./service_manager.ts";

/** Longest file of a unit that is read, in bytes. */
const MAX_UNIT_BYTES = 1_048_576;

/** Service as it will be when a step about it is run. */
export interface ForeseenService extends ServiceFacts {
  /** Hash of its files as its manager has read them; undefined if no step of the run writes them. */
  readonly filesHash: string | undefined;
}

/** Facts about a unit that cannot be enabled. */
const NOT_TO_ENABLE = {
  enabled: undefined,
  whyFixed: "it has no [Install] section: others start it",
} as const;

/** Service that an earlier step removes. */
const GONE = {
  isThere: false,
  isUp: false,
  isDown: true,
  status: "not there",
  enabled: undefined,
  isMasked: false,
  isStale: false,
} as const;

/** Means of looking at services. */
export interface ServiceLook {
  readonly manager: ServiceManager;
  readonly reader: HostReader;
  readonly forecast: Forecast;
}

/**
 * Finds a service as earlier steps will have left it.
 *
 * @throws {Unforeseen} if it is not there, and an earlier step may bring it
 */
export async function foreseeService(
  name: string,
  look: ServiceLook,
): Promise<ForeseenService> {
  const { manager, reader, forecast } = look;
  const now = await manager.find(name, reader);
  const known = reader.foreseen({ kind: "unit", name });
  const written = await writtenFiles(now, name, look);
  const before = known === undefined ? now : toldFacts(now, known.facts);
  const toldHash = known?.facts?.["filesHash"];
  const isRewritten = written !== undefined &&
    (toldHash ?? written.before) !== written.after;
  const isRead = toldHash !== undefined || before.isLoaded;
  const path = manager.definitions(name).find((each) =>
    reader.followed(each)?.kind === "file"
  );
  const isThere = before.isThere || path !== undefined;
  if (!isThere && forecast.opaque !== undefined) {
    throw new Unforeseen(
      `there is no service "${name}", and step "${forecast.opaque}" may bring it`,
    );
  }
  const isTold = before.isThere && !isRewritten;
  const fresh = path === undefined || isTold
    ? {}
    : !before.isThere
    ? freshFacts(await textOf(path, name, look), manager)
    : manager.kind === "systemd"
    ? rewrittenFacts(await textOf(path, name, look), before)
    : {};
  return {
    ...before,
    isThere,
    isStale: before.isThere &&
      (toldHash === undefined && before.isStale || isRead && isRewritten),
    ...fresh,
    filesHash: written?.after,
  };
}

/** Facts about a service that an earlier step changes, or removes. */
function toldFacts(
  now: ServiceFacts,
  told: ThingFacts | undefined,
): ServiceFacts {
  if (told === undefined) return { ...now, ...GONE };
  const isUp = told["up"] === true;
  const enabled = told["enabled"] === undefined
    ? NOT_TO_ENABLE
    : { enabled: told["enabled"] === true };
  return {
    ...now,
    ...enabled,
    isThere: true,
    isMasked: told["masked"] === true,
    ...isUp === now.isUp && isUp !== now.isDown
      ? {}
      : { isUp, isDown: !isUp, status: isUp ? "running" : "stopped" },
  };
}

/** Service that must be there. */
export async function requireService(
  name: string,
  look: ServiceLook,
): Promise<ForeseenService> {
  const service = await foreseeService(name, look);
  if (service.isThere) return service;
  throw new PiriError(
    "NOT_FOUND",
    `Cannot find the service "${name}": ${look.manager.kind} knows none of this name on this host; install it by an earlier step, or mend the name`,
  );
}

/** Effects of a change of a service, under all its names. */
export function serviceEffects(
  service: ForeseenService,
  {
    up = service.isUp,
    enabled = service.enabled,
    masked = service.isMasked,
  }: {
    readonly up?: boolean | undefined;
    readonly enabled?: boolean | undefined;
    readonly masked?: boolean | undefined;
  },
): Effect[] {
  const { filesHash, names } = service;
  return names.map((name) => ({
    kind: "thing",
    thing: { kind: "unit", name },
    facts: {
      up,
      masked,
      ...enabled === undefined ? {} : { enabled },
      ...filesHash === undefined ? {} : { filesHash },
    },
  }));
}

/** Fingerprint of a service: states, and neither times nor processes. */
export function servicePrint(service: ServiceFacts): string {
  const { isThere, isUp, enabled, isMasked, isStale } = service;
  return fingerprintOf([isThere, isUp, enabled ?? null, isMasked, isStale]);
}

/** Facts that depend on the text of a unit's file, which an earlier step changes. */
function rewrittenFacts(
  text: string,
  { enabled, isMasked }: ServiceFacts,
): Partial<ServiceFacts> {
  if (isMasked || enabled === true) return {};
  return canBeEnabled(text) ? { enabled: false } : NOT_TO_ENABLE;
}

function canBeEnabled(text: string): boolean {
  return /^\[Install\]/m.test(text);
}

/** Facts about a service whose file an earlier step makes. */
function freshFacts(
  text: string,
  manager: ServiceManager,
): Partial<ServiceFacts> {
  const isFixed = manager.kind === "systemd" && !canBeEnabled(text);
  return {
    isUp: false,
    isDown: true,
    status: "not running",
    ...isFixed ? NOT_TO_ENABLE : { enabled: false },
    isMasked: false,
  };
}

/** Text of the file that defines a service, and of those that add to it, as they will be. */
async function textOf(
  path: string,
  name: string,
  look: ServiceLook,
): Promise<string> {
  const texts: string[] = [];
  for (const each of [path, ...additionsTo(name, look)]) {
    if (look.reader.followed(each)?.kind !== "file") continue;
    const content = await look.reader.content(each);
    const bytes = await bytesOf(content, MAX_UNIT_BYTES, `"${each}"`);
    texts.push(new TextDecoder().decode(bytes));
  }
  return texts.join("\n");
}

/** Files that will be in the folder of those that add to a service. */
function additionsTo(
  name: string,
  { manager, reader }: ServiceLook,
): readonly string[] {
  const folder = manager.additions(name);
  return folder !== undefined && reader.followed(folder)?.kind === "folder"
    ? reader.names(folder).map((each) => `${folder}/${each}`)
    : [];
}

/** Hashes of a service's files that steps of this run write: as they are, and as they will be. */
async function writtenFiles(
  { files }: ServiceFacts,
  name: string,
  look: ServiceLook,
): Promise<{ before: string; after: string } | undefined> {
  const { reader, forecast } = look;
  const paths = [
    ...new Set([
      ...files,
      ...look.manager.definitions(name),
      ...additionsTo(name, look),
    ]),
  ].filter((path) => forecast.named(path) === "itself").toSorted();
  if (paths.length === 0) return undefined;
  const { stdout } = await reader.ask(
    inNeutralWords(["sha256sum", "--", ...paths]),
  );
  const hashes = new Map(
    stdout.split("\n").map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const after: string[] = [];
  for (const path of paths) {
    const isFile = reader.followed(path)?.kind === "file";
    after.push(isFile ? (await reader.content(path)).sha256 : "");
  }
  const before = paths.map((path) => hashes.get(path) ?? "");
  return { before: fingerprintOf(before), after: fingerprintOf(after) };
}
