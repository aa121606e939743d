/** Search for the number of a user or group by its name; undefined if there is none. */
export type FindAccount = (
  kind: "user" | "group",
  name: string,
) => Promise<number | undefined>;

/** Users and groups of a host. Each is looked up once in a run, and one that is not there again each time. */
export class Accounts {
  readonly #search: FindAccount;
  readonly #found = new Map<string, number>();

  constructor(search: FindAccount) {
    this.#search = search;
  }

  async find(
    kind: "user" | "group",
    name: string,
  ): Promise<number | undefined> {
    const key = `${kind} ${name}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const number = await this.#search(kind, name);
    if (number !== undefined) this.#found.set(key, number);
    return number;
  }

  /** Forgets all, since they may have changed. */
  forgetAll(): void {
    this.#found.clear();
  }
}
