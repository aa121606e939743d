import { PiriError } from "../../../lib/base/errors.ts";
import { formsOf } from "../../../lib/base/masking/secret_forms.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import type { SecretSource } from "../../../lib/steps/secrets/secret_source.ts";
import type { SheetValue } from "../../../lib/steps/sheet.ts";

/** Secrets of a test in memory. */
export class MemorySecrets implements Omit<SecretSource, "masks"> {
  /** Names in the order of the requests. */
  readonly opened: string[] = [];
  readonly paths = {
    all: new Set<string>() as ReadonlySet<string>,
    add: (paths: readonly string[]) => {
      this.paths.all = new Set([...this.paths.all, ...paths]);
      return Promise.resolve();
    },
  };
  readonly #values: Readonly<Record<string, string>>;
  readonly #key: Uint8Array;

  constructor(
    values: Readonly<Record<string, string>>,
    key: Uint8Array = new Uint8Array(32),
  ) {
    this.#values = values;
    this.#key = key;
  }

  open(name: string): Promise<Sealed> {
    this.opened.push(name);
    const value = this.#values[name];
    return value === undefined
      ? Promise.reject(new PiriError("NOT_FOUND", `There is no "${name}"`))
      : Promise.resolve(new Sealed(value));
  }

  fingerprintKey(): Promise<Uint8Array> {
    return Promise.resolve(this.#key);
  }
}

/** Text with secrets, as a sheet has it: words that begin with $ are secrets, in a form after a colon. */
export function sealed(...parts: readonly string[]): SheetValue {
  return {
    $secret: {
      parts: parts.map((part) => {
        if (!part.startsWith("$")) return part;
        const [name = "", form] = part.slice(1).split(":");
        return { name, mac: "m", ...form === undefined ? {} : { form } };
      }),
    },
  } as unknown as SheetValue;
}

/** Forms of secrets that texts have in them. */
export function leaksIn(
  texts: readonly string[],
  secrets: readonly string[],
): string[] {
  const all = texts.join("");
  const decoder = new TextDecoder();
  return secrets.flatMap(formsOf).map((form) => decoder.decode(form))
    .filter((form) => all.includes(form));
}
