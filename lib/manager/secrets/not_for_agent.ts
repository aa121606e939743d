import { PiriError } from "../../base/errors.ts";

/** Refusal to give a secret that is there to an agent that it is not for. Its message tells whom it is for. */
export class NotForAgent extends PiriError {
  readonly #secret: string;
  readonly #agent: string;

  constructor(secret: string, agent: string, fact: string) {
    super(
      "DENIED",
      `Cannot give the secret "${secret}" to agent "${agent}": ${fact}`,
    );
    this.#secret = secret;
    this.#agent = agent;
  }

  /** Refusal for those who may not know that it is there. It has the whole reason for the audit. */
  get covered(): PiriError {
    const error = noSecret(this.#secret, this.#agent);
    return Object.assign(error, { deniedAs: this.message });
  }
}

/** Error for a secret that is not there for an agent. */
export function noSecret(secret: string, agent: string): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find the secret "${secret}": there is none for agent "${agent}"`,
  );
}
