import { canonicalJson } from "../base/statement.ts";
import type { SheetValue, TreeFile } from "../steps/sheet.ts";
import type { Blobs } from "./blobs.ts";
import {
  ExpressionError,
  type Expressions,
  type Scope,
} from "./expressions.ts";
import type { Place } from "./place.ts";
import { StateError } from "./problems.ts";
import { MAX_TEXT_BYTES, sizeOf } from "./read_parameter.ts";
import { SecretDrop } from "./secret_text.ts";
import type { StateOwner } from "./state_files.ts";
import type { StateFile, StateReader } from "./state_reader.ts";

/** Content of files on the Manager that steps name: as it is, or rendered. */
export class ContentFiles {
  readonly #reader: StateReader;
  readonly #expressions: Expressions;
  /** Lines of templates that were read, for errors. */
  readonly #lines = new Map<string, readonly string[]>();

  constructor(reader: StateReader, expressions: Expressions) {
    this.#reader = reader;
    this.#expressions = expressions;
  }

  /** Line of a template, as it is in the file. */
  lineOf(path: string, line: number): string | undefined {
    return this.#lines.get(path)?.[line - 1];
  }

  /**
   * Content of a file.
   *
   * @throws {StateError} at the place that names it
   */
  async source(
    name: string,
    { place, owner, blobs }: { place: Place; owner: StateOwner; blobs: Blobs },
  ): Promise<SheetValue> {
    const file = await this.#open(name, place, owner);
    const { size } = await file.digest();
    const text = size > MAX_TEXT_BYTES ? undefined : textOf(await file.load());
    return text ?? await blobs.source(file);
  }

  /**
   * Blob that a file is.
   *
   * @throws {StateError} at the place that names it
   */
  async file(
    name: string,
    { place, owner, blobs }: { place: Place; owner: StateOwner; blobs: Blobs },
  ): Promise<SheetValue> {
    return await blobs.source(await this.#open(name, place, owner));
  }

  /**
   * Blob that lists the files of a folder.
   *
   * @throws {StateError} at the place that names it
   */
  async folder(
    name: string,
    { place, owner, blobs }: { place: Place; owner: StateOwner; blobs: Blobs },
  ): Promise<SheetValue> {
    requireSafe(name, place);
    const files = await this.#reader.folder(owner, name);
    if (files === undefined) {
      throw new StateError(
        place,
        `Cannot find the folder "${name}": it is neither in files/all nor in files/groups of the agent's groups`,
      );
    }
    const list: TreeFile[] = [];
    for (const { path, file } of files) {
      const { $blob } = await blobs.source(file);
      list.push({ path, ...$blob });
    }
    return blobs.add(canonicalJson(list));
  }

  /**
   * Content that a template gives.
   *
   * @throws {StateError} at the place that names the template, or at a place in it
   */
  async template(
    name: string,
    { place, owner, blobs, scope }: {
      place: Place;
      owner: StateOwner;
      blobs: Blobs;
      scope: Scope;
    },
  ): Promise<SheetValue> {
    const file = await this.#open(name, place, owner);
    const text = textOf(await file.load());
    if (text === undefined) {
      throw new StateError(
        place,
        `Cannot render "${name}": it is no text in UTF-8`,
      );
    }
    const parts = this.#render(text, file.path, scope);
    if (parts.some((part) => typeof part !== "string")) {
      return {
        $secret: {
          parts: parts.map((part) =>
            typeof part === "string" ? part : { ...SecretDrop.partOf(part) }
          ),
        },
      };
    }
    const content = parts.join("");
    return sizeOf(content) > MAX_TEXT_BYTES ? blobs.add(content) : content;
  }

  #render(text: string, path: string, scope: Scope) {
    try {
      return this.#expressions.render(text, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#lines.set(path, text.split(/\r?\n/));
      const { line, column, message, unknown } = error;
      throw new StateError(
        { file: path, line, column },
        `Cannot render this template: ${message}${
          unknown === undefined
            ? ""
            : '; give it one in data or vars, or use "| default: VALUE"'
        }`,
      );
    }
  }

  async #open(
    name: string,
    place: Place,
    owner: StateOwner,
  ): Promise<StateFile> {
    requireSafe(name, place);
    const file = await this.#reader.find(owner, name);
    if (file !== undefined) return file;
    throw new StateError(
      place,
      `Cannot find the file "${name}": it is neither in files/all nor in files/groups of the agent's groups`,
    );
  }
}

/** @throws {StateError} for a name that leads out of its folder */
function requireSafe(name: string, place: Place): void {
  const isSafe = !/[\\\0]/.test(name) && !name.startsWith("/") &&
    name.split("/").every((part) => part !== "" && !/^\.\.?$/.test(part));
  if (isSafe) return;
  throw new StateError(
    place,
    `Cannot use the file name "${name}": name a file by its path below files/all, as nginx/site.conf`,
  );
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return undefined;
  }
}
