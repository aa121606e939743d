import { until } from "./live_program.ts";

/** The processes that have this text in an argument. Linux only. */
export function processesWith(text: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name) && argumentsOf(name).includes(text)) {
      found.push(Number(name));
    }
  }
  return found;
}

/** Waits until so many processes have this text in an argument. */
export async function untilProcesses(
  text: string,
  count: number,
): Promise<void> {
  await until(
    `there are ${count} processes with ${text}`,
    () => Promise.resolve(processesWith(text).length === count),
  );
}

/** A number of seconds to sleep that no other process sleeps: it names the processes of one test. */
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
