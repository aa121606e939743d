import type { Host, HostReader, HostWriter } from "./host.ts";
import type { HostParts, Print } from "./host_parts.ts";
import { RealReader } from "./real_reader.ts";
import { RealWriter } from "./real_writer.ts";
import { SharedReads } from "./shared_reads.ts";

/** Host that an agent runs on. */
export class RealHost implements Host {
  readonly #parts: HostParts;
  readonly #reads = new SharedReads();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  reader(signal: AbortSignal): HostReader {
    return new RealReader(this.#parts, this.#reads, signal);
  }

  writer(signal: AbortSignal, print: Print): HostWriter {
    return new RealWriter(this.#parts, this.#reads, { signal, print });
  }
}
