import { PiriError } from "../../base/errors.ts";
import type { ProgramAnswer } from "./host.ts";

/** Longest answer of a program on each of its streams, in bytes. */
const MAX_BYTES = 16 * 1_048_576;

/** Texts that a program prints. */
export class ProgramText {
  readonly #streams = { stdout: stream(), stderr: stream() };

  // deno-lint-ignore require-await
  async add(name: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    const stream = this.#streams[name];
    stream.bytes += bytes.length;
    if (stream.bytes > MAX_BYTES) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot read what a program prints: it is more than ${MAX_BYTES} bytes`,
      );
    }
    stream.text += stream.decoder.decode(bytes, { stream: true });
  }

  end(): Pick<ProgramAnswer, "stdout" | "stderr"> {
    const { stdout, stderr } = this.#streams;
    return { stdout: whole(stdout), stderr: whole(stderr) };
  }
}

function stream() {
  return { decoder: new TextDecoder(), text: "", bytes: 0 };
}

function whole({ text, decoder }: ReturnType<typeof stream>): string {
  return text + decoder.decode();
}
