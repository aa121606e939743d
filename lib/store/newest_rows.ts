import type { Database, Row, SqlValue } from "./database.ts";

/** Condition of a query, with a value for each of its placeholders. */
export type Condition = readonly [sql: string, ...values: SqlValue[]];

/** Rows of a query that meet all of these conditions, those with the highest ids first. There is at least one condition. */
export function newestRows(
  db: Database,
  select: string,
  { conditions, limit }: {
    readonly conditions: readonly Condition[];
    readonly limit: number;
  },
): Row[] {
  const where = conditions.map(([sql]) => sql).join(" AND ");
  return db.all(
    `${select} WHERE ${where} ORDER BY id DESC LIMIT ?`,
    ...conditions.flatMap(([, ...values]) => values),
    limit,
  );
}
