/**
 * Modules of operations that are Piri's own, or are meant to be: a later version with another one must not take the
 * operations of a user away.
 */
const OWN: ReadonlySet<string> = new Set([
  "agent",
  "alternatives",
  "apt",
  "archive",
  "assert",
  "brew",
  "command",
  "container",
  "cron",
  "data",
  "echo",
  "facts",
  "file",
  "firewall",
  "git",
  "group",
  "host",
  "kernel",
  "launchd",
  "mount",
  "noop",
  "npm",
  "package",
  "pip",
  "piri",
  "py",
  "request",
  "secret",
  "service",
  "ssh",
  "state",
  "swap",
  "sysctl",
  "systemd",
  "test",
  "user",
  "wait",
  "windows",
]);

/** True if no user may give a module this name. */
export function isOwnModule(name: string): boolean {
  return OWN.has(name.toLowerCase());
}

/** Module and class of the name of an operation; undefined if it cannot be a custom one. */
export function customName(
  operation: string,
): { readonly module: string; readonly class: string } | undefined {
  const [, module, name] =
    /^([A-Za-z_][A-Za-z0-9_]{0,63})\.([A-Z][A-Za-z0-9]{0,63})$/.exec(
      operation,
    ) ?? [];
  if (module === undefined || name === undefined || isOwnModule(module)) {
    return undefined;
  }
  return { module, class: name };
}
