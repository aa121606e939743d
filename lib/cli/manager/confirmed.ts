import type { Terminal } from "../terminal.ts";

/** Asks at the terminal. Any key but y is no. */
export async function confirmed(
  question: string,
  terminal: Terminal,
): Promise<boolean> {
  await terminal.stderr.write(`${question} [y/N] `);
  const answer = Promise.withResolvers<boolean>();
  using _keys = terminal.onKey((key) =>
    answer.resolve(key === "y" || key === "Y")
  );
  const isYes = await answer.promise;
  await terminal.stderr.write(isYes ? "yes\n" : "no\n");
  return isYes;
}

/** True if somebody at a terminal can be asked. */
export function canAsk(terminal: Terminal, json: boolean): boolean {
  return !json && terminal.hasKeyboard && terminal.stderr.isTerminal;
}
