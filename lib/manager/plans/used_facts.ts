import {
  factsOfHost,
  isOfHost,
  keptAnswer,
} from "../../base/fact_questions.ts";
import type { AgentRecord } from "../../store/records.ts";

/**
 * Facts of its host that an agent's compiled state depends on: questions, with the answers that it was compiled with.
 * The agent asks them again before it runs the state. What operators have set is not the host's.
 *
 * @param questions What the state asked for, as `factAnswer` takes it.
 */
export function usedFacts(
  questions: Iterable<string>,
  { facts, setFacts }: Pick<AgentRecord, "facts" | "setFacts">,
): Readonly<Record<string, string>> {
  const host = factsOfHost(facts);
  const asked = [...questions].filter((question) =>
    isOfHost(question) && !Object.hasOwn(setFacts, question)
  );
  return Object.fromEntries(
    asked.map((question) => [question, keptAnswer(host, question)]),
  );
}
