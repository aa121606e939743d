/** A process that still lives. */
export interface Leftover {
  readonly pid: number;
  readonly words: string;
}

/** Finds the living processes with this text in their arguments or environment. Linux only; zombies do not count. */
export function leftoversOf(text: string): Leftover[] {
  const found: Leftover[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const words = read(name, "cmdline");
    if (!words.includes(text) && !read(name, "environ").includes(text)) {
      continue;
    }
    found.push({ pid: Number(name), words: words.replaceAll("\0", " ") });
  }
  return found;
}

/** Reads one of these files. It is empty for a zombie or a process that is gone meanwhile. */
function read(pid: string, file: "cmdline" | "environ"): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return "";
  }
}
