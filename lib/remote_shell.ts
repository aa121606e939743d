import { PiriError } from "./base/errors.ts";
import type { RemoteShell } from "./cli/manager/services.ts";

/** Shell of a host by the user's own ssh, with the keys and the settings of that. */
export function remoteShell(destination: string): RemoteShell {
  return {
    async run(line, input = new Uint8Array()) {
      // It ends with the caller, whatever becomes of the line.
      await using child = spawn(destination, line);
      const decoder = new TextDecoder();
      const [{ code, stdout, stderr }] = await Promise.all([
        child.output(),
        feed(child.stdin, input),
      ]);
      return {
        code,
        stdout: decoder.decode(stdout),
        stderr: decoder.decode(stderr),
      };
    },
  };
}

/** Questions of ssh, as for a password, go to the terminal and not to its standard input. */
function spawn(destination: string, line: string): Deno.ChildProcess {
  try {
    return new Deno.Command("ssh", {
      args: ["-T", "--", destination, line],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new PiriError(
      "NOT_FOUND",
      "Cannot run ssh: there is no such program on the PATH",
      { cause },
    );
  }
}

/** Writes all input. If the host stops reading, its exit code tells why. */
async function feed(
  stdin: WritableStream<Uint8Array>,
  input: Uint8Array,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}
