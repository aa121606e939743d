import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import {
  findManager,
  requireOther,
} from "../providers/services/find_manager.ts";
import {
  type ForeseenService,
  foreseeService,
  requireService,
  serviceEffects,
  servicePrint,
} from "../providers/services/foresee.ts";
import { ServiceActs } from "../providers/services/service_acts.ts";
import type { ServiceManager } from "../providers/services/service_manager.ts";
import type { Change, Check, Forecast } from "../step_operation.ts";

/** Time for which a service must stay up after a start, in milliseconds. */
export const SETTLE_MS = 2_000;

/** Service as a step wants it. What is absent stays as it is. */
export interface WantedService {
  readonly name: string;
  readonly up?: boolean | undefined;
  readonly enabled?: boolean | undefined;
  readonly masked?: true;
  /** Steps to whose changes it reacts. */
  readonly restartOn?: readonly number[] | undefined;
  readonly reloadOn?: readonly number[] | undefined;
  readonly settleMs?: number | undefined;
}

/** Compares a service with what a step wants. */
export async function checkService(
  wanted: WantedService,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const manager = findManager(reader);
  const name = manager.nameOf(wanted.name);
  requireActs(wanted, name, manager);
  await requireNotOwn(wanted, [name], reader);
  const look = { manager, reader, forecast };
  const needsIt = wanted.up === true || wanted.enabled === true;
  const service = await (needsIt ? requireService : foreseeService)(name, look);
  await requireNotOwn(wanted, service.names, reader);
  const fingerprint = servicePrint(service);
  const changes = changesTo(service, wanted);
  const reaction = reactionOf(wanted, service, forecast);
  if (reaction?.line !== undefined) changes.push({ what: reaction.line });
  const reasons = [
    ...remarksOn(service, { wanted, name, manager }),
    ...reaction?.isUnknown === true ? [reaction.why] : [],
  ];
  const reason = reasons.length === 0 ? {} : { reason: reasons.join("; ") };
  if (reaction?.isUnknown === true) {
    return { verdict: "unknown", changes, fingerprint, ...reason };
  }
  if (changes.length === 0) {
    return { verdict: "ok", changes, fingerprint, ...reason };
  }
  const { up, enabled, masked } = wanted;
  const isFixed = service.enabled === undefined && !service.isMasked;
  return {
    verdict: "change",
    changes,
    fingerprint,
    effects: serviceEffects(service, {
      up,
      enabled: isFixed ? undefined : masked ? false : enabled,
      masked: masked ?? (enabled === true ? false : undefined),
    }),
    ...reason,
  };
}

/** Does what `checkService` found. */
export async function changeService(
  wanted: WantedService,
  { changes }: Check,
  writer: HostWriter,
): Promise<void> {
  const manager = findManager(writer);
  const name = manager.nameOf(wanted.name);
  const acts = new ServiceActs(manager, name, {
    writer,
    settleMs: wanted.settleMs ?? SETTLE_MS,
  });
  await acts.readFiles();
  let service = await manager.find(name, writer);
  const { up, enabled, masked } = wanted;
  if (up === false && !service.isDown) await acts.stop();
  if (masked === true && !service.isMasked) return await acts.do("mask");
  if (enabled === true && service.isMasked) {
    await acts.do("unmask");
    service = await manager.find(name, writer);
  }
  if (enabled !== undefined && service.enabled !== undefined) {
    if (enabled !== service.enabled) {
      await acts.do(enabled ? "enable" : "disable");
    }
  }
  if (up !== true) return;
  if (!service.isUp) return await acts.start();
  const reaction = changes.find(({ what }) => isReaction(what))?.what;
  if (reaction?.startsWith(RESTART) === true) await acts.restart();
  if (reaction?.startsWith(RELOAD) === true) await acts.do("reload");
}

/** Changes that make a service be as a step wants it, without reactions. */
export function changesTo(
  service: ForeseenService,
  { up, enabled, masked }: WantedService,
): Change[] {
  const changes: Change[] = [];
  if (service.isStale) changes.push({ what: "files", to: "are read anew" });
  if (masked === true) {
    if (!service.isMasked) {
      changes.push({ what: "masked", from: "no", to: "yes" });
    }
    return changes;
  }
  if (service.isMasked && enabled === true) {
    changes.push({ what: "masked", from: "yes", to: "no" });
  } else if (service.isMasked && up === true && !service.isUp) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot start "${service.id}": it is masked; give enabled: true, which ends that`,
    );
  }
  // A masked service shows whether it is enabled only after it is unmasked.
  const now = service.isMasked ? false : service.enabled;
  if (enabled !== undefined && now !== undefined && enabled !== now) {
    changes.push({
      what: "enabled",
      from: yesOrNo(now),
      to: yesOrNo(enabled),
    });
  }
  if (up === true ? !service.isUp : up === false && !service.isDown) {
    changes.push({
      what: "service",
      from: service.status,
      to: up ? "running" : "stopped",
    });
  }
  return changes;
}

const RESTART = "restart, as ";
const RELOAD = "reload, as ";

function isReaction(what: string): boolean {
  return what.startsWith(RESTART) || what.startsWith(RELOAD);
}

/** Reaction of a service that runs to the changes of other steps. */
function reactionOf(
  { restartOn = [], reloadOn = [] }: WantedService,
  { isUp, canReload }: ForeseenService,
  forecast: Forecast,
): { line?: string; isUnknown: boolean; why: string } | undefined {
  // A start is a reaction to all of them.
  if (!isUp) return undefined;
  const by = (steps: readonly number[], truth: boolean | "unknown") =>
    steps.filter((step) => forecast.changed(step) === truth);
  const lineOf = (act: string, steps: readonly number[]) =>
    `${act}${namesOf(steps, forecast)} ${
      steps.length === 1 ? "changes" : "change"
    }`;
  const restarts = by(restartOn, true);
  if (restarts.length > 0) {
    return { line: lineOf(RESTART, restarts), isUnknown: false, why: "" };
  }
  const unknown = [...by(restartOn, "unknown"), ...by(reloadOn, "unknown")];
  if (unknown.length > 0) {
    const why = `it reacts to changes of ${namesOf(unknown, forecast)}`;
    return { isUnknown: true, why };
  }
  const reloads = by(reloadOn, true);
  if (reloads.length === 0) return undefined;
  const act = canReload ? RELOAD : RESTART;
  return { line: lineOf(act, reloads), isUnknown: false, why: "" };
}

function namesOf(steps: readonly number[], forecast: Forecast): string {
  const [first = 0, second, ...others] = steps;
  const name = forecast.nameOf(first);
  if (second === undefined) return name;
  return others.length === 0
    ? `${name} and ${forecast.nameOf(second)}`
    : `${name} and ${others.length + 1} others`;
}

/** Facts that a step does not fight, and tells. */
function remarksOn(
  service: ForeseenService,
  { wanted, name, manager }: {
    readonly wanted: WantedService;
    readonly name: string;
    readonly manager: ServiceManager;
  },
): string[] {
  const remarks: string[] = [];
  const { id, isThere, enabled, whyFixed } = service;
  if (!isThere && wanted.masked === undefined) {
    return ["there is no such service"];
  }
  if (id !== name) remarks.push(`it is another name of "${id}"`);
  const isFixed = enabled === undefined && whyFixed !== undefined;
  if (wanted.enabled !== undefined && isFixed) {
    const act = wanted.enabled ? "enabled" : "disabled";
    remarks.push(`it cannot be ${act}: ${whyFixed}`);
  }
  if (wanted.up === false && !manager.runs) {
    remarks.push(`no ${manager.kind} runs here`);
  }
  return remarks;
}

function requireActs(
  { up, masked }: WantedService,
  name: string,
  manager: ServiceManager,
): void {
  if (up === true && !manager.runs) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot start "${name}": ${manager.kind} is installed here and does not run, as in the root of an image; service.Enabled works there`,
    );
  }
  if (masked === true && !manager.acts.has("mask")) {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot mask "${name}" on this host: ${manager.kind} has no such thing; use service.Stopped with enabled: false`,
    );
  }
}

async function requireNotOwn(
  { up, masked, restartOn, reloadOn }: WantedService,
  names: readonly string[],
  reader: HostReader,
): Promise<void> {
  if (up === false) await requireOther("stop", names, reader);
  if (masked === true) await requireOther("mask", names, reader);
  if (restartOn !== undefined || reloadOn !== undefined) {
    await requireOther("restart", names, reader);
  }
}

function yesOrNo(is: boolean): string {
  return is ? "yes" : "no";
}
