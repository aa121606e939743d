/** An executable that is built from the sources. */
export interface Product {
  readonly name: string;
  /** Its main module, from the root of the repository. */
  readonly entry: string;
  /** Modules that it starts as workers, from the root of the repository. */
  readonly workers: readonly string[];
  /** The flags of `deno run` and `deno compile` that say what it may do. */
  readonly permissions: readonly string[];
}

/** Serves a fleet, and is its command line. It starts no programs and loads no libraries. */
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
    // Without it, a missing permission is a question on the operator's terminal.
    "--no-prompt",
  ],
};

/** Carries out commands on a host. /proc/<pid>/environ needs all permissions, or Deno refuses it. */
export const agent: Product = {
  name: "piri-agent",
  entry: "agent.ts",
  workers: ["lib/agent/workers/worker.ts"],
  permissions: ["--allow-all"],
};
