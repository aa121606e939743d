import type { CompiledAgent } from "../../lib/states/compile_input.ts";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../lib/base/sha256.ts";
import type {
  FolderFile,
  StateFile,
  StateReader,
} from "../../lib/states/state_reader.ts";
import { Compiler } from "../../lib/states/compiler.ts";
import type { CompiledState } from "../../lib/states/compiled_state.ts";
import { MORE_OPERATIONS } from "./more_operations.ts";

/** Folder of a Manager in memory: texts and bytes by their paths. */
export class MemoryFolder implements StateReader {
  readonly #files = new Map<string, string | Uint8Array>();
  /** Files that were loaded, in order. */
  readonly loaded: string[] = [];

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string | Uint8Array): void {
    this.#files.set(path, text);
  }

  open(path: string): Promise<StateFile | undefined> {
    const content = this.#files.get(path);
    if (content === undefined) return Promise.resolve(undefined);
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    const load = () => {
      this.loaded.push(path);
      return Promise.resolve(bytes);
    };
    const digest = () =>
      Promise.resolve({ sha256: encodeHex(sha256(bytes)), size: bytes.length });
    return Promise.resolve({ path, stamp: `${content}`, load, digest });
  }

  async find(
    { groups }: { readonly groups: readonly string[] },
    name: string,
  ): Promise<StateFile | undefined> {
    const places = [
      ...groups.toReversed().map((group) => `files/groups/${group}/${name}`),
      `files/all/${name}`,
    ];
    for (const place of places) {
      const file = await this.open(place);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  async folder(
    { groups }: { readonly groups: readonly string[] },
    name: string,
  ): Promise<readonly FolderFile[] | undefined> {
    for (const layer of [...groups.map((group) => `groups/${group}`), "all"]) {
      const start = `files/${layer}/${name}/`;
      const paths = [...this.#files.keys()]
        .filter((path) => path.startsWith(start)).toSorted();
      const opened = await Promise.all(paths.map((path) => this.open(path)));
      const files = opened.flatMap((file) =>
        file === undefined
          ? []
          : [{ path: file.path.slice(start.length), file }]
      );
      if (files.length > 0) return files;
    }
    return undefined;
  }

  list(): Promise<readonly string[]> {
    const paths = [...this.#files.keys()];
    return Promise.resolve(paths.filter((path) => path.startsWith("states/")));
  }

  operationFiles(): Promise<readonly string[]> {
    const paths = [...this.#files.keys()];
    return Promise.resolve(
      paths.filter((path) => /^operations\/.*\.ts$/.test(path)),
    );
  }
}

/** An agent with some facts. */
export function anAgent(changes: Partial<CompiledAgent> = {}): CompiledAgent {
  return {
    id: "web-1",
    groups: ["web"],
    facts: { os: "linux", "os.name": "debian", hostname: "web-1", cpus: "4" },
    data: {},
    secrets: new Map(),
    ...changes,
  };
}

/** Compiler over some files, with all operations. */
export function compilerOf(
  files: Readonly<Record<string, string | Uint8Array>>,
): Compiler {
  return new Compiler({
    reader: new MemoryFolder(files),
    operations: MORE_OPERATIONS,
  });
}

/** Compiles the whole state of one agent out of one file. */
export function compileText(
  text: string,
  changes: Partial<CompiledAgent> = {},
): Promise<CompiledState> {
  return compilerOf({ "states/all.yaml": text }).compile("", anAgent(changes));
}

/** Texts of all errors of a state. */
export async function errorsOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  changes: Partial<CompiledAgent> = {},
): Promise<string[]> {
  const compiler = compilerOf(files);
  const { problems } = await compiler.compile("", anAgent(changes));
  return problems.map((problem) => compiler.format(problem));
}
