import { PiriError } from "../../base/errors.ts";
import { didYouMean } from "../../base/nearest.ts";
import { meansStep, tailsOf } from "../../steps/step_words.ts";

/** Step of a compiled state, as far as words may mean it. */
interface NamedStep {
  readonly name: string;
  readonly tags?: readonly string[];
}

/**
 * Owners of compiled states that have none of the steps which words mean.
 *
 * @param sheets Compiled states as JSON, by their owners
 * @throws {PiriError} NOT_FOUND for a word that means a step nowhere
 */
export function withoutSteps(
  sheets: ReadonlyMap<string, string>,
  only: readonly string[],
): ReadonlySet<string> {
  if (only.length === 0) return new Set();
  const read = [...sheets].map(([owner, json]) =>
    [owner, stepsIn(json)] as const
  );
  for (const word of only) {
    if (read.some(([, steps]) => steps.some((step) => meansStep(word, step)))) {
      continue;
    }
    const words = read.flatMap(([, steps]) =>
      steps.flatMap(({ name, tags = [] }) => [...tailsOf(name), ...tags])
    );
    throw new PiriError(
      "NOT_FOUND",
      `Cannot take only "${word}": no step has this name or tag, ${
        didYouMean(
          word,
          [...new Set(words)],
          "piri-manager state show AGENT lists them",
        )
      }`,
    );
  }
  return new Set(
    read.filter(([, steps]) =>
      !steps.some((step) => only.some((word) => meansStep(word, step)))
    ).map(([owner]) => owner),
  );
}

function stepsIn(json: string): readonly NamedStep[] {
  return (JSON.parse(json) as { readonly steps: readonly NamedStep[] }).steps;
}
