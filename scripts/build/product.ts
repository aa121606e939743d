/** Executable that is built from the sources. */
export interface Product {
  readonly name: string;
  /** Main module, relative to the root of the repository. */
  readonly entry: string;
  /** Modules that it starts as workers, relative to the root of the repository. */
  readonly workers: readonly string[];
  /** Flags of `deno run` and `deno compile`: its permissions, and options of the runtime. */
  readonly flags: readonly string[];
}

/**
 * The Manager: serves a fleet, and is its command line. `service` starts the programs of the service manager. It loads
 * system libraries: on Linux for names of files that are not UTF-8 and to notify systemd, on Windows to see who has
 * rights to its state folder. `serve` gives both up, but on Windows only the programs.
 */
export const manager: Product = {
  name: "piri-manager",
  entry: "manager.ts",
  workers: ["lib/store/store_thread.ts"],
  flags: [
    "--allow-env",
    "--allow-ffi",
    "--allow-net",
    "--allow-read",
    "--allow-run",
    "--allow-sys",
    "--allow-write",
    // Without this flag, a missing permission becomes a question on the operator's terminal.
    "--no-prompt",
    // New objects have 8 MB twice, rather than 16 MB: that grows while agents dial, and is never given back. Smaller
    // ones cost more time, also at the start, which fills 1 MB again and again before it grows.
    "--v8-flags=--max-semi-space-size=8,--min-semi-space-size=8",
  ],
};

/**
 * The Agent that can only look: the same code, and a runtime that lets it start no program, load no library and write
 * nowhere but in the folder that it is started in, which is its state folder.
 */
export const observer: Product = {
  name: "piri-agent-observe",
  entry: "agent.ts",
  workers: [
    "lib/agent/workers/worker.ts",
    "lib/operations/custom/module_worker.ts",
  ],
  flags: [
    "--allow-env",
    "--allow-net",
    "--allow-read",
    "--allow-sys",
    // Found at each start, not when it was compiled: the folder that is then the current one.
    "--allow-write=.",
    "--no-prompt",
  ],
};

/**
 * The Agent: carries out commands on a host. It needs all permissions, because Deno otherwise refuses
 * /proc/<pid>/environ.
 */
export const agent: Product = {
  name: "piri-agent",
  entry: "agent.ts",
  workers: [
    "lib/agent/workers/worker.ts",
    "lib/operations/custom/module_worker.ts",
  ],
  flags: [
    "--allow-all",
    "--no-prompt",
    // Custom operations run in threads with fewer permissions. Without this flag, the first one would end the program.
    "--unstable-worker-options",
  ],
};
