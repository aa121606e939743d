import type { DescFile } from "@bufbuild/protobuf";

/** Comments of the file, by the path of their subject in the descriptor. */
export class Comments {
  readonly #texts = new Map<string, string>();

  constructor({ proto }: DescFile) {
    for (
      const { path, leadingComments } of proto.sourceCodeInfo?.location ?? []
    ) {
      if (leadingComments) this.#texts.set(path.join(), leadingComments);
    }
  }

  of(path: readonly number[], indent = ""): string {
    const lines = this.#texts.get(path.join())?.trim().split("\n") ?? [];
    if (lines.length === 0) return "";
    const [first = "", ...others] = lines.map((line) => line.trim());
    return others.length === 0
      ? `${indent}/** ${first} */\n`
      : `${indent}/**\n${
        [first, ...others].map((line) => `${indent} * ${line}\n`).join("")
      }${indent} */\n`;
  }
}
