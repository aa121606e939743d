/** Executable that is built from the sources. */
export interface Product {
  readonly name: string;
  /** Main module, relative to the root of the repository. */
  readonly entry: string;
  /** Modules that it starts as workers, relative to the root of the repository. */
  readonly workers: readonly string[];
  /** Flags of `deno run` and `deno compile` that give it its permissions. */
  readonly permissions: readonly string[];
  /** Flags that it needs besides these on Windows. */
  readonly windowsPermissions?: readonly string[];
}

/** Flags that give a product its permissions on a system. */
export function permissionsOn(
  os: typeof Deno.build.os,
  { permissions, windowsPermissions = [] }: Product,
): readonly string[] {
  return os === "windows"
    ? [...permissions, ...windowsPermissions]
    : permissions;
}

/**
 * The Manager: serves a fleet, and is its command line. It starts no programs. It loads libraries on Windows only, to see
 * who has rights to its state folder.
 */
export const manager: Product = {
  name: "piri-manager",
  entry: "manager.ts",
  workers: ["lib/store/store_thread.ts"],
  permissions: [
    "--allow-env",
    "--allow-net",
    "--allow-read",
    "--allow-sys",
    "--allow-write",
    // Without this flag, a missing permission becomes a question on the operator's terminal.
    "--no-prompt",
  ],
  windowsPermissions: ["--allow-ffi"],
};

/**
 * The Agent: carries out commands on a host. It needs all permissions, because Deno otherwise refuses
 * /proc/<pid>/environ.
 */
export const agent: Product = {
  name: "piri-agent",
  entry: "agent.ts",
  workers: ["lib/agent/workers/worker.ts"],
  permissions: ["--allow-all"],
};
