/** Part of a topic: a title, and below it paragraphs, terms with their meanings, or lines to type. */
export interface TopicSection {
  readonly title: string;
  readonly text?: readonly string[];
  readonly lines?: readonly (readonly [string, string])[];
  /** Command lines, complete. */
  readonly examples?: readonly string[];
}

/** A page of the help that is about no single subcommand. */
export interface Topic {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly sections: readonly TopicSection[];
}
