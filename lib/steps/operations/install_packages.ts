import type { HostWriter } from "../host/host.ts";
import type {
  PackageManager,
  Transaction,
  WantedPackage,
} from "../providers/packages/package_manager.ts";
import {
  type PackageTable,
  versionOf,
} from "../providers/packages/package_table.ts";
import { fits } from "../providers/packages/version_fits.ts";
import type { Changed, CheckedStep } from "../step_operation.ts";
import {
  besidesNote,
  carryOut,
  holdAll,
  namesOf,
  pinnedOf,
  pinnedVersions,
  requireDone,
  requireReviewed,
  requireReviewedTogether,
} from "./packages.ts";

/** Parameters of a step that installs packages. */
export interface InstalledParams {
  readonly name?: readonly string[];
  readonly names?: readonly string[];
  readonly version?: string;
  readonly latest?: boolean;
  readonly hold?: boolean;
  readonly recommends?: boolean;
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Key of the steps whose packages can be installed by one transaction. */
export function installKey(
  { recommends, options, env, version, hold }: InstalledParams,
): string {
  const choices = [recommends, options, env];
  return JSON.stringify([
    ...choices.map((each) => each ?? null),
    version === undefined,
    hold === undefined,
  ]);
}

/** Installs, by one transaction, what the checks of steps found to be missing. */
export async function installPackages(
  manager: PackageManager,
  steps: readonly CheckedStep<InstalledParams>[],
  writer: HostWriter,
): Promise<readonly Changed[]> {
  for (const { check } of steps) requireReviewed(check);
  const before = await manager.installed(writer);
  const wanted = steps.map((step) => wantedBy(step, { manager, before }));
  const packages = wanted.flat();
  const pinned = pinnedOf(steps);
  const removes = [...pinned.values()].includes(null);
  const transaction = {
    ...transactionOf(steps[0]?.params ?? {}, packages),
    ...removes ? {} : { keepsAll: true },
  };
  if (steps.length > 1) {
    await requireReviewedTogether(transaction, pinned, { manager, writer });
  }
  const moves = packages.length === 0
    ? []
    : await carryOut(manager, manager.programs(transaction), writer);
  await requireDone(manager, packages, writer);
  const note = besidesNote(moves, pinned);
  const ends: Changed[] = [];
  for (const [place, { params }] of steps.entries()) {
    const { hold } = params;
    const names = namesOf(params, manager);
    const isHeld = await holdAll(manager, names, { hold, writer });
    const isMoved = moves.length > 0 && (wanted[place]?.length ?? 0) > 0;
    ends.push({
      changed: isMoved || isHeld,
      ...place > 0 || note === undefined ? {} : { note },
    });
  }
  return ends;
}

/** Packages that a step has to install, in the versions that were planned. */
function wantedBy(
  { params, check }: CheckedStep<InstalledParams>,
  { manager, before }: { manager: PackageManager; before: PackageTable },
): readonly WantedPackage[] {
  const { version } = params;
  const pinned = pinnedVersions(check);
  return namesOf(params, manager).flatMap((name): WantedPackage[] => {
    const pin = pinned.get(name);
    if (typeof pin === "string") return [{ name, version: pin }];
    const now = versionOf(before.of(name));
    const isRight = version === undefined
      ? now !== undefined || before.providerOf(name) !== undefined
      : now !== undefined && fits(now, version, manager);
    return isRight ? [] : [wantedPackage(name, version)];
  });
}

/** Transaction that installs packages as a step asks for it. */
export function transactionOf(
  { version, hold, recommends, options, env }: InstalledParams,
  packages: readonly WantedPackage[],
): Transaction {
  return {
    kind: "install",
    packages,
    recommends,
    options,
    env,
    downgrades: version !== undefined,
    changesHeld: hold !== undefined,
  };
}

export function wantedPackage(
  name: string,
  version: string | undefined,
): WantedPackage {
  return version === undefined ? { name } : { name, version };
}
