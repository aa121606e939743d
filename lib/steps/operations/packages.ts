import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter, StepProgram } from "../host/host.ts";
import type { ParameterShapes } from "../parameters.ts";
import { waitForLock } from "../providers/packages/lock_wait.ts";
import type {
  PackageManager,
  Transaction,
  WantedPackage,
} from "../providers/packages/package_manager.ts";
import {
  type PackageMove,
  type PackageTable,
  versionOf,
} from "../providers/packages/package_table.ts";
import { fits } from "../providers/packages/version_fits.ts";
import { runProgram } from "../providers/run_program.ts";
import type { Change, Check, Effect, Forecast } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";

/** Thing that stands for the lists of packages: a step after which other packages are known foresees it. */
export const LISTS = { kind: "setting", name: "lists of packages" } as const;

/** Thing that a step foresees which reads the lists anew. */
export const READ_LISTS = {
  kind: "setting",
  name: "lists of packages, read",
} as const;

/** Effects of what reads the lists anew, or makes other packages known without that. */
export function listsEffects({ areRead }: { areRead: boolean }): Effect[] {
  return [LISTS, ...areRead ? [READ_LISTS] : []]
    .map((thing): Effect => ({ kind: "thing", thing, facts: {} }));
}

/** Name of the agent's own package. */
const OWN_PACKAGE = "piri-agent";
const DAY_MS = 86_400_000;

export const NAMES = {
  name: { type: "texts", description: "Name of the package, or several" },
  names: { type: "texts", description: "Names of the packages" },
} as const satisfies ParameterShapes;

/** Names that a step gives, each once. */
export function namesOf(
  { name = [], names = name }: {
    readonly name?: readonly string[];
    readonly names?: readonly string[];
  },
  manager: PackageManager,
): readonly string[] {
  return namesFor(names, manager);
}

export function namesFor(
  names: readonly string[],
  { name: manager, names: pattern }: PackageManager,
): readonly string[] {
  const wrong = names.find((name) => !pattern.test(name));
  if (wrong === undefined) return [...new Set(names)];
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot look for package ${
      JSON.stringify(wrong)
    }: that is no name of a package for ${manager}`,
  );
}

/** Changes that a transaction would make. Where the lists or others are ahead, a failure is no answer yet. */
export async function simulated(
  manager: PackageManager,
  transaction: Transaction,
  { reader, forecast: { opaque } }: { reader: HostReader; forecast: Forecast },
): Promise<readonly PackageMove[]> {
  try {
    return await manager.simulate(transaction, reader);
  } catch (error) {
    if (!(error instanceof PiriError) || error.code !== "FAILED_PRECONDITION") {
      throw error;
    }
    if (opaque !== undefined) {
      throw new Unforeseen(
        `it cannot be done now, and step "${opaque}" may make it possible`,
      );
    }
    const hint = transaction.kind === "remove"
      ? ""
      : `; ${await ageText(manager, reader)}`;
    throw new PiriError(error.code, `${error.message}${hint}`, {
      cause: error,
    });
  }
}

async function ageText(
  manager: PackageManager,
  reader: HostReader,
): Promise<string> {
  const read = await manager.listsRead(reader);
  if (read === undefined) {
    return "the lists of packages were never read here: put package.Lists before this step";
  }
  const days = Math.floor((reader.clock.now() - read) / DAY_MS);
  return days < 1
    ? "the lists of packages were read less than a day ago: see the name and version, or add its repository by package.Repository"
    : `the lists of packages are ${days} ${
      days === 1 ? "day" : "days"
    } old: put package.Lists before this step`;
}

/** Lines for people about a transaction: the named packages, all that is removed, and a count of what else comes along. */
export function moveChanges(
  moves: readonly PackageMove[],
  names: readonly string[],
): Change[] {
  const isShown = ({ name, to }: PackageMove) =>
    names.includes(name) || to === undefined;
  const shown = moves.filter(isShown);
  const more = moves.length - shown.length;
  const changes = shown.map(changeOf);
  const place = shown.findLastIndex(({ to }) => to !== undefined);
  const last = changes[place];
  if (more === 0) return changes;
  if (last === undefined) {
    return [
      ...changes,
      ...moves.filter((move) => !isShown(move)).map(changeOf),
    ];
  }
  changes[place] = { ...last, to: `${last.to}, with ${more} more` };
  return changes;
}

function changeOf({ name, from = "(absent)", to = "(absent)" }: PackageMove) {
  return { what: name, from, to };
}

/** Effects of a transaction. What packages bring besides themselves is not known. */
export function moveEffects(
  moves: readonly PackageMove[],
  facts: (name: string) => { readonly held?: boolean } = () => ({}),
): Effect[] {
  return [
    ...moves.map(({ name, to }): Effect => ({
      kind: "thing",
      thing: { kind: "package", name },
      facts: to === undefined ? undefined : { version: to, ...facts(name) },
    })),
    { kind: "opaque" },
  ];
}

/** Pins of a transaction: the version of each package after it, null for what is removed. */
export function movePins(
  moves: readonly PackageMove[],
): NonNullable<Check["pins"]> {
  return {
    packages: Object.fromEntries(
      moves.map(({ name, to = null }) => [name, to]),
    ),
  };
}

/** Versions that were planned, or found by the last check. */
export function pinnedVersions(
  { pins }: Check,
): ReadonlyMap<string, string | null> {
  const { packages = {} } = pins ?? {};
  return new Map(
    Object.entries(packages as Readonly<Record<string, string | null>>),
  );
}

/** Refuses to remove what the plan did not name. */
export function requireReviewed(check: Check): void {
  if (check.pins === undefined) return;
  const pinned = pinnedVersions(check);
  for (const effect of check.effects ?? []) {
    if (effect.kind !== "thing" || effect.facts !== undefined) continue;
    const { name } = effect.thing;
    if (pinned.get(name) === null) continue;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot change packages: now "${name}" would be removed, which was not planned; plan again`,
    );
  }
}

/** Versions that were planned for several steps. */
export function pinnedOf(
  steps: readonly { readonly check: Check }[],
): ReadonlyMap<string, string | null> {
  return new Map(steps.flatMap(({ check }) => [...pinnedVersions(check)]));
}

/** Refuses to remove together what no plan of a single step named. */
export async function requireReviewedTogether(
  transaction: Transaction,
  pinned: ReadonlyMap<string, string | null>,
  { manager, writer }: { manager: PackageManager; writer: HostWriter },
): Promise<void> {
  for (const { name, to } of await manager.simulate(transaction, writer)) {
    if (to === undefined && pinned.get(name) !== null) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot change packages together: "${name}" would be removed, which none of the steps does alone`,
      );
    }
  }
}

/** Refuses what the host, or the agent, could not do without. */
export function requireKept(
  moves: readonly PackageMove[],
  table: PackageTable,
): void {
  for (const { name, to } of moves) {
    if (to !== undefined) continue;
    if (table.of(name)?.essential === true) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot change packages: "${name}" would be removed, and this host cannot do without it`,
      );
    }
    if (name === OWN_PACKAGE) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot change packages: "${name}" would be removed, which is this agent; remove it by hand`,
      );
    }
  }
}

/** Change for people if packages are half installed, which is put right first. */
export function repairChanges({ interrupted }: PackageTable): Change[] {
  if (interrupted.length === 0) return [];
  const [first = ""] = interrupted;
  const more = interrupted.length - 1;
  return [{
    what: "what was interrupted",
    to: `is finished: ${first}${more === 0 ? "" : `, with ${more} more`}`,
  }];
}

/**
 * Carries a transaction out. Returns how the set of packages differs after it.
 *
 * @throws {PiriError} FAILED_PRECONDITION if a program fails; TIMED_OUT or CANCELLED while others have the lock
 */
export async function carryOut(
  manager: PackageManager,
  programs: readonly StepProgram[],
  writer: HostWriter,
): Promise<readonly PackageMove[]> {
  await waitForLock(manager, writer);
  const before = await manager.installed(writer);
  const { repair } = manager;
  if (before.interrupted.length > 0 && repair !== undefined) {
    await runOne(repair, writer);
  }
  for (const program of programs) await runOne(program, writer);
  return before.movesTo(await manager.installed(writer));
}

/** Runs a program of a package manager, which must succeed. */
export function runOne(
  program: StepProgram,
  writer: HostWriter,
): Promise<void> {
  return runProgram(program, "change packages", writer);
}

/** Note about what came along though nobody said so before; undefined if there is nothing. */
export function besidesNote(
  moves: readonly PackageMove[],
  pinned: ReadonlyMap<string, string | null>,
): string | undefined {
  const others = moves.filter(({ name }) => !pinned.has(name));
  if (others.length === 0) return undefined;
  const words = others.slice(0, 5).map(({ name, from, to }) =>
    `${name} ${from ?? "(absent)"} -> ${to ?? "(absent)"}`
  );
  const more = others.length > 5 ? `, with ${others.length - 5} more` : "";
  return `not foreseen: ${words.join(", ")}${more}`;
}

/** Refuses to call it done if packages are not installed in the versions that were asked for. */
export async function requireDone(
  manager: PackageManager,
  packages: readonly WantedPackage[],
  reader: HostReader,
): Promise<void> {
  const table = await manager.installed(reader);
  for (const { name, version } of packages) {
    const now = versionOf(table.of(name));
    if (now === undefined && table.providerOf(name) !== undefined) continue;
    if (
      now !== undefined &&
      (version === undefined || fits(now, version, manager))
    ) {
      continue;
    }
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot finish: ${manager.name} ended well, and "${name}" is ${
        now ?? "not installed"
      }${version === undefined ? "" : ` and not ${version}`}`,
    );
  }
}

/** Holds packages, or ends that. Returns true if that changed anything. */
export async function holdAll(
  manager: PackageManager,
  names: readonly string[],
  { hold, writer }: { hold: boolean | undefined; writer: HostWriter },
): Promise<boolean> {
  if (hold === undefined || manager.hold === undefined) return false;
  const table = await manager.installed(writer);
  const others = names.filter((name) =>
    (table.of(name)?.held ?? false) !== hold
  );
  if (others.length === 0) return false;
  for (const program of manager.hold(others, hold)) {
    await runOne(program, writer);
  }
  return true;
}
