import { basename } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { ForecastReader } from "../host/forecast_reader.ts";
import type { FileContent, HostReader, HostWriter } from "../host/host.ts";
import { findSystemd } from "../providers/services/find_manager.ts";
import {
  foreseeService,
  serviceEffects,
  servicePrint,
} from "../providers/services/foresee.ts";
import { ServiceActs } from "../providers/services/service_acts.ts";
import type { ServiceManager } from "../providers/services/service_manager.ts";
import type { Change, Check, Effect, Forecast } from "../step_operation.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";
import { kindText } from "./paths.ts";
import {
  changeService,
  changesTo,
  type WantedService,
} from "./wanted_service.ts";

/** File of a unit as a step wants it. */
export interface UnitFile {
  readonly path: string;
  /** Undefined if there shall be none. */
  readonly content: FileContent | undefined;
  readonly mode: number;
  /** False if its text is not shown, as it may hold passwords. */
  readonly showsText?: false;
}

/** Files of units, and what one of the units shall do. */
export interface WantedUnits {
  readonly files: readonly UnitFile[];
  /** Undefined for a template, which is no unit itself. */
  readonly unit: WantedService | undefined;
  /** True if nothing of the unit shall be left. */
  readonly isGone?: boolean;
}

/** Compares files of units, and a unit, with what a step wants. */
export async function checkUnits(
  { files, unit, isGone }: WantedUnits,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const manager = findSystemd(reader);
  // The unit is looked at as it will be with its files.
  const after = new ForecastReader(reader);
  const checks: Check[] = [];
  for (const file of files) {
    const check = await checkUnitFile(file, reader, forecast);
    for (const effect of check.effects ?? []) {
      if (effect.kind === "path" || effect.kind === "thing") after.add(effect);
    }
    checks.push(check);
  }
  const changes = checks.flatMap((each, index) =>
    files.length === 1
      ? each.changes
      : named(basename(files[index]?.path ?? ""), each.changes)
  );
  const effects = checks.flatMap((each) => each.effects ?? []);
  const prints = checks.map(({ fingerprint }) => fingerprint);
  if (unit === undefined) return checkOf(changes, effects, prints);
  requireRuns(unit, manager);
  const look = { manager, reader: after, forecast };
  const service = await foreseeService(unit.name, look);
  if (changes.length === 0 && service.flaw !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot use the unit "${unit.name}": systemd finds ${service.flaw} in its file; systemd-analyze verify ${unit.name} says more`,
    );
  }
  const more = changesTo(service, unit).filter(({ what }) =>
    changes.length === 0 || what !== "files"
  );
  const isFixed = service.isThere && service.enabled === undefined;
  const remarks = unit.enabled !== undefined && isFixed
    ? `it cannot be ${
      unit.enabled ? "enabled" : "disabled"
    }: ${service.whyFixed}`
    : undefined;
  return checkOf(
    [...changes, ...more],
    [
      ...effects,
      ...isGone === true ? goneEffects(service) : serviceEffects(service, unit),
    ],
    [...prints, servicePrint(service)],
    remarks,
  );
}

/** Does what `checkUnits` found. */
export async function changeUnits(
  { files, unit }: WantedUnits,
  check: Check,
  writer: HostWriter,
): Promise<void> {
  const manager = findSystemd(writer);
  const removes = files.every(({ content }) => content === undefined);
  // The unit is stopped first, while systemd still knows it.
  if (removes && unit !== undefined) {
    await changeService(unit, check, writer);
  }
  let isWritten = false;
  for (const { path, content, mode } of files) {
    if (content === undefined) {
      if (writer.facts(path) === undefined) continue;
      await writer.remove(path);
      isWritten = true;
      continue;
    }
    const { content: now } = await findFile(path, writer);
    isWritten ||= now?.sha256 !== content.sha256;
    const wanted = { path, content, attributes: { mode }, parents: true };
    await changeFile(wanted, writer);
  }
  if (isWritten && manager.rereads !== undefined) {
    const acts = new ServiceActs(manager, unit?.name ?? "", {
      writer,
      settleMs: 0,
    });
    await acts.run("let systemd read its units", manager.rereads);
  }
  if (!removes && unit !== undefined) await changeService(unit, check, writer);
}

async function checkUnitFile(
  { path, content, mode, showsText }: UnitFile,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  if (content !== undefined) {
    const wanted = {
      path,
      content,
      attributes: { mode },
      parents: true,
      ...showsText === undefined ? {} : { showsText },
    };
    const found = await findFile(path, reader);
    return await checkFile(wanted, found, { reader, forecast });
  }
  const facts = reader.facts(path);
  if (facts?.kind === "folder") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot remove "${path}": it is a folder`,
    );
  }
  const changes: Change[] = facts === undefined
    ? []
    : [{ what: path, from: kindText(facts), to: "(absent)" }];
  return checkOf(
    changes,
    [{ kind: "path", path, facts: undefined }],
    [kindText(facts)],
  );
}

/** Changes of one of several files. */
function named(name: string, changes: readonly Change[]): Change[] {
  return changes.map((change) =>
    change.what.startsWith("/") ? change : {
      ...change,
      what: `${name} ${change.what}`,
    }
  );
}

function goneEffects(
  { names }: { readonly names: readonly string[] },
): Effect[] {
  return names.map((name) => ({
    kind: "thing",
    thing: { kind: "unit", name },
    facts: undefined,
  }));
}

function checkOf(
  changes: readonly Change[],
  effects: readonly Effect[],
  prints: readonly string[],
  reason?: string,
): Check {
  const isOk = changes.length === 0;
  return {
    verdict: isOk ? "ok" : "change",
    changes,
    fingerprint: fingerprintOf(prints),
    ...isOk ? {} : { effects },
    ...reason === undefined ? {} : { reason },
  };
}

function requireRuns({ name, up }: WantedService, manager: ServiceManager) {
  if (up !== true || manager.runs) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot start "${name}": systemd is installed here and does not run, as in the root of an image`,
  );
}
