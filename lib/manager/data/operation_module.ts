import { PiriError } from "../../base/errors.ts";
import type { FileLibrary } from "./file_library.ts";
import type { DataOwner } from "./layers.ts";

/** A name that Python can import. No path matches. */
const MODULE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/**
 * Name of the file with the source of a module.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a name that no module can have
 */
export function moduleFile(name: string): string {
  if (MODULE_NAME.test(name)) return `operations/${name}.py`;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use ${
      JSON.stringify(name.slice(0, 100))
    } as the name of a module: it may have letters, digits and underscores`,
  );
}

/**
 * Returns the Python source of an operation that a legacy agent does not have: the agent's file operations/NAME.py.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a name that no module can have, or a module that is too large; NOT_FOUND; DISK;
 * CORRUPT if it is not UTF-8
 */
export async function readModule(
  files: FileLibrary,
  owner: DataOwner,
  { name, maxBytes }: { name: string; maxBytes: number },
): Promise<string> {
  const file = moduleFile(name);
  const bytes = await files.read(owner, file, {
    offset: 0,
    length: maxBytes + 1,
  });
  if (bytes.length > maxBytes) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot answer with the file "${file}": it is over the limit of ${maxBytes} bytes`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      `Cannot answer with the file "${file}": it is not UTF-8`,
      { cause },
    );
  }
}
