/** Counts the bytes that a process has the system write to disks: proc(5), `write_bytes` of its io. Linux only. */
export class WrittenBytes {
  #bytes = 0;
  #works = 0;

  /** Does a work of the process as often as `count` says in one, and counts what is written meanwhile. */
  async during<T>(
    pid: number,
    count: number,
    work: () => Promise<T>,
  ): Promise<T> {
    const before = await writtenBy(pid);
    const result = await work();
    const after = await writtenBy(pid);
    if (before !== undefined && after !== undefined) {
      this.#bytes += after - before;
      this.#works += count;
    }
    return result;
  }

  /** Bytes for each, as a note of the bench; none where the system does not tell. */
  notes(what: string): string[] {
    if (this.#works === 0) return [];
    const each = Math.round(this.#bytes / this.#works);
    return [`bytes that the Manager writes to disk for ${what}: ${each}`];
  }
}

async function writtenBy(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const io = await Deno.readTextFile(`/proc/${pid}/io`);
  const [, bytes] = /^write_bytes: ([0-9]+)$/m.exec(io) ?? [];
  return bytes === undefined ? undefined : Number(bytes);
}
