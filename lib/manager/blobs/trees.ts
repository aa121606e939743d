import { concat } from "@std/bytes/concat";
import { codeOf } from "../../base/errors.ts";
import { hashesInTree, MAX_TREE_BYTES } from "../../files/tree.ts";
import type { BlobUse } from "../../store/records.ts";
import type { BlobFolder } from "./blob_folder.ts";

/** Number of trees whose members stay in memory: agents ask for one after the other of them. */
const REMEMBERED = 8;

const READ_BYTES = 1_048_576;

/** Members of trees: the blobs of the files that a list of files has. */
export class Trees {
  readonly #folder: BlobFolder;
  readonly #members = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(folder: BlobFolder) {
    this.#folder = folder;
  }

  /** Hashes of the files in a tree. Throws as `BlobFolder.read`. */
  members(tree: string): Promise<ReadonlySet<string>> {
    const members = this.#members.get(tree) ?? this.#read(tree);
    this.#members.delete(tree);
    this.#members.set(tree, members);
    const [oldest] = this.#members.keys();
    if (this.#members.size > REMEMBERED && oldest !== undefined) {
      this.#members.delete(oldest);
    }
    members.catch(() => this.#members.delete(tree));
    return members;
  }

  /** Adds the uses of all members of trees: they are kept as long as the tree. */
  async withMembers(uses: readonly BlobUse[]): Promise<BlobUse[]> {
    const all = [...uses];
    for (const use of uses) {
      if (!use.isTree) continue;
      const members = await this.#read(use.sha256).catch((error) => {
        if (codeOf(error) === "NOT_FOUND") return [];
        throw error;
      });
      for (const sha256 of members) {
        all.push({ ...use, sha256, isTree: false });
      }
    }
    return all;
  }

  async #read(tree: string): Promise<ReadonlySet<string>> {
    const pieces: Uint8Array[] = [];
    for (let offset = 0; offset < MAX_TREE_BYTES;) {
      const range = { offset, length: READ_BYTES };
      const piece = await this.#folder.read(tree, range);
      if (piece.length === 0) break;
      pieces.push(piece);
      offset += piece.length;
    }
    return new Set(hashesInTree(new TextDecoder().decode(concat(pieces))));
  }
}
