/** Properties of units that are read. */
export const UNIT_PROPERTIES = [
  "Id",
  "Names",
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "ConditionResult",
  "UnitFileState",
  "NeedDaemonReload",
  "CanReload",
  "FragmentPath",
  "SourcePath",
  "DropInPaths",
  "InvocationID",
  "Requires",
  "Requisite",
  "BindsTo",
] as const;

/** Unit of systemd by its properties. */
export interface UnitRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly load: string;
  readonly isUp: boolean;
  readonly isDown: boolean;
  /** True if its conditions were not met when it was started last, or it never was. */
  readonly isUnmet: boolean;
  readonly status: string;
  readonly fileState: string;
  readonly isStale: boolean;
  readonly canReload: boolean;
  /** File of the unit, and those that add to it. */
  readonly files: readonly string[];
  /** File from which a generator made it. */
  readonly source: string;
  /** Mark of its last start. */
  readonly invocation: string;
  /** Units without which it does not start. */
  readonly needs: readonly string[];
}

type Properties = Partial<Record<typeof UNIT_PROPERTIES[number], string>>;

/** Reads what `systemctl show` prints: lines of a property each, and an empty line between two units. */
export function readUnits(text: string): readonly UnitRow[] {
  return text.split(/\n\n+/).map(readProperties)
    .filter(({ Id = "" }) => Id !== "").map(rowOf);
}

function readProperties(text: string): Properties {
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function rowOf(unit: Properties): UnitRow {
  const { Id: id = "", ActiveState: active = "", SubState: sub = "" } = unit;
  const result = unit.Result ?? "";
  const detail = active === "failed" && result !== "" ? result : sub;
  return {
    id,
    names: words(unit.Names),
    load: unit.LoadState ?? "",
    isUp: ["active", "reloading", "refreshing"].includes(active),
    isDown: active === "inactive" || active === "failed",
    isUnmet: unit.ConditionResult === "no",
    status: detail === "" ? active : `${active} (${detail})`,
    fileState: unit.UnitFileState ?? "",
    isStale: unit.NeedDaemonReload === "yes",
    canReload: unit.CanReload === "yes",
    files: [...words(unit.FragmentPath), ...words(unit.DropInPaths)],
    source: unit.SourcePath ?? "",
    invocation: unit.InvocationID ?? "",
    needs: [unit.Requires, unit.Requisite, unit.BindsTo].flatMap(words),
  };
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(" ").filter((word) => word !== "");
}
