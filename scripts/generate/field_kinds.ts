import { type DescField, ScalarType } from "@bufbuild/protobuf";

/** Way to read, write and type a kind of value. */
interface Kind {
  readonly type: string;
  /** Method of reader and writer. */
  readonly method: string;
  readonly wireType: number;
  readonly zero: string;
  /** Condition under which a value is written. */
  readonly isSet: (value: string) => string;
}

const isNot = (zero: string) => (value: string) => `${value} !== ${zero}`;

function numeric(method: string, wireType = 0): Kind {
  const is64 = method.endsWith("64");
  const zero = is64 ? "0n" : "0";
  const type = is64 ? "bigint" : "number";
  return { type, method, wireType, zero, isSet: isNot(zero) };
}

const SCALARS: Readonly<Partial<Record<ScalarType, Kind>>> = {
  [ScalarType.UINT32]: numeric("uint32"),
  [ScalarType.INT32]: numeric("int32"),
  [ScalarType.UINT64]: numeric("uint64"),
  [ScalarType.INT64]: numeric("int64"),
  [ScalarType.FIXED64]: numeric("fixed64", 1),
  [ScalarType.DOUBLE]: numeric("double", 1),
  [ScalarType.BOOL]: {
    type: "boolean",
    method: "bool",
    wireType: 0,
    zero: "false",
    isSet: (value) => value,
  },
  [ScalarType.STRING]: {
    type: "string",
    method: "string",
    wireType: 2,
    zero: '""',
    isSet: isNot('""'),
  },
  [ScalarType.BYTES]: {
    type: "Uint8Array",
    method: "bytes",
    wireType: 2,
    zero: "NO_BYTES",
    isSet: (value) => `${value}.length > 0`,
  },
};

/** Kinds of which reader and writer have a method for packed lists. */
const PACKED: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.UINT32,
  ScalarType.INT64,
]);

/** Kind of the values of a field that has no messages. */
export function kindOf(field: DescField): Kind {
  const kind = field.enum !== undefined
    ? numeric("int32")
    : field.scalar !== undefined
    ? SCALARS[field.scalar]
    : undefined;
  if (kind === undefined) throw unsupported(field);
  return kind;
}

/** True for a list of numbers in one piece. */
export function isPacked(field: DescField): boolean {
  if (field.fieldKind !== "list" || !field.packed) return false;
  if (field.enum === undefined && !PACKED.has(field.scalar)) {
    throw unsupported(field);
  }
  return true;
}

/** Kind of the values of a map, in the names of the methods of reader and writer. */
export function mapKindOf(field: DescField): "string" | "uint64" {
  const isText = field.fieldKind === "map" &&
    field.mapKey === ScalarType.STRING;
  if (isText && field.scalar === ScalarType.STRING) return "string";
  if (isText && field.scalar === ScalarType.UINT64) return "uint64";
  throw unsupported(field);
}

function unsupported(field: DescField): Error {
  return new Error(`Cannot generate ${field}: its type is not supported`);
}
