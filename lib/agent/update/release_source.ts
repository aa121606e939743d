import { type Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { patiently } from "../../operations/patiently.ts";

/** Names in a release that are no files of it. */
export const MANIFEST_NAME = "manifest";
export const SIGNATURE_NAME = "signature";

/** Means of reading a release that the Manager has. */
export interface ReleaseSourceOptions {
  readonly version: string;
  /** Requests data of the Manager. */
  readonly request: (
    type: string,
    params: string,
  ) => Promise<string | Uint8Array>;
  /** Aborted when the command must end. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Release that the Manager has. While the connection is down, requests wait. */
export class ReleaseSource {
  readonly #options: ReleaseSourceOptions;

  constructor(options: ReleaseSourceOptions) {
    this.#options = options;
  }

  /**
   * Reads a part of a file; shorter at its end.
   *
   * @throws {PiriError} NOT_FOUND and others with the Manager's reason; CANCELLED
   */
  async read(
    name: string,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array> {
    const { version, request, signal, clock } = this.#options;
    const params = JSON.stringify({ version, name, offset, length });
    const answer = await patiently(() => request("release", params), {
      what: "a release",
      signal,
      clock,
    });
    if (signal.aborted) throw cancelled(version);
    if (typeof answer !== "string" && answer.length <= length) return answer;
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot read "${name}" of version ${version}: the Manager answered with something else`,
    );
  }

  /**
   * Reads a whole file.
   *
   * @throws {PiriError} as `read`; CORRUPT above the limit
   */
  async readAll(name: string, limit: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let offset = 0;
    for (;;) {
      const part = await this.read(name, { offset, length: Limits.piece });
      parts.push(part);
      offset += part.length;
      if (part.length < Limits.piece) break;
      if (offset <= limit) continue;
      throw new PiriError(
        "CORRUPT",
        `Cannot read "${name}": it is over the limit of ${limit} bytes`,
      );
    }
    const whole = new Uint8Array(offset);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** Error of an update that was cancelled in time. */
export function cancelled(version: string): PiriError {
  return new PiriError(
    "CANCELLED",
    `Cannot update to version ${version}: the command was cancelled, and nothing was switched`,
  );
}
