import type { Sink, Terminal } from "./terminal.ts";

/** Values of `--color`. */
export type ColourChoice = "auto" | "always" | "never";

/** The flag `--color` of subcommands that show the output of programs. */
export const COLOUR_FLAG = {
  type: "choice",
  summary:
    "colours of programs and of names: auto (default, on a terminal without NO_COLOR), always, never",
  choices: ["auto", "always", "never"],
} as const;

/** True if a stream gets colours. */
export function isColoured(
  choice: ColourChoice,
  { isTerminal }: Sink,
  terminal: Terminal,
): boolean {
  if (choice !== "auto") return choice === "always";
  // https://no-color.org: any value but the empty one.
  return isTerminal && (terminal.env("NO_COLOR") ?? "") === "" &&
    !isDumb(terminal);
}

/** True if a terminal knows neither colours nor how to move the cursor. */
export function isDumb(terminal: Terminal): boolean {
  return terminal.env("TERM") === "dumb";
}
