import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { apt } from "../providers/packages/apt.ts";
import { hasProgram } from "../providers/programs.ts";
import { waitForLock } from "../providers/packages/lock_wait.ts";
import { versionOf } from "../providers/packages/package_table.ts";
import type { HostReader } from "../host/host.ts";
import { stepOperation } from "../step_operation.ts";
import { installKey, installPackages } from "./install_packages.ts";
import { checkInstalled, packageThings } from "./package_installed.ts";
import { runOne } from "./packages.ts";
import { requireNames } from "./package_values.ts";

const UPGRADES = "unattended-upgrades";

/** Makes packages be installed by apt, under the name and with the parameters of RedPepper. */
export const aptInstalled = stepOperation({
  name: "apt.Installed",
  description: "Makes packages be installed by apt; see package.Installed",
  subject: "name",
  parameters: {
    name: {
      type: "texts",
      required: true,
      description: "Name of the package, or several",
    },
    env: { type: "map", description: "Variables for apt" },
  },
  things: packageThings,
  validate: (params) => requireNames(params),
  async check(params, reader, forecast) {
    requireApt(reader);
    return await checkInstalled(apt, params, { reader, forecast });
  },
  async change(params, check, writer) {
    const [end] = await installPackages(apt, [{ params, check }], writer);
    return end;
  },
  join: {
    keyOf: installKey,
    change: (steps, writer) => installPackages(apt, steps, writer),
  },
});

/** Runs unattended-upgrades, under the name of RedPepper. */
export const aptUnattendedUpgrade = stepOperation({
  name: "apt.UnattendedUpgrade",
  description:
    "Runs unattended-upgrades, which upgrades what the host is set up for, each time",
  subject: "for",
  parameters: { for: { type: "text", description: "Words for people" } },
  async check(_, reader, forecast) {
    requireApt(reader);
    const name = [UPGRADES];
    const check = await checkInstalled(apt, { name }, { reader, forecast });
    return {
      ...check,
      verdict: "change",
      changes: [...check.changes, { what: UPGRADES, to: "runs" }],
      fingerprint: fingerprintOf("runs"),
      effects: [...check.effects ?? [], { kind: "opaque" }],
      counts: "unknown",
      after: "none",
    };
  },
  async change(_, check, writer) {
    const name = [UPGRADES];
    const before = await apt.installed(writer);
    if (versionOf(before.of(UPGRADES)) === undefined) {
      await installPackages(apt, [{ params: { name }, check }], writer);
    }
    await waitForLock(apt, writer);
    await runOne(
      { argv: ["unattended-upgrade"], cwd: "/", shielded: true },
      writer,
    );
    const moves = before.movesTo(await apt.installed(writer));
    return { changed: moves.length > 0 };
  },
});

function requireApt(reader: HostReader): void {
  if (hasProgram("apt-get", reader)) return;
  throw new PiriError(
    "UNSUPPORTED",
    "Cannot use apt on this host: it is not there; package.Installed uses what is",
  );
}
