import {
  allBelow,
  anyBelow,
  factsOfHost,
  keptAnswer,
} from "../base/fact_questions.ts";
import { allFacts } from "./all_facts.ts";
import type { Outcome } from "./operation.ts";
import type { Surroundings } from "./surroundings.ts";

/** Most facts that a refusal names. */
const MAX_NAMED = 3;

/**
 * Collects the facts of this host, and compares them with those that a state was compiled with. Resolves to the refusal
 * of the run if one is another, with the facts of now; to undefined if none is.
 *
 * @param used Questions about facts with the answers of then; nothing is collected if there are none.
 */
export async function movedFacts(
  used: Readonly<Record<string, string>>,
  surroundings: Surroundings,
): Promise<Outcome | undefined> {
  if (Object.keys(used).length === 0) return undefined;
  const facts = await allFacts({ surroundings });
  const host = factsOfHost(facts);
  const moved = Object.entries(used)
    .map(([question, then]) => ({
      question,
      then,
      now: keptAnswer(host, question),
    }))
    .filter(({ then, now }) => then !== now);
  if (moved.length === 0) return undefined;
  const named = moved.slice(0, MAX_NAMED).map(changeText);
  const others = moved.length - named.length;
  if (others > 0) named.push(`${others} more`);
  return {
    success: false,
    changed: false,
    message:
      `Cannot run the state: it was compiled with other facts of this host: ${
        named.join(", ")
      }; plan again`,
    data: { errorCode: "FAILED_PRECONDITION", facts },
  };
}

function changeText(
  { question, then, now }: {
    readonly question: string;
    readonly then: string;
    readonly now: string;
  },
): string {
  const name = question.slice(0, -2);
  if (question === allBelow(name) || question === anyBelow(name)) {
    return name === "" ? "all of them" : `${name}.*`;
  }
  return `${question} was ${valueText(then)}, and is ${valueText(now)}`;
}

/** Text of the value of a fact, which is JSON. */
function valueText(answer: string): string {
  if (answer === "null") return "not told";
  return answer.startsWith("{") ? "a long text" : answer;
}
