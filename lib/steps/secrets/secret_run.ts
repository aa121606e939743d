import { createHmac } from "node:crypto";
import { dirname, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { Sealed } from "../../base/sealed.ts";
import type { MaskedOutput } from "../../base/masking/masked_output.ts";
import { checkStepParams } from "../check_parameters.ts";
import { asPiriError } from "../engine/plan_steps.ts";
import type { PreparedSheet, PreparedStep } from "../engine/prepare.ts";
import type { RunMeans } from "../engine/run_means.ts";
import { unlessCircle } from "../host/link_circle.ts";
import type { SheetValue } from "../sheet.ts";
import type { Check, StepOperation } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { sealedChange, type StepSecrets } from "./sealed_changes.ts";
import { inForm } from "./secret_form.ts";
import type { SecretSource } from "./secret_source.ts";
import { filled, placeholderOf, referencesIn } from "./secret_values.ts";
import { shownLines } from "./shown_lines.ts";

/** Digits of a fingerprint, as of all others. */
const DIGITS = 24;

type Params = Readonly<Record<string, SheetValue>>;

/**
 * Readies a run for the secrets that its steps name, and for those that files have from earlier runs. They are fetched
 * when a step needs them, and given to its operation alone: what that tells has none in it.
 *
 * @throws {PiriError} UNSUPPORTED where no secrets can be had
 */
export async function readySecrets(
  sheet: PreparedSheet,
  { secrets }: Pick<RunMeans, "secrets">,
): Promise<PreparedSheet> {
  const places = new SecretPlaces(secrets?.paths.all ?? []);
  const isPlain = sheet.steps.every((step) =>
    referencesIn(step.params).length === 0 && !places.isSeenBy(step)
  );
  if (isPlain) return sheet;
  if (secrets === undefined) {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot run these steps: they name secrets, and none can be had here",
    );
  }
  const run = new SecretRun(secrets, await secrets.fingerprintKey());
  return { ...sheet, steps: run.steps(sheet.steps) };
}

/** Paths that a step writes. */
function written({ operation, params }: PreparedStep): readonly string[] {
  return (operation.touches?.(params) ?? []).map((path) => resolve(path));
}

/** Paths of files with secrets. */
class SecretPlaces {
  /** Paths of the files and of all folders above them. */
  readonly #all = new Set<string>();

  constructor(paths: Iterable<string>) {
    this.add(paths);
  }

  add(paths: Iterable<string>): void {
    for (const path of paths) {
      for (let at = path; !this.#all.has(at); at = dirname(at)) {
        this.#all.add(at);
      }
    }
  }

  /** True for a step that looks at one of them, or at a folder above. */
  isSeenBy(step: PreparedStep): boolean {
    if (this.#all.size === 0) return false;
    const { operation, params } = step;
    const read = (operation.reads?.(params) ?? []).map((path) => resolve(path));
    return [...written(step), ...read].some((path) => this.#all.has(path));
  }
}

/** Secrets of one run, in memory. */
class SecretRun {
  readonly #source: SecretSource;
  readonly #masks: MaskedOutput;
  readonly #key: Uint8Array;
  readonly #texts = new Map<string, string>();
  /** Forms of secrets that are masked, too. */
  readonly #forms = new Set<string>();

  constructor(source: SecretSource, key: Uint8Array) {
    this.#source = source;
    this.#masks = source.masks;
    this.#key = key;
  }

  /** Steps whose operations get the secrets, and keep them. */
  steps(steps: readonly PreparedStep[]): PreparedStep[] {
    // Others that are about a path that such a step writes see what is in it.
    const places = new SecretPlaces(this.#source.paths.all);
    return steps.map((prepared) => {
      const sees = referencesIn(prepared.params).length > 0 ||
        places.isSeenBy(prepared);
      if (sees) places.add(written(prepared));
      return { ...prepared, operation: this.#sealed(prepared, sees) };
    });
  }

  #sealed(
    prepared: PreparedStep,
    sees: boolean,
  ): StepOperation {
    const { operation, params, step } = prepared;
    const hasSecrets = referencesIn(params).length > 0;
    const within = async <T>(work: (real: Params) => Promise<T>) => {
      try {
        return await work(await this.#fill(operation, params, step.name));
      } catch (error) {
        throw this.#masked(error, step.name);
      }
    };
    return {
      ...operation,
      check: (_, reader, forecast) =>
        within(async (real) => {
          const check = await operation.check(real, reader, forecast);
          return this.#seal(check, {
            step: step.name,
            secrets: sees && check.changes.length > 0
              ? this.#secretsOf(operation, params)
              : undefined,
          });
        }),
      change: (_, check, writer) =>
        within(async (real) => {
          // The next run may be of a state that does not know of it any more.
          if (hasSecrets) {
            const named = written(prepared);
            const real = named.map((path) =>
              unlessCircle(() => writer.realPath(path)) ?? path
            );
            await this.#source.paths.add([...named, ...real]);
          }
          return await operation.change(real, check, writer);
        }),
    };
  }

  /** Parameters with the secrets in them. */
  async #fill(
    operation: StepOperation,
    params: Params,
    step: string,
  ): Promise<Params> {
    const references = referencesIn(params);
    if (references.length === 0) return params;
    for (const { name, form } of references) {
      await this.#open(name);
      if (form === undefined || this.#forms.has(`${form} ${name}`)) continue;
      this.#forms.add(`${form} ${name}`);
      // A program that gets it as base64 may print that as hex digits.
      const text = inForm(this.#texts.get(name) ?? "", form);
      this.#masks.add(new Sealed(text));
    }
    const real = filled(params, this.#texts) as Params;
    return checkStepParams(operation, real, step);
  }

  async #open(name: string): Promise<void> {
    if (this.#texts.has(name)) return;
    const secret = await this.#source.open(name);
    this.#masks.add(secret);
    this.#texts.set(name, secret.open());
  }

  #secretsOf(operation: StepOperation, params: Params): StepSecrets {
    const own = operation.frame?.(params) ?? [];
    return {
      lines: shownLines({ ...params, "": [...own] }, this.#texts),
      places: new Map(
        Object.entries(params).flatMap(([key, value]) => {
          const names = new Set(referencesIn(value).map(({ name }) => name));
          const shown = [...names].map(placeholderOf).join("");
          return names.size === 0 ? [] : [[key, shown] as const];
        }),
      ),
      hasSecret: (text) =>
        [...this.#texts.values()].some((each) => text.includes(each)),
    };
  }

  #seal(
    check: Check,
    { step, secrets }: {
      readonly step: string;
      readonly secrets: StepSecrets | undefined;
    },
  ): Check {
    const hmac = createHmac("sha256", this.#key);
    hmac.update(`${step}\0${check.fingerprint}`);
    return {
      ...check,
      // A hash of a content that is known but for a short secret would tell that.
      fingerprint: hmac.digest("hex").slice(0, DIGITS),
      ...secrets === undefined ? {} : {
        changes: check.changes.map((each) => sealedChange(each, secrets)),
      },
      ...check.reason === undefined
        ? {}
        : { reason: this.#masks.text(check.reason) },
    };
  }

  /** The error without secrets. Its cause is left out: that might have some. */
  #masked(error: unknown, step: string): Error {
    if (error instanceof Unforeseen) {
      return new Unforeseen(this.#masks.text(error.message));
    }
    const { code, message } = asPiriError(error, step);
    return new PiriError(code, this.#masks.text(message));
  }
}
