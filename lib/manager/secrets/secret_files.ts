import { dirname, join } from "@std/path";
import type { Asker } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { readFile, writeFileAtomically } from "../../base/files.ts";
import { NAME_PATTERN } from "../../base/limits.ts";
import { checkSecret } from "../../base/masking/secret_text.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import type { Sealed } from "../../base/sealed.ts";
import { Turns } from "../../base/turns.ts";
import type { Store } from "../../store/store.ts";
import { isNamedIn } from "../../targets/names_in.ts";
import { parseTargets } from "../../targets/parse_targets.ts";
import { setsOf } from "../../targets/target_expression.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { DataOwner } from "../data/layers.ts";
import { locate } from "../data/locate.ts";
import type {
  SecretAdmin,
  SecretPlace,
  SecretView,
} from "../api/secret_api.ts";
import { AgeKeys } from "./age_keys.ts";
import { SopsFile } from "./sops_file.ts";
import type { StoredSecret, StoredSecrets } from "./stored_secrets.ts";

/** Names that the format of the files has for itself. */
const TAKEN: ReadonlySet<string> = new Set(["sops", "for"]);

/** Parts that the files of secrets need. */
export interface SecretFilesOptions {
  /** Folder with all.yaml, agents/ and groups/. */
  readonly folder: string;
  /** File with the keys of age. Made if it is missing. */
  readonly keyFile: string;
  readonly store: Pick<Store, "recordAudit">;
  readonly clock: Clock;
  readonly random: Random;
}

interface CachedFile {
  readonly stamp: string;
  readonly secrets: ReadonlyMap<string, StoredSecret>;
}

/** Secrets of the Manager's state folder, in files that SOPS reads and writes, too. */
export class SecretFiles implements StoredSecrets, SecretAdmin {
  readonly #options: SecretFilesOptions;
  /** Files by name. One that has changed is read again. */
  readonly #cache = new Map<string, CachedFile>();
  /** Keyed hashes of values: each agent of a plan asks for those of all its secrets. */
  readonly #macs = new WeakMap<Sealed, string>();
  readonly #changes = new Turns();
  #keys: Promise<AgeKeys> | undefined;

  constructor(options: SecretFilesOptions) {
    this.#options = options;
  }

  async find(
    name: string,
    owner: DataOwner,
  ): Promise<StoredSecret | undefined> {
    for (const place of placesOf(owner)) {
      const secret = (await this.#secretsIn(place)).get(name);
      if (secret !== undefined) return secret;
    }
    return undefined;
  }

  /** All secrets of an agent by their names. Throws as `find`. */
  async of(owner: DataOwner): Promise<ReadonlyMap<string, StoredSecret>> {
    const all = new Map<string, StoredSecret>();
    for (const place of placesOf(owner).toReversed()) {
      for (const [name, secret] of await this.#secretsIn(place)) {
        all.set(name, secret);
      }
    }
    return all;
  }

  async nameFor(agent: string): Promise<string | undefined> {
    const found = (await this.list()).find(({ place, forTargets }) =>
      (place.kind === "agent" && place.name === agent) ||
      isNamedIn(forTargets, agent)
    );
    return found?.name;
  }

  async macOf(name: string, value: Sealed): Promise<string> {
    const mac = this.#macs.get(value) ??
      (await this.#loadKeys()).macOf(name, value);
    this.#macs.set(value, mac);
    return mac;
  }

  async list(): Promise<SecretView[]> {
    const views: SecretView[] = [];
    for (const place of await this.#places()) {
      for (const [name, { forTargets }] of await this.#secretsIn(place)) {
        views.push({ name, place, forTargets });
      }
    }
    return views;
  }

  async set(
    { name, place, value, forTargets }: Parameters<SecretAdmin["set"]>[0],
    asker: Asker,
  ): Promise<void> {
    checkName(name);
    checkSecret(value.open(), `the secret "${name}"`);
    checkTargets(name, forTargets ?? "");
    const change = (file: SopsFile) => {
      const kept = file.secrets.get(name)?.forTargets ?? "";
      file.set(name, { value, forTargets: forTargets ?? kept });
    };
    await this.#change(place, change, { act: "SetSecret", name, asker });
  }

  async edit(
    { name, place, forTargets }: SecretView,
    asker: Asker,
  ): Promise<void> {
    checkTargets(name, forTargets);
    const change = (file: SopsFile) => {
      const secret = file.secrets.get(name);
      if (secret === undefined) throw notFound(name, place);
      file.set(name, { ...secret, forTargets });
    };
    await this.#change(place, change, { act: "EditSecret", name, asker });
  }

  async remove(
    { name, place }: Omit<SecretView, "forTargets">,
    asker: Asker,
  ): Promise<void> {
    const change = (file: SopsFile) => {
      if (!file.remove(name)) throw notFound(name, place);
    };
    await this.#change(place, change, { act: "RemoveSecret", name, asker });
  }

  rotate(asker: Asker): Promise<number> {
    return this.#changes.run(async () => {
      const { clock, store } = this.#options;
      const texts: [place: SecretPlace, text: string][] = [];
      for (const place of await this.#places()) {
        const file = await this.#open(place);
        file.rotate();
        texts.push([place, await file.text(clock.now())]);
      }
      const on = texts.map(([place]) => fileOf(place));
      await store.recordAudit(
        auditEntry({ act: "RotateSecrets", on }, asker, clock),
      );
      for (const [place, text] of texts) await this.#write(place, text);
      return texts.length;
    });
  }

  #change(
    place: SecretPlace,
    change: (file: SopsFile) => void,
    { act, name, asker }: {
      readonly act: string;
      readonly name: string;
      readonly asker: Asker;
    },
  ): Promise<void> {
    return this.#changes.run(async () => {
      const { clock, store } = this.#options;
      const file = await this.#open(place);
      change(file);
      const text = await file.text(clock.now());
      const on = `${fileOf(place)}: ${name}`;
      await store.recordAudit(auditEntry({ act, on: [on] }, asker, clock));
      await this.#write(place, text);
    });
  }

  /** File at a place, empty if there is none. */
  async #open(place: SecretPlace): Promise<SopsFile> {
    const { folder, random } = this.#options;
    const keys = await this.#loadKeys();
    const file = fileOf(place);
    const name = `secrets/${file}`;
    const located = await locate(folder, file);
    return "path" in located
      ? await SopsFile.open(await readFile(located.path), name, {
        keys,
        random,
      })
      : SopsFile.create(name, keys.recipient, random);
  }

  async #write(place: SecretPlace, text: string): Promise<void> {
    const { folder, random } = this.#options;
    const path = join(folder, fileOf(place));
    await makePrivateFolder(dirname(path));
    await writeFileAtomically(path, text, { random });
  }

  async #secretsIn(
    place: SecretPlace,
  ): Promise<ReadonlyMap<string, StoredSecret>> {
    const file = fileOf(place);
    const located = await locate(this.#options.folder, file);
    if (!("path" in located)) {
      this.#cache.delete(file);
      return new Map();
    }
    const { mtime, size, ino } = located.info;
    const stamp = `${located.path} ${mtime?.getTime()} ${size} ${ino}`;
    const cached = this.#cache.get(file);
    if (cached?.stamp === stamp) return cached.secrets;
    const { secrets } = await this.#open(place);
    this.#cache.set(file, { stamp, secrets });
    return secrets;
  }

  /** Places with a file. */
  async #places(): Promise<SecretPlace[]> {
    const { folder } = this.#options;
    const namesIn = async (name: string) => {
      const names: string[] = [];
      try {
        for await (const entry of Deno.readDir(join(folder, name))) {
          const [, owner = ""] = /^(.+)\.yaml$/.exec(entry.name) ?? [];
          if (NAME_PATTERN.test(owner)) names.push(owner);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return names.sort();
    };
    const all = await locate(folder, "all.yaml");
    return [
      ..."path" in all ? [{ kind: "all" } as const] : [],
      ...(await namesIn("groups"))
        .map((name) => ({ kind: "group", name }) as const),
      ...(await namesIn("agents"))
        .map((name) => ({ kind: "agent", name }) as const),
    ];
  }

  async #loadKeys(): Promise<AgeKeys> {
    const { keyFile, random } = this.#options;
    this.#keys ??= AgeKeys.load(keyFile, random);
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined;
      throw error;
    }
  }
}

/** Places of the secrets of an agent. The first that has one counts. */
function placesOf({ id, groups }: DataOwner): SecretPlace[] {
  return [
    { kind: "agent", name: id },
    // As with data, a later group counts before an earlier one.
    ...groups.toReversed().map((name) => ({ kind: "group", name }) as const),
    { kind: "all" },
  ];
}

/** Name of a file below the folder. */
function fileOf(place: SecretPlace): string {
  if (place.kind === "all") return "all.yaml";
  if (!NAME_PATTERN.test(place.name)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot find the secrets of the ${place.kind} ${
        JSON.stringify(place.name)
      }: that is not a name`,
    );
  }
  return `${place.kind}s/${place.name}.yaml`;
}

function checkName(name: string): void {
  if (NAME_PATTERN.test(name) && !TAKEN.has(name)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot set the secret ${
      JSON.stringify(name)
    }: a name has letters, digits, and . _ - between them, 100 at most, and is none of ${
      [...TAKEN].join(", ")
    }`,
  );
}

function checkTargets(name: string, expression: string): void {
  if (expression === "" || setsOf(parseTargets([expression])).length === 0) {
    return;
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot set whom the secret "${name}" is for: a secret lasts longer than a job, so it cannot name one`,
  );
}

function notFound(name: string, place: SecretPlace): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find the secret "${name}": there is none in secrets/${
      fileOf(place)
    }`,
  );
}
