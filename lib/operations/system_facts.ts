import { resolve } from "@std/path";
import { PACKAGE_MANAGERS } from "../base/package_managers.ts";

/** Files that tell facts about a system. Paths are those of Linux and macOS. */
export interface SystemFiles {
  /** Text of a file; empty if there is none. */
  text(path: string): Promise<string>;
  isThere(path: string): Promise<boolean>;
  /** Target of a link; undefined if it is none. */
  target(path: string): Promise<string | undefined>;
}

/** Folders in which package managers are. */
const FOLDERS = ["/usr/bin", "/sbin", "/opt/homebrew/bin", "/usr/local/bin"];

/** Manager of packages, such as apt; undefined if there is none that is known. */
export async function packagesOf(
  files: SystemFiles,
): Promise<string | undefined> {
  for (const { program, name } of PACKAGE_MANAGERS) {
    for (const folder of FOLDERS) {
      if (await files.isThere(`${folder}/${program}`)) return name;
    }
  }
  return undefined;
}

/** Program that starts services, such as systemd, by its own marks; "none" as in most containers. */
export async function initOf(
  os: typeof Deno.build.os,
  files: SystemFiles,
): Promise<string> {
  if (os === "windows") return "windows";
  if (os === "darwin") return "launchd";
  if (await files.isThere("/run/systemd/system")) return "systemd";
  if (await files.isThere("/run/openrc")) return "openrc";
  const first = (await files.text("/proc/1/comm")).trim();
  return ["init", "runit", "s6-svscan"].includes(first) ? first : "none";
}

/** Whole name of a host: its own, or the one that /etc/hosts has for it. No server is asked. */
export function fqdnOf(hostname: string, hosts: string): string {
  if (hostname.includes(".")) return hostname;
  const wanted = hostname.toLowerCase();
  for (const line of hosts.split("\n")) {
    const [, ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
    const isOwn = names.some((name) => name.toLowerCase() === wanted);
    const whole = names.find((name) =>
      name.toLowerCase().startsWith(`${wanted}.`)
    );
    // Many systems have such an entry for themselves, which is no domain.
    if (isOwn && whole !== undefined && !whole.endsWith(".localdomain")) {
      return whole;
    }
  }
  return hostname;
}

/** Name of the time zone, as Europe/Berlin; undefined if nothing tells it. */
export async function timezoneOf(
  files: SystemFiles,
): Promise<string | undefined> {
  const target = await files.target("/etc/localtime");
  const path = target === undefined ? "" : resolve("/etc", target);
  const [, linked] = /\/zoneinfo(?:\.default)?\/(.+)$/.exec(path) ?? [];
  if (linked !== undefined) return linked;
  const [named = ""] = (await files.text("/etc/timezone")).trim().split("\n");
  return /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,3}$/.test(named)
    ? named
    : undefined;
}
