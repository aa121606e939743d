import type { Host, HostReader, HostWriter } from "./host.ts";
import type { HostParts, Print } from "./host_parts.ts";
import { RealReader } from "./real_reader.ts";
import { RealWriter } from "./real_writer.ts";

/** Host that an agent runs on. */
export class RealHost implements Host {
  readonly #parts: HostParts;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  reader(signal: AbortSignal): HostReader {
    return new RealReader(this.#parts, signal);
  }

  writer(signal: AbortSignal, print: Print): HostWriter {
    return new RealWriter(this.#parts, signal, print);
  }
}
