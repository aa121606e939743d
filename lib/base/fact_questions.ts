import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "./sha256.ts";

/** Facts by their dotted names. */
type Facts = Readonly<Record<string, string>>;

/** Question for all facts below a name, as os.version and os.name below "os"; of all facts if that is empty. */
export function allBelow(name: string): string {
  return `${name}.*`;
}

/** Question if there are facts below a name. */
export function anyBelow(name: string): string {
  return `${name}.?`;
}

/** Answer of facts to a question, as JSON: the value of a fact or null, or what is below a name. */
export function factAnswer(facts: Facts, question: string): string {
  const name = question.slice(0, -2);
  const start = name === "" ? "" : `${name}.`;
  if (question === anyBelow(name)) {
    const isThere = Object.keys(facts).some((each) => each.startsWith(start));
    return JSON.stringify(isThere);
  }
  if (question === allBelow(name)) {
    const found = Object.entries(facts)
      .filter(([each]) => each.startsWith(start))
      .map(([each, value]) => [each.slice(start.length), value] as const)
      .toSorted(([one], [other]) => one < other ? -1 : 1);
    return JSON.stringify(found);
  }
  const value = Object.hasOwn(facts, question) ? facts[question] : undefined;
  return JSON.stringify(value ?? null);
}

/** Longest answer that is kept as it is, in characters. */
const MAX_ANSWER = 1_000;

/** Answer as a plan keeps it: in place of a long one, its SHA-256 in hex digits. */
export function keptAnswer(facts: Facts, question: string): string {
  const answer = factAnswer(facts, question);
  return answer.length <= MAX_ANSWER
    ? answer
    : JSON.stringify({ sha256: encodeHex(sha256(answer)) });
}

/** Names, and questions about them, of what hellos and the Manager tell, whatever a host says of itself. */
const NOT_OF_HOST =
  /^(?:operations|agent\.version|(?:policy|installation)(?:\..*)?)$/;

/** True for a name of a fact, or a question, that a host answers by itself. */
export function isOfHost(question: string): boolean {
  return !NOT_OF_HOST.test(question);
}

/** The facts that a host tells by itself. */
export function factsOfHost(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts).filter(([name]) => isOfHost(name)),
  );
}
