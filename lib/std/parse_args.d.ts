export interface ParseArgsOptions {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: readonly string[];
  collect?: readonly string[];
  default?: Record<string, unknown>;
  negatable?: readonly string[];
  stopEarly?: boolean;
  string?: readonly string[];
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export interface ParsedArgs {
  [name: string]: unknown;
  _: (string | number)[];
  "--"?: string[];
}
export function parseArgs(
  args: readonly string[],
  options?: ParseArgsOptions,
): ParsedArgs;
