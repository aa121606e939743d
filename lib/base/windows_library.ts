import { PiriError } from "./errors.ts";

/** Functions of a library of Windows, which `using` closes. */
export type WindowsLibrary<S extends Deno.ForeignLibraryInterface> =
  & Deno.DynamicLibrary<S>
  & Disposable;

/**
 * Opens a library of Windows.
 *
 * @param attempt What needs it, as "find out who may read the state folder".
 * @throws {PiriError} DENIED if this program may load no libraries
 */
export function openWindowsLibrary<
  const S extends Deno.ForeignLibraryInterface,
>(name: string, symbols: S, attempt: string): WindowsLibrary<S> {
  try {
    const library = Deno.dlopen(name, symbols);
    return { ...library, [Symbol.dispose]: () => library.close() };
  } catch (error) {
    throw new PiriError(
      "DENIED",
      `Cannot ${attempt}: this program may not load the system's libraries; run it with --allow-ffi`,
      { cause: error },
    );
  }
}

/** Text as Windows takes it: UTF-16 with a zero at its end. */
export function wideText(text: string): Uint8Array<ArrayBuffer> {
  const units = Uint16Array.from(`${text}\0`, (unit) => unit.charCodeAt(0));
  return new Uint8Array(units.buffer);
}
