import { type Columns, columnsBy } from "./columns_by.ts";
import { widthOf } from "./width.ts";

let characters: Intl.Segmenter | undefined;

/** Functions for texts of any characters. */
export const unicodeColumns: Columns = columnsBy({
  widthOf,
  // An emoji of several code points is one.
  charactersOf(text) {
    characters ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
    return Array.from(characters.segment(text), ({ segment }) => segment);
  },
});
