/**
 * Opens the C library of Linux or macOS. Undefined on other systems, if it lacks one of the symbols, and if this program
 * may load no libraries.
 */
export function openCLibrary<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S> | undefined {
  for (const name of names()) {
    try {
      return Deno.dlopen(name, symbols);
    } catch {
      // Try the next name; without any, the caller does without the library.
    }
  }
  return undefined;
}

function names(): readonly string[] {
  switch (Deno.build.os) {
    case "linux":
      // The first name is glibc's, the second is musl's.
      return ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`];
    case "darwin":
      return ["libSystem.B.dylib"];
    default:
      return [];
  }
}
