import { PiriError } from "../base/errors.ts";
import { Sealed } from "../base/sealed.ts";
import type { Terminal } from "./terminal.ts";
import { decodeExactly } from "./utf8.ts";

/**
 * Asks for a secret at the terminal without showing what is typed, or reads it from standard input if no person is there.
 * The last line end of that is left out.
 *
 * @param what Words for the secret, for the question.
 * @throws {PiriError} CANCELLED by Ctrl-C or Ctrl-D; INVALID_ARGUMENT for input that is not UTF-8
 */
export async function askSecret(
  what: string,
  terminal: Terminal,
): Promise<Sealed> {
  return new Sealed(
    terminal.hasKeyboard
      ? await typedSecret(what, terminal)
      : secretText(await terminal.readStdin(), "standard input"),
  );
}

/**
 * Text of a secret in a file or in input, without the last line end.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is not UTF-8
 */
export function secretText(bytes: Uint8Array, where: string): string {
  const text = decodeExactly(bytes);
  if (text !== undefined) return text.replace(/\r?\n$/, "");
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot take a secret from ${where}: it is not UTF-8 text; give it as base64`,
  );
}

async function typedSecret(what: string, terminal: Terminal): Promise<string> {
  await terminal.stderr.write(`${what}: `);
  const typed = Promise.withResolvers<string>();
  const leave = () =>
    typed.reject(
      new PiriError("CANCELLED", `Cannot ask for ${what}: it was cancelled`),
    );
  let text = "";
  {
    using _keys = terminal.onKey((key) => {
      if (key === "\r" || key === "\n") typed.resolve(text);
      else if (key === "\x03" || key === "\x04") leave();
      else if (key === "\x7f" || key === "\b") {
        text = [...text].slice(0, -1).join("");
      } else text += key;
    });
    using _signal = terminal.onSignal("SIGINT", leave);
    try {
      return await typed.promise;
    } finally {
      await terminal.stderr.write("\n");
    }
  }
}
