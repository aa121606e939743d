/** What a process has used so far, all its threads together. Linux only. */
export interface ProcessorUse {
  /** Time on a processor, milliseconds. */
  readonly cpuMs: number;
  /** How often it gave the processor back by itself: how often it was woken. */
  readonly switches: number;
}

/** Reads it from /proc. */
export async function processorUseOf(pid: number): Promise<ProcessorUse> {
  let nanoseconds = 0;
  let switches = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const task = `/proc/${pid}/task/${name}`;
    const [onCpu] = (await Deno.readTextFile(`${task}/schedstat`)).split(" ");
    nanoseconds += Number(onCpu);
    const status = await Deno.readTextFile(`${task}/status`);
    switches += Number(
      /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1],
    );
  }
  return { cpuMs: nanoseconds / 1e6, switches };
}
