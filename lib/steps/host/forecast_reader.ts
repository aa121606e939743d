import { basename, dirname, join, resolve } from "@std/path";
import { codeOf, PiriError } from "../../base/errors.ts";
import type { Effect } from "../step_operation.ts";
import { dependsOn, Unforeseen } from "../unforeseen.ts";
import type {
  ContentOptions,
  Endpoint,
  FileContent,
  HostReader,
  PathFacts,
  ProgramAnswer,
  ProgramFinding,
  StepProgram,
  Thing,
  ThingFacts,
  WebAnswer,
  WebRequest,
} from "./host.ts";
import { requireOwnLinks } from "./foreign_links.ts";
import { LinkCircle, MAX_LINKS, unlessCircle } from "./link_circle.ts";
import type { HostTable } from "./shared_reads.ts";
import { ThingForecast } from "./thing_forecast.ts";

type PathEffect = Extract<Effect, { kind: "path" }>;

/** Forecast of what is at a path. */
interface Node {
  readonly facts: PathFacts | undefined;
  readonly content?: FileContent | undefined;
  /** True for a folder that is made: nothing of the host shows through. */
  readonly isFresh: boolean;
}

/** Host as it will be after the steps that are ahead. */
export class ForecastReader implements HostReader {
  #host: HostReader;
  readonly #nodes = new Map<string, Node>();
  /** Paths that a step with an unknown verdict may write, with its name. */
  readonly #unknown = new Map<string, string>();
  readonly #things = new ThingForecast();
  #ahead: string | undefined;

  constructor(host: HostReader) {
    this.#host = host;
  }

  /** Looks at the host by another reader from now on, such as one that ends with another step. */
  lookBy(host: HostReader): void {
    this.#host = host;
  }

  /** Adds the effects of a step. Returns its name if anything may be there after it. */
  addEffects(
    step: string,
    effects: readonly Effect[] = [],
  ): string | undefined {
    let opaque: string | undefined;
    for (const effect of effects) {
      if (effect.kind === "opaque") opaque = step;
      else if (effect.kind === "covered") {
        this.addUnknown(step, { paths: [effect.path], things: [] });
      } else this.add(effect);
    }
    return opaque;
  }

  /** Adds what a step changes for sure. */
  add(effect: Exclude<Effect, { kind: "opaque" | "covered" }>): void {
    if (effect.kind === "path") this.#addPath(effect);
    else this.#things.add(effect.thing, effect.facts);
  }

  #addPath(effect: PathEffect): void {
    const path = this.#placeOf(effect.path);
    const before = this.#at(path);
    const { facts, content } = effect;
    const stays = facts?.kind === "folder" && before?.kind === "folder";
    const isFresh = facts?.kind === "folder" &&
      (!stays || this.#nodes.get(path)?.isFresh === true ||
        !this.#showsThrough(path));
    if (!stays) this.#forgetBelow(path);
    this.#nodes.set(path, { facts, content, isFresh });
  }

  /** Adds what a step may change, or may leave. */
  addUnknown(
    step: string,
    { paths, things }: {
      readonly paths: readonly string[];
      readonly things: readonly Thing[];
    },
  ): void {
    for (const thing of things) this.#things.addUnknown(thing, step);
    for (const path of paths) {
      // What nobody can look at is looked at by no later step either.
      const place = unlessCircle(() => this.#placeOf(path)) ?? path;
      this.#unknown.set(place, step);
    }
  }

  /** Notes that a step will change something: programs cannot be asked any more. */
  markAhead(step: string): void {
    this.#ahead ??= step;
  }

  get self(): HostReader["self"] {
    return this.#host.self;
  }

  get clock(): HostReader["clock"] {
    return this.#host.clock;
  }

  get signal(): AbortSignal {
    return this.#host.signal;
  }

  facts(path: string): PathFacts | undefined {
    if (this.#isPlain) return this.#host.facts(path);
    const place = this.#placeOf(path);
    this.#requireKnown(place);
    return this.#at(place);
  }

  followed(path: string): PathFacts | undefined {
    if (this.#isPlain) return this.#host.followed(path);
    const facts = this.facts(path);
    if (facts?.kind !== "link") return facts;
    const place = unlessCircle(() => this.realPath(path));
    return place === undefined ? undefined : this.facts(place);
  }

  realPath(path: string): string {
    if (this.#isPlain) return this.#host.realPath(path);
    let place = this.#placeOf(path);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const facts = this.#at(place);
      if (facts?.kind !== "link") return place;
      place = this.#placeOf(resolve(dirname(place), facts.target ?? ""));
    }
    throw new LinkCircle(path);
  }

  pathToWrite(path: string): string {
    if (this.#isPlain) return this.#host.pathToWrite(path);
    requireOwnLinks(path, this, { followsLast: true });
    return this.realPath(path);
  }

  names(path: string): readonly string[] {
    if (this.#isPlain) return this.#host.names(path);
    const place = this.realPath(path);
    this.#requireKnown(place);
    for (const [unknown, step] of this.#unknown) {
      if (dirname(unknown) === place) throw dependsOn(step);
    }
    const names = new Set(
      this.#showsThrough(place) ? this.#host.names(place) : [],
    );
    for (const [each, { facts }] of this.#nodes) {
      if (dirname(each) !== place || each === place) continue;
      if (facts === undefined) names.delete(basename(each));
      else names.add(basename(each));
    }
    return [...names].sort((one, other) => one < other ? -1 : 1);
  }

  async content(
    path: string,
    options: ContentOptions = {},
  ): Promise<FileContent> {
    if (this.#isPlain) return await this.#host.content(path, options);
    if (options.isToWrite === true) requireOwnLinks(path, this);
    const place = this.realPath(path);
    this.#requireKnown(place);
    const node = this.#nodes.get(place);
    if (node?.content !== undefined) return node.content;
    if (this.#at(place) === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot read "${path}": it is not there`,
      );
    }
    return await this.#host.content(place, options);
  }

  blob(name: { sha256: string; size: number }): FileContent {
    return this.#host.blob(name);
  }

  account(kind: "user" | "group", name: string): Promise<number | undefined> {
    const foreseen = this.#things.accountOf(kind, name);
    return foreseen === undefined
      ? this.#host.account(kind, name)
      : Promise.resolve(foreseen.number);
  }

  isHome(path: string): boolean {
    return this.#host.isHome(path);
  }

  isMountPoint(path: string): boolean {
    const foreseen = this.foreseen({ kind: "mount", name: path });
    return foreseen === undefined
      ? this.#host.isMountPoint(path)
      : foreseen.facts !== undefined;
  }

  async look(program: StepProgram): Promise<ProgramFinding> {
    this.requireNow();
    return await this.#host.look(program);
  }

  ask(program: StepProgram): Promise<ProgramAnswer> {
    return this.#host.ask(program);
  }

  shared<T>(table: HostTable, read: () => Promise<T>): Promise<T> {
    return this.#host.shared(table, read);
  }

  foreseen(thing: Thing): { facts: ThingFacts | undefined } | undefined {
    return this.#things.of(thing) ?? this.#host.foreseen(thing);
  }

  async answers(endpoint: Endpoint): Promise<boolean> {
    this.requireNow();
    return await this.#host.answers(endpoint);
  }

  async fetchStatus(url: string): Promise<number | undefined> {
    this.requireNow();
    return await this.#host.fetchStatus(url);
  }

  askServer(request: WebRequest): Promise<WebAnswer> {
    return this.#host.askServer(request);
  }

  requireNow(): void {
    if (this.#ahead === undefined) return;
    throw new Unforeseen(
      `it can only be asked now, before step "${this.#ahead}"`,
    );
  }

  get #isPlain(): boolean {
    return this.#nodes.size === 0 && this.#unknown.size === 0;
  }

  /** Path whose folders are no links, as the host will be. */
  #placeOf(path: string): string {
    if (this.#isPlain) {
      return join(this.#host.realPath(dirname(path)), basename(path));
    }
    let rest = resolve(path).split("/").filter((name) => name !== "");
    let place = "/";
    let links = 0;
    while (rest.length > 0) {
      const [name = "", ...others] = rest;
      const next = join(place, name);
      const facts = others.length === 0 ? undefined : this.#folderAt(next);
      if (facts?.kind === "link") {
        if (++links > MAX_LINKS) throw new LinkCircle(path);
        const target = resolve(place, facts.target ?? "");
        rest = [...target.split("/").filter((each) => each !== ""), ...others];
        place = "/";
        continue;
      }
      place = next;
      rest = others;
    }
    return place;
  }

  /** Facts about a folder on the way to a path. One that the rules of the agent's policy hide counts as no link. */
  #folderAt(place: string): PathFacts | undefined {
    try {
      return this.#at(place);
    } catch (error) {
      if (codeOf(error) === "REFUSED") return undefined;
      throw error;
    }
  }

  /** Facts about a path without links in its folders. */
  #at(place: string): PathFacts | undefined {
    const node = this.#nodes.get(place);
    if (node !== undefined) return node.facts;
    return this.#showsThrough(dirname(place))
      ? this.#host.facts(place)
      : undefined;
  }

  /** True if a folder is still the host's, so that what is in it is, where no step changes it. */
  #showsThrough(folder: string): boolean {
    for (let at = folder;; at = dirname(at)) {
      const node = this.#nodes.get(at);
      if (
        node !== undefined && (node.isFresh || node.facts?.kind !== "folder")
      ) {
        return false;
      }
      if (dirname(at) === at) return true;
    }
  }

  #forgetBelow(path: string): void {
    for (const each of this.#nodes.keys()) {
      if (each.startsWith(`${path}/`)) this.#nodes.delete(each);
    }
  }

  #requireKnown(place: string): void {
    if (this.#unknown.size === 0) return;
    for (let at = place;; at = dirname(at)) {
      const step = this.#unknown.get(at);
      if (step !== undefined) throw dependsOn(step);
      if (dirname(at) === at) return;
    }
  }
}
