import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, Thing } from "../host/host.ts";
import { findManager } from "../providers/packages/find_manager.ts";
import type { PackageManager } from "../providers/packages/package_manager.ts";
import {
  type PackageMove,
  type PackageTable,
  versionOf,
} from "../providers/packages/package_table.ts";
import { fits } from "../providers/packages/version_fits.ts";
import {
  type Change,
  type Check,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import {
  type InstalledParams,
  installKey,
  installPackages,
  transactionOf,
  wantedPackage,
} from "./install_packages.ts";
import {
  LISTS,
  moveChanges,
  moveEffects,
  movePins,
  NAMES,
  namesOf,
  repairChanges,
  requireKept,
  simulated,
} from "./packages.ts";
import { requireNames, requireOptions } from "./package_values.ts";

/** Makes packages be installed. */
export const packageInstalled = stepOperation({
  name: "package.Installed",
  description:
    "Makes packages be installed, by the package manager of the host",
  subject: "name",
  oneOf: [["name", "names"]],
  parameters: {
    ...NAMES,
    version: {
      type: "text",
      description:
        "Version that they must have, with * for any characters; also an older one",
    },
    latest: {
      type: "switch",
      description: "True to upgrade them to the newest version",
      standard: "false",
    },
    hold: {
      type: "switch",
      description:
        "True to keep the version when others are upgraded, false to end that; as it is if absent",
    },
    recommends: {
      type: "switch",
      description:
        "True to install what they recommend as well, false not to; as the host is set up if absent",
    },
    options: {
      type: "texts",
      description:
        "More options of the package manager, as --target-release=NAME",
    },
  },
  things: packageThings,
  validate(params) {
    requireNames(params);
    requireOptions(params.options);
  },
  async check(params, reader, forecast) {
    const manager = await findManager(reader);
    return await checkInstalled(manager, params, { reader, forecast });
  },
  async change(params, check, writer) {
    const manager = await findManager(writer);
    const [end] = await installPackages(manager, [{ params, check }], writer);
    return end;
  },
  join: {
    keyOf: installKey,
    change: async (steps, writer) =>
      await installPackages(await findManager(writer), steps, writer),
  },
});

/** Packages that a step names. */
export function packageThings(
  { name = [], names = name }: Pick<InstalledParams, "name" | "names">,
): readonly Thing[] {
  return names.map((each) => ({ kind: "package", name: each }) as const);
}

/** State of a package as a step finds it, after the steps that are ahead. */
interface Found {
  readonly name: string;
  /** Undefined if it is not installed; "" if a step ahead installs it in a version that is not known. */
  readonly version: string | undefined;
  readonly held: boolean;
  readonly provider?: string | undefined;
  readonly isForeseen: boolean;
}

/** Checks that packages are installed. */
export async function checkInstalled(
  manager: PackageManager,
  params: InstalledParams,
  { reader, forecast }: {
    readonly reader: HostReader;
    readonly forecast: Forecast;
  },
): Promise<Check> {
  const { version, latest = false, hold } = params;
  const names = namesOf(params, manager);
  if (hold !== undefined && manager.hold === undefined) {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot hold packages on this host: ${manager.name} has no means of it`,
    );
  }
  const table = await manager.installed(reader);
  const found = names.map((name) => foundOf(name, { table, reader }));
  const fingerprint = fingerprintOf(
    found.map(({ name, version: now = null, held, provider = null }) => [
      name,
      now,
      held,
      provider,
    ]),
  );
  const wanted = found.filter((each) =>
    version === undefined
      ? each.version === undefined && each.provider === undefined
      : each.version === undefined || !fits(each.version, version, manager)
  );
  const newest = latest
    ? found.filter((each) => !wanted.includes(each) && !each.isForeseen)
    : [];
  requireFree([...wanted, ...newest], { hold, latest });
  const listsAhead = reader.foreseen(LISTS) !== undefined;
  if (listsAhead && wanted.length === 0 && newest.length > 0) {
    throw new Unforeseen("the lists of packages are read anew before it");
  }
  const asked = [...wanted, ...newest];
  const moves = asked.length === 0 ? [] : listsAhead ? [] : await simulated(
    manager,
    transactionOf(
      params,
      asked.map(({ name }) => wantedPackage(name, version)),
    ),
    { reader, forecast },
  );
  requireKept(moves, table);
  const missing = wanted.filter(({ name }) =>
    !listsAhead && !moves.some((move) => move.name === name) &&
    !table.interrupted.includes(name)
  );
  requireFound(missing, moves, manager);
  const unmade = found.filter(({ held }) =>
    hold !== undefined && held !== hold
  );
  const changes: Change[] = [
    ...listsAhead ? wanted.map((each) => newListsChange(each, version)) : [
      ...missing.map(({ name }) => virtualChange(name, moves)),
      ...moveChanges(moves, names),
    ],
    ...unmade.map(({ name }) => ({
      what: `${name} hold`,
      from: hold === true ? "no" : "yes",
      to: hold === true ? "yes" : "no",
    })),
  ];
  const repairs = repairChanges(table);
  const mustRepair = wanted.some(({ name }) =>
    table.interrupted.includes(name)
  );
  if (changes.length === 0 && !mustRepair) {
    const [provided] = found.filter(({ provider }) => provider !== undefined);
    return {
      verdict: "ok",
      changes: [],
      fingerprint,
      ...provided === undefined
        ? {}
        : { reason: `"${provided.provider}" stands for "${provided.name}"` },
    };
  }
  const heldAfter = (name: string) => ({
    held: hold !== undefined && names.includes(name)
      ? hold
      : table.of(name)?.held ?? false,
  });
  return {
    verdict: "change",
    changes: [...repairs, ...changes],
    fingerprint,
    effects: [
      // Those that stay as they are, but for their hold, and those that a virtual name brings.
      ...found.filter(({ name }) => !moves.some((move) => move.name === name))
        .map(({ name, version: now }) => ({
          kind: "thing" as const,
          thing: { kind: "package" as const, name },
          facts: { version: now ?? version ?? "", ...heldAfter(name) },
        })),
      ...moves.length > 0 || listsAhead || mustRepair
        ? moveEffects(moves, heldAfter)
        : [],
    ],
    ...listsAhead ? {} : { pins: movePins(moves) },
    ...latest ? { after: "warns" as const } : {},
  };
}

function foundOf(
  name: string,
  { table, reader }: { table: PackageTable; reader: HostReader },
): Found {
  const foreseen = reader.foreseen({ kind: "package", name });
  const own = table.of(name);
  if (foreseen !== undefined) {
    const { version, held } = foreseen.facts ?? {};
    return {
      name,
      version: foreseen.facts === undefined ? undefined : String(version ?? ""),
      held: held === true,
      isForeseen: true,
    };
  }
  const version = versionOf(own);
  return {
    name,
    version,
    held: own?.held ?? false,
    ...version === undefined && own?.state !== "half"
      ? { provider: table.providerOf(name) }
      : {},
    isForeseen: false,
  };
}

/** Refuses to change the version of what somebody holds, unless the step says so. */
function requireFree(
  found: readonly Found[],
  { hold, latest }: { hold: boolean | undefined; latest: boolean },
): void {
  if (hold !== undefined) return;
  const held = found.find((each) => each.held && each.version !== undefined);
  if (held === undefined) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot change "${held.name}" ${held.version}: it is held; give hold: false to end that, hold: true to hold the new version${
      latest ? ", or leave latest out" : ""
    }`,
  );
}

/** Refuses what the manager did not plan to install, though it was asked for. */
function requireFound(
  missing: readonly Found[],
  moves: readonly PackageMove[],
  { name: manager }: PackageManager,
): void {
  const [first] = missing;
  if (first === undefined || moves.some(({ to }) => to !== undefined)) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot install "${first.name}": ${manager} would install nothing for it; see its name`,
  );
}

/** Change of a name that other packages stand for. */
function virtualChange(name: string, moves: readonly PackageMove[]): Change {
  const [first] = moves.filter(({ from, to }) =>
    from === undefined && to !== undefined
  ).toReversed();
  return { what: name, from: "(absent)", to: `by ${first?.name ?? "others"}` };
}

function newListsChange(
  { name, version: now = "(absent)" }: Found,
  version: string | undefined,
): Change {
  return {
    what: name,
    from: now,
    to: version ?? "the newest version of the new lists",
  };
}
