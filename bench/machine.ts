import { cpus, totalmem } from "node:os";

/** Description of this machine beside its numbers: processor, cores, memory, system. */
export function machineName(): string {
  const all = cpus();
  const model = all[0]?.model.trim() || "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${model}, ${all.length} cores, ${memory} GiB, ${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`;
}
