/** Processor use of a process so far, all its threads together. Linux only. */
export interface ProcessorUse {
  /** Time on a processor, in milliseconds. */
  readonly cpuMs: number;
  /** Number of voluntary context switches, that is, of wake-ups. */
  readonly switches: number;
}

/** Reads the processor use from /proc. */
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
