import { type Columns, columnsBy } from "./columns_by.ts";

/** Texts of nothing but ASCII, and the ellipsis of what was cut. */
const PLAIN = /^[\x20-\x7e\u2026]*$/;

/** Functions for texts of which each character is one column. */
export const plainColumns: Columns = columnsBy({
  widthOf: (text) => text.length,
  charactersOf: (text) => [...text],
});

/** Functions for these texts. The tables of Unicode take 15 ms to load, and are loaded only for a text that needs them. */
export async function columnsFor(texts: Iterable<string>): Promise<Columns> {
  for (const text of texts) {
    if (PLAIN.test(text)) continue;
    const { unicodeColumns } = await import("./columns.ts");
    return unicodeColumns;
  }
  return plainColumns;
}
