import type { Topic } from "../topic.ts";

/** `help json` of both programs. */
export const json: Topic = {
  name: "json",
  summary: "the output of --json, for other programs",
  sections: [
    {
      title: "JSON Lines",
      text: [
        "With --json, standard output has values and nothing else, one a line. A list is one object per item. Fields are added in later versions, and never changed or taken away.",
      ],
      lines: [
        [
          "ids, byte counts",
          "text of digits: they may be too large for a number of JSON",
        ],
        ["times", "ISO 8601 in UTC, as 2026-01-31T12:00:00.000Z"],
        ["what is absent", "null"],
        ["names of fields", "camelCase"],
      ],
    },
    {
      title: "Errors",
      text: [
        'An error is one object on standard error, as {"error":{"code":"NOT_FOUND","message":"...","hint":"..."}}. The code is for programs; message and hint are for people and may change. The exit code is the same as without --json.',
      ],
    },
  ],
};
