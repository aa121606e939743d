/** Settings of an agent for operations that its Manager's users wrote: the key `customOperations` of agent.yaml. */
export interface CustomSettings {
  /** Modules that may run. */
  readonly allow: "all" | "none" | readonly string[];
  /** User that they run as; the agent's own if absent. */
  readonly runAs?: string | undefined;
}
