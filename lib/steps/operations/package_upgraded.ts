import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { findManager } from "../providers/packages/find_manager.ts";
import { versionOf } from "../providers/packages/package_table.ts";
import { type Check, stepOperation } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import {
  besidesNote,
  carryOut,
  LISTS,
  moveChanges,
  moveEffects,
  movePins,
  namesFor,
  pinnedVersions,
  requireKept,
  requireReviewed,
  simulated,
} from "./packages.ts";
import { requirePackages } from "./package_values.ts";

/** Makes all packages be the newest. */
export const packageUpgraded = stepOperation({
  name: "package.Upgraded",
  description:
    "Upgrades all packages to the newest versions that the host's lists have; what is held stays",
  subject: "except",
  parameters: {
    except: { type: "texts", description: "Names of packages to leave alone" },
  },
  validate: ({ except = [] }) => requirePackages("except", except),
  async check({ except = [] }, reader, forecast): Promise<Check> {
    const manager = await findManager(reader);
    namesFor(except, manager);
    if (reader.foreseen(LISTS) !== undefined) {
      throw new Unforeseen("the lists of packages are read anew before it");
    }
    const moves = await simulated(manager, { kind: "upgrade", except }, {
      reader,
      forecast,
    });
    const left = moves.filter(({ name, to }) => {
      const foreseen = reader.foreseen({ kind: "package", name });
      return foreseen === undefined || foreseen.facts?.["version"] !== to;
    });
    const fingerprint = fingerprintOf(
      left.map(({ name, from = null }) => [name, from]),
    );
    if (left.length === 0) return { verdict: "ok", changes: [], fingerprint };
    requireKept(left, await manager.installed(reader));
    return {
      verdict: "change",
      changes: moveChanges(left, left.map(({ name }) => name)),
      fingerprint,
      effects: moveEffects(left),
      pins: movePins(left),
      // There may be newer versions than the planned ones by then.
      after: "warns",
    };
  },
  async change({ except = [] }, check, writer) {
    requireReviewed(check);
    const manager = await findManager(writer);
    const pinned = pinnedVersions(check);
    const table = await manager.installed(writer);
    const packages = [...pinned].flatMap(([name, version]) =>
      version === null || table.of(name) === undefined
        ? []
        : [{ name, version }]
    );
    const restore = await manager.keepMarks?.(writer);
    const programs = manager.programs({
      kind: "upgrade",
      except,
      packages,
      keepsAll: ![...pinned.values()].includes(null),
    });
    const moves = await carryOut(manager, programs, writer);
    await restore?.();
    const after = await manager.installed(writer);
    for (const { name, version } of packages) {
      const now = versionOf(after.of(name));
      if (now === version) continue;
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot finish: "${name}" is ${
          now ?? "not installed"
        } and not ${version}; plan again`,
      );
    }
    const note = besidesNote(moves, pinned);
    return {
      changed: moves.length > 0,
      ...note === undefined ? {} : { note },
    };
  },
});
