import { until } from "./live_program.ts";

/** Processes that have this text in an argument. Linux only. */
export function processesWith(text: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name) && argumentsOf(name).includes(text)) {
      found.push(Number(name));
    }
  }
  return found;
}

/** Waits until exactly `count` processes have this text in an argument. */
export async function untilProcesses(
  text: string,
  count: number,
): Promise<void> {
  await until(
    `there are ${count} processes with ${text}`,
    () => Promise.resolve(processesWith(text).length === count),
  );
}

/** Number of seconds that no other process sleeps: it marks the processes of one test. */
export function oddSeconds(): string {
  return `600.${String(Math.random()).slice(2, 12)}`;
}

function argumentsOf(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return ""; // it has ended meanwhile
  }
}
