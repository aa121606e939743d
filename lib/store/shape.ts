import type { Row, SqlValue } from "./database.ts";

/** Conversion of a field into a cell and back. */
export interface Codec<T> {
  encode(value: T): SqlValue;
  decode(cell: SqlValue): T;
  /** SQL expression of the cell, out of one of its value in a row of `jsonRows`; the same if absent. */
  readonly fromJson?: (value: string) => string;
  /** SQL expression of a value for JSON, out of one of the cell, which may be NULL; the cell itself if absent. */
  readonly toJson?: (cell: string) => string;
  /** Reads a value that came as JSON and is no null; it is the value itself if absent. */
  readonly parse?: (value: unknown) => T;
}

/** A number of 64 bits is a text in JSON. */
const integerFromJson = (value: string) => `CAST(${value} AS INTEGER)`;
const integerToJson = (cell: string) => `CAST(${cell} AS TEXT)`;

export const text: Codec<string> = {
  encode: (value) => value,
  decode: (cell) => cell as string,
};

export const blob: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (cell) => cell as Uint8Array,
  fromJson: (value) => `unhex(${value})`,
  // hex(NULL) is no NULL.
  toJson: (cell) => `iif(${cell} IS NULL, NULL, hex(${cell}))`,
  parse: (value) => Uint8Array.fromHex(value as string),
};

/** Whole number; a fraction, as of a millisecond, is cut off. */
export const int: Codec<number> = {
  encode: (value) => Math.trunc(value),
  decode: (cell) => Number(cell),
};

/** Signed 64-bit number. */
export const big: Codec<bigint> = {
  encode: (value) => value,
  decode: (cell) => cell as bigint,
  fromJson: integerFromJson,
  toJson: integerToJson,
  parse: (value) => BigInt(value as string),
};

/** Unsigned 64-bit number. SQLite has none, so the upper half is stored as negative numbers. */
export const unsigned: Codec<bigint> = {
  encode: (value) => BigInt.asIntN(64, value),
  decode: (cell) => BigInt.asUintN(64, cell as bigint),
  fromJson: integerFromJson,
  toJson: integerToJson,
  parse: (value) => BigInt.asUintN(64, BigInt(value as string)),
};

export const flag: Codec<boolean> = {
  encode: (value) => value ? 1n : 0n,
  decode: (cell) => cell !== 0n,
  fromJson: integerFromJson,
  parse: (value) => value !== 0,
};

/** Plain data, stored as JSON. */
export function json<T>(): Codec<T> {
  return {
    encode: (value) => JSON.stringify(value),
    decode: (cell) => JSON.parse(cell as string),
    toJson: (cell) => `json(${cell})`,
  };
}

/** One of a few words. */
export function word<T extends string>(): Codec<T> {
  return { encode: (value) => value, decode: (cell) => cell as T };
}

export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  const { encode, decode } = codec;
  return {
    ...codec,
    encode: (value) => value === null ? null : encode(value),
    decode: (cell) => cell === null ? null : decode(cell),
  };
}

/** Columns of a record's table. The field `killAfterMs` has the column kill_after_ms. */
export class Shape<R extends object> {
  /** All columns, in the form that SELECT needs. */
  readonly list: string;
  readonly #columns: ReadonlyMap<
    string,
    { name: string; codec: Codec<unknown> }
  >;
  /** Fields whose values are not themselves in JSON. */
  readonly #parsed: readonly {
    key: string;
    parse: (value: unknown) => unknown;
  }[];

  constructor(codecs: { readonly [K in keyof R]: Codec<R[K]> }) {
    this.#columns = new Map(
      Object.entries<Codec<unknown>>(codecs as Record<string, Codec<unknown>>)
        .map(([key, codec]) => [key, { name: columnName(key), codec }]),
    );
    this.list = this.names([...this.#columns.keys()]).join(", ");
    this.#parsed = [...this.#columns].flatMap(([key, { codec: { parse } }]) =>
      parse === undefined ? [] : [{ key, parse }]
    );
  }

  /**
   * Names of the columns of these fields.
   *
   * @throws {TypeError} if there is no such field.
   */
  names(fields: readonly string[]): string[] {
    return fields.map((field) => this.#column(field).name);
  }

  /** Cells of these fields, in their order. */
  cells<K extends keyof R & string>(
    record: Pick<R, K>,
    fields: readonly K[],
  ): SqlValue[] {
    return fields.map((field) =>
      this.#column(field).codec.encode(record[field])
    );
  }

  /** SQL expressions of these fields' cells, out of rows of `jsonRows` that have them from a place on. */
  fromJson<K extends keyof R & string>(
    fields: readonly K[],
    place: number,
  ): string[] {
    return fields.map((field, index) => {
      const value = `value ->> ${place + index}`;
      return this.#column(field).codec.fromJson?.(value) ?? value;
    });
  }

  /** Fields of a record as they will be read back: without the fraction of a time. */
  kept<K extends keyof R & string>(
    record: Pick<R, K>,
    fields: readonly K[],
  ): Pick<R, K> {
    const cells = this.cells(record, fields);
    return Object.fromEntries(fields.map((field, index) => [
      field,
      this.#column(field).codec.decode(cells[index] ?? null),
    ])) as Pick<R, K>;
  }

  /** SQL expression of a row as one text, for `unpackOne`: it costs half of its columns, and is cheap to send elsewhere. */
  packedRow(): string {
    const fields = [...this.#columns].map(([key, { name, codec }]) =>
      `'${key}', ${codec.toJson?.(name) ?? name}`
    );
    return `json_object(${fields.join(", ")})`;
  }

  /**
   * SQL expression of all rows of a table as one text, for `unpack`: many rows take less time so, and a text goes to another
   * thread at once.
   */
  packed(order: string): string {
    return `json_group_array(${this.packedRow()} ORDER BY ${order})`;
  }

  /** Records of a text that `packed` made. */
  unpack(text: string): R[] {
    const records = JSON.parse(text) as Record<string, unknown>[];
    return records.map((record) => this.#parse(record));
  }

  /** Record of a text that `packedRow` made. */
  unpackOne(text: string): R {
    return this.#parse(JSON.parse(text));
  }

  #parse(record: Record<string, unknown>): R {
    for (const { key, parse } of this.#parsed) {
      const value = record[key];
      if (value !== null) record[key] = parse(value);
    }
    return record as R;
  }

  record(row: Row): R {
    const record: Record<string, unknown> = {};
    for (const [key, { name, codec }] of this.#columns) {
      record[key] = codec.decode(row[name] ?? null);
    }
    return record as R;
  }

  /** Reads some fields of a record. */
  part<K extends keyof R & string>(
    row: Row,
    fields: readonly K[],
  ): Pick<R, K> {
    const part: Record<string, unknown> = {};
    for (const field of fields) {
      const { name, codec } = this.#column(field);
      part[field] = codec.decode(row[name] ?? null);
    }
    return part as Pick<R, K>;
  }

  #column(field: string): { name: string; codec: Codec<unknown> } {
    const column = this.#columns.get(field);
    if (column === undefined) {
      throw new TypeError(
        `Cannot find a column for "${field}": it is no field`,
      );
    }
    return column;
  }
}

function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
